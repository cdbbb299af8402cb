package nn_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// TestOptimizers checks that each optimizer changes the weights, step by step, as torch.optim
// defines it. The tolerance is that of an update in float32: a few units in the last place of the
// weight and of the change.
func TestOptimizers(t *testing.T) {
	for name, h := range optimizers {
		t.Run(name, func(t *testing.T) {
			dev := gputest.Device(t)
			net, images := build(t, dev, small, fashion(t, 40))
			require.NoError(t, net.Init(nn.He, 5))
			h.Batch, h.Epochs = 16, 2
			trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: h, SettleEvery: 1})
			require.NoError(t, err)
			defer trainer.Close()
			before, err := net.Weights()
			require.NoError(t, err)
			state := map[[2]int]*[2]float64{}
			for step, err := range trainer.Steps(context.Background()) {
				require.NoError(t, err)
				gradients, err := net.Gradients()
				require.NoError(t, err)
				after, err := net.Weights()
				require.NoError(t, err)
				for i, w := range before {
					h := h
					if h.SpareBiases && (h.Optimizer != nn.AdamW || len(w.Shape) < 2) { // else the gradient has it
						h.WeightDecay = 0
					}
					for j, v := range w.Data {
						at := [2]int{i, j}
						if state[at] == nil {
							state[at] = new([2]float64)
						}
						want := update(h, step.Step, state[at], float64(v), float64(gradients[i].Data[j]))
						got := float64(after[i].Data[j])
						require.InDelta(t, want, got, 4e-7*math.Abs(want)+2e-6*h.Rate, "step %d, %s[%d]",
							step.Step, w.Name, j)
					}
				}
				before = after
			}
			_, optimizer, err := trainer.State()
			require.NoError(t, err)
			for _, s := range optimizer {
				assert.True(t, nn.IsOptimizerState(s.Name))
			}
		})
	}
	for want, h := range map[string]nn.Hyper{
		`Optimizer is "adm"; want sgd, adam, adamw`: {Optimizer: "adm"},
		"Nesterov is true; want it with sgd":        {Nesterov: true},
		"Nesterov is true": {Optimizer: nn.Adam, Momentum: 0.9,
			Nesterov: true},
		"SpareBiases is without effect; want a weight decay above 0 with it": {SpareBiases: true},
		"ClipNorm is -1; want a positive number, or 0":                       {ClipNorm: -1},
		"ClipNorm is +Inf":  {ClipNorm: math.Inf(1)},
		"ClipNorm is NaN":   {ClipNorm: math.NaN()},
		"ClipNorm is 1e-50": {ClipNorm: 1e-50},
	} {
		h.Batch, h.Epochs = 1, 1
		assert.ErrorContains(t, h.Check(), want)
	}
}

// padded is a network in which the weights of each kind of layer are padded.
var padded = nn.Sequential{
	nn.Conv2D{Out: 7, Kernel: 3}, nn.BatchNorm2D{}, nn.ReLU{}, nn.Conv2D{Out: 7, Kernel: 3, Groups: 7}, nn.SiLU{},
	nn.Flatten{}, nn.Linear{Out: 10},
}

// TestClipNorm checks that the clipped norm is that of the gradient of a whole batch, over all its
// parts and all of PyTorch's weights. Padding on the device, which a kernel might fill, does not
// count. The tolerance is the rounding of the norm, a factor of at most 1e-6.
func TestClipNorm(t *testing.T) {
	net, images := build(t, gputest.Device(t), padded, crops(t, 10, 1, 7, 6))
	for _, micro := range []int{10, 4} {
		clipped := func(norm float64) []safetensors.Tensor {
			_, g := gradient(t, net, images,
				nn.TrainConfig{Hyper: nn.Hyper{Batch: 10, Epochs: 1, ClipNorm: norm}, MicroBatch: micro})
			return g
		}
		plain := clipped(0)
		squares := 0.0
		for _, g := range plain {
			for _, v := range g.Data {
				squares += float64(v) * float64(v)
			}
		}
		norm := math.Sqrt(squares)
		for _, most := range []float64{norm / 100, norm * 0.999, norm * 1.001} {
			factor := min(1, most/(norm+1e-6))
			for i, g := range clipped(most) {
				for j, v := range g.Data {
					want := factor * float64(plain[i].Data[j])
					require.InDelta(t, want, v, 2e-6*math.Abs(want), "%s[%d]", g.Name, j)
				}
			}
		}
	}
}

// TestSpareBiases checks that weights with fewer than two dimensions do not decay, and that the
// others do.
func TestSpareBiases(t *testing.T) {
	net, images := build(t, gputest.Device(t), padded, crops(t, 10, 1, 7, 6))
	h := nn.Hyper{Batch: 10, Epochs: 1}
	_, plain := gradient(t, net, images, nn.TrainConfig{Hyper: h})
	h.WeightDecay, h.SpareBiases = 0.5, true
	_, decayed := gradient(t, net, images, nn.TrainConfig{Hyper: h})
	weights, err := net.Weights()
	require.NoError(t, err)
	weights = slices.DeleteFunc(weights, func(w safetensors.Tensor) bool {
		return strings.Contains(w.Name, "running_")
	})
	for i, w := range weights {
		for j, v := range w.Data {
			want := float64(plain[i].Data[j])
			if strings.HasSuffix(w.Name, "weight") && !strings.HasSuffix(w.Name, "1.weight") { // BatchNorm2D's
				want += 0.5 * float64(v)
			}
			require.InDelta(t, want, decayed[i].Data[j], 1e-7*(1+math.Abs(want)), "%s[%d]", w.Name, j)
		}
	}
}

// update returns a weight after a step with gradient g, in float64. It updates s, the optimizer's
// state of the weight.
func update(h nn.Hyper, step int, s *[2]float64, w, g float64) float64 {
	t := float64(step)
	switch h.Optimizer {
	case nn.Adam, nn.AdamW:
		if h.Optimizer == nn.AdamW {
			w -= h.Rate * h.WeightDecay * w
		} else {
			g += h.WeightDecay * w
		}
		s[0] = 0.9*s[0] + 0.1*g
		s[1] = 0.999*s[1] + 0.001*g*g
		return w - h.Rate/(1-math.Pow(0.9, t))*s[0]/(math.Sqrt(s[1]/(1-math.Pow(0.999, t)))+1e-8)
	}
	g += h.WeightDecay * w
	s[0] = h.Momentum*s[0] + g
	if h.Nesterov {
		return w - h.Rate*(g+h.Momentum*s[0])
	}
	return w - h.Rate*s[0]
}
