package nn

import (
	"math"
	"slices"
)

// LogSoftmax returns the logarithms of the softmax probabilities of logits [C], as
// torch.nn.functional.log_softmax does, computed in float64.
func LogSoftmax(logits []float32) []float64 {
	largest, sum := float64(slices.Max(logits)), 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - largest)
	}
	logP := make([]float64, len(logits))
	for i, v := range logits {
		logP[i] = float64(v) - (largest + math.Log(sum))
	}
	return logP
}
