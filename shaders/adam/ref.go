package adam

import (
	"math"

	"wgnin/shaders"
)

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, shaders.Batch]) {
	if a.Metrics[shaders.MetricDiverged] != 0 {
		return
	}
	rate, decay := float64(a.Batch.Rate), float64(s.Decay)
	for i := range a.W {
		slope := a.G[i]
		if s.Decoupled {
			a.W[i] -= rate * decay * a.W[i]
		} else {
			slope += decay * a.W[i]
		}
		a.M[i] = float64(float32(Beta1))*a.M[i] + float64(float32(1-Beta1))*slope
		a.V[i] = float64(float32(Beta2))*a.V[i] + float64(float32(1-Beta2))*slope*slope
		a.W[i] -= rate * float64(a.Batch.Correction1) *
			a.M[i] / (math.Sqrt(a.V[i])*float64(a.Batch.Correction2) + float64(float32(Eps)))
		if shaders.Overflows(a.W[i]) {
			a.Metrics[shaders.MetricOverflow] = 1
		}
	}
}
