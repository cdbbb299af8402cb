package nn_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
)

// crossEntropy is the mean loss of the images at the places, and the sum over them of its
// gradient, from logits, in float64: PyTorch's formula.
func crossEntropy(c nn.CrossEntropy, set *data.Images, logits [][]float32, places []int) (loss float64, gradient []float64) {
	classes := len(logits[0])
	gradient = make([]float64, classes)
	sum := 0.0
	for _, n := range places {
		exps := 0.0
		for _, v := range logits[n] {
			exps += math.Exp(float64(v))
		}
		weight := func(c int) float64 { return 1 }
		if c.ClassWeights != nil {
			weight = func(k int) float64 { return c.ClassWeights[k] }
		}
		label := set.Label(n)
		sum += weight(label)
		for k := range classes {
			share := c.LabelSmoothing / float64(classes) * weight(k)
			if k == label {
				share += (1 - c.LabelSmoothing) * weight(k)
			}
			loss += share * (math.Log(exps) - float64(logits[n][k]))
			for j, v := range logits[n] {
				gradient[j] += share * math.Exp(float64(v)) / exps
			}
			gradient[k] -= share
		}
	}
	for k := range gradient {
		gradient[k] /= sum
	}
	return loss / sum, gradient
}

// The mean with weights is over the whole batch, whichever images it has, however it is split,
// and whether it is whole or the last; the test has another loss, or the same if it is asked to.
// The tolerance of the sums of ten is that of PyTorch's float32: 1e-6.
func TestCrossEntropyOfABatch(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	net, images := build(t, dev, nn.Sequential{nn.Conv2D{Out: 4, Kernel: 3}, nn.ReLU{}, nn.Flatten{}, nn.Linear{Out: 10}}, set)
	require.NoError(t, net.Init(nn.He, 3))
	weights := []float64{1, 0.25, 3, 0.7, 2, 1.5, 0.1, 5, 1, 0.9}
	for _, c := range []nn.CrossEntropy{{}, {LabelSmoothing: 0.2}, {ClassWeights: weights}, {LabelSmoothing: 0.2, ClassWeights: weights}} {
		eval, err := nn.NewEvaluator(net, images, 4, c)
		require.NoError(t, err)
		defer eval.Close()
		logits, err := eval.Logits(0, 10)
		require.NoError(t, err)
		measured, err := eval.Run(context.Background())
		require.NoError(t, err)
		want, _ := crossEntropy(c, set, logits, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		assert.InDelta(t, want, measured.Loss, 1e-6)
		for _, micro := range []int{6, 4, 1} {
			for _, shuffle := range []bool{false, true} {
				t.Run(fmt.Sprintf("%+v parts of %d shuffled %t", c, micro, shuffle), func(t *testing.T) {
					trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
						Hyper: nn.Hyper{Batch: 6, Epochs: 2, Seed: 5, Shuffle: shuffle}, Loss: c, MicroBatch: micro, SettleEvery: 1,
					})
					require.NoError(t, err)
					defer trainer.Close()
					for s, err := range trainer.Steps(context.Background()) {
						require.NoError(t, err)
						order := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
						if shuffle {
							order = rand.New(rand.NewPCG(5, uint64(s.Epoch))).Perm(10)
						}
						want, wantGradient := crossEntropy(c, set, logits, order[(s.Step-1)%2*6:][:s.Images])
						assert.InDelta(t, want, s.Loss, 1e-6)
						gradients, err := net.Gradients()
						require.NoError(t, err)
						for k, v := range gradients[3].Data { // of the last bias
							assert.InDelta(t, wantGradient[k], v, 1e-6)
						}
					}
				})
			}
		}
	}
	for want, c := range map[string]nn.CrossEntropy{
		"LabelSmoothing is 1; want 0 <= smoothing < 1": {LabelSmoothing: 1}, "LabelSmoothing is NaN": {LabelSmoothing: math.NaN()},
		"ClassWeights is 0; want a positive number for each class": {ClassWeights: make([]float64, 10)}, "ClassWeights is +Inf": {ClassWeights: []float64{math.Inf(1)}},
		"ClassWeights is 2 numbers; want 10, one for each class": {ClassWeights: []float64{1, 2}},
	} {
		_, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 1, Epochs: 1}, Loss: c})
		assertOneLine(t, err, want)
		_, err = nn.NewEvaluator(net, images, 1, c)
		assertOneLine(t, err, want)
	}
}
