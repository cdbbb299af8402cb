package nn_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
)

// Each optimizer changes the weights by the gradients as torch.optim defines it, step by
// step. The tolerance is that of an update in float32: a few units in the last place of
// weight and change.
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
					for j, v := range w.Data {
						at := [2]int{i, j}
						if state[at] == nil {
							state[at] = new([2]float64)
						}
						want := update(h, step.Step, state[at], float64(v), float64(gradients[i].Data[j]))
						got := float64(after[i].Data[j])
						require.InDelta(t, want, got, 4e-7*math.Abs(want)+2e-6*h.Rate, "step %d, %s[%d]", step.Step, w.Name, j)
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
		`Optimizer is "adm"; want sgd, adam, adamw`: {Optimizer: "adm"}, "Nesterov is true; want it with sgd": {Nesterov: true}, "Nesterov is true": {Optimizer: nn.Adam, Momentum: 0.9, Nesterov: true},
	} {
		h.Batch, h.Epochs = 1, 1
		assert.ErrorContains(t, h.Check(), want)
	}
}

// update is a weight after a step with gradient g, in float64; s is the optimizer's state of it.
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
