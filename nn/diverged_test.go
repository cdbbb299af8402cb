package nn_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// TestDiverged checks that a training that diverges names the step and the layer. The steps in
// flight after it must not change the weights, or the wrong layers would be named. From earlier
// weights and state, the training continues as if nothing had happened.
func TestDiverged(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 12, 1, 9, 8)
	clear(set.Pixels[:3*9*8]) // the first micro-batch is finite with any weights
	for i := range set.Labels {
		set.Labels[i] = 1
	}
	net, images := build(t, dev, looked(), set)
	p := probe(t, net)
	weights := func() []safetensors.Tensor {
		ts, err := net.Weights()
		require.NoError(t, err)
		return ts
	}
	fill := func(values map[string]float32) func() {
		return func() {
			ts := weights()
			for _, w := range ts {
				for i := range w.Data {
					if v, ok := values[w.Name]; ok {
						w.Data[i] = v
					}
				}
			}
			require.NoError(t, net.SetWeights(ts))
		}
	}
	// SetWeights would refuse values that are not finite.
	put := func(v float32, layers ...int) func() {
		return func() {
			for _, l := range layers {
				require.NoError(t, gpu.Write(p.Layers[l].Weight, []float32{v}))
			}
		}
	}
	opposite := func() { // each logit is finite, and so is the loss of an image
		ts := weights()
		for i := range ts[5].Data {
			ts[5].Data[i] = 3.6e37 * float32(1-2*(i%2))
		}
		require.NoError(t, net.SetWeights(ts))
	}

	cfg := nn.TrainConfig{Hyper: nn.Hyper{Batch: 6, Epochs: 3, Rate: 0.01, Momentum: 0.9}, MicroBatch: 3}
	require.NoError(t, net.Init(nn.He, 1))
	reads, _ := dev.Reads()
	want := steps(t, net, images, cfg)
	after, _ := dev.Reads()
	assert.Equal(t, int64(len(want)), after-reads, "what is read back")
	clipped := cfg
	clipped.ClipNorm = 1e30
	require.NoError(t, net.Init(nn.He, 1))
	require.Equal(t, want, steps(t, net, images, clipped))
	again, _ := dev.Reads()
	assert.Equal(t, int64(len(want)), again-after, "what is read back with clipping")

	for name, c := range map[string]struct {
		spoil func() // changes the weights after the second step
		says  string
	}{
		"weight": {put(float32(math.Inf(1)), 1), `.*the weights of layer 0\.2 \(conv 5 3\) are not finite`},
		"weights": {put(float32(math.Inf(1)), 0, 3),
			`.*the weights of 2 of 3 layers are not finite, from layer 0\.0 \(conv 6 3x2 pad 1\) to layer 3 \(conv 10 1\)`},
		// a NaN may be lost in the ReLU
		"NaN": {put(float32(math.NaN()), 0), `.*the weights of layer 0\.0 \(conv 6 3x2 pad 1\) are not finite`},
		"output": {fill(map[string]float32{"net.0.0.weight": 1e25, "net.0.2.weight": 1e25}),
			`the loss is .*; all weights are finite, and the output of layer 0\.2 \(conv 5 3\) is not`},
		"gradient": {fill(map[string]float32{"net.0.0.weight": 1e-20, "net.0.0.bias": 0, "net.0.2.weight": 1e20,
			"net.3.weight": 1e25}), `the weights of layer 0\.0 \(conv 6 3x2 pad 1\) are not finite`},
		"loss": {opposite, `the loss is \+Inf; the outputs of all layers are finite, but too large for a loss`},
	} {
		test := func(t *testing.T) {
			require.NoError(t, net.Init(nn.He, 1))
			trainer, err := nn.NewTrainer(net, images, cfg)
			require.NoError(t, err)
			defer trainer.Close()
			var good, velocity []safetensors.Tensor
			var last error
			for s, err := range trainer.Steps(context.Background()) {
				if last = err; s.Step == 2 {
					good = weights()
					_, velocity, err = trainer.State()
					require.NoError(t, err)
					c.spoil()
				}
			}
			require.ErrorIs(t, last, nn.ErrDiverged)
			assert.Regexp(t, "^step 3: "+c.says+": the learning rate is likely too large$", last.Error())

			require.NoError(t, net.SetWeights(good))
			require.NoError(t, trainer.SetState(2, velocity))
			var losses []float64
			for s, err := range trainer.Steps(context.Background()) {
				require.NoError(t, err)
				losses = append(losses, s.Loss)
			}
			assert.Equal(t, want[2:], losses)
		}
		t.Run(name, test)
		cfg.ClipNorm = 1e30 // hides none of it, and changes no finite gradient
		t.Run("clipped "+name, test)
		cfg.ClipNorm = 0
	}
}

// TestOverflow checks that an overflow is located outside training too, although a ReLU and a max
// pooling follow, in which a NaN could be lost. A net that is finite again can be measured again.
func TestOverflow(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 8, 1, 9, 8)
	for i := range 3 * 9 * 8 {
		set.Pixels[i] = 0 // the first batch is finite with any weights
	}
	for name, layers := range map[string]nn.Sequential{
		"fused": {nn.Conv2D{Out: 4, Kernel: 3}, nn.ReLU{}, nn.Conv2D{Out: 5, Kernel: 3}, nn.ReLU{},
			nn.MaxPool2D{Kernel: 2}, nn.Flatten{}, nn.Linear{Out: 10}},
		"separate": {nn.Conv2D{Out: 4, Kernel: 3}, nn.Conv2D{Out: 5, Kernel: 3}, nn.MaxPool2D{Kernel: 2}, nn.ReLU{},
			nn.Flatten{}, nn.Linear{Out: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			net, images := build(t, dev, layers, set)
			require.NoError(t, net.Init(nn.He, 1))
			eval, err := nn.NewEvaluator(net, images, 3)
			require.NoError(t, err)
			defer eval.Close()
			want, err := eval.Run(t.Context())
			require.NoError(t, err)
			good, err := net.Weights()
			require.NoError(t, err)
			spoilt, err := net.Weights()
			require.NoError(t, err)
			for i, w := range spoilt {
				if w.Name == "net.0.weight" || i == 2 {
					for j := range w.Data {
						w.Data[j] *= 1e25
					}
				}
				if i%2 == 1 {
					clear(w.Data) // biases
				}
			}
			require.NoError(t, net.SetWeights(spoilt))
			const where = `all weights are finite, and the output of layer [12] \(conv 5 3\) is not: the weights are too large$`
			_, err = eval.Run(t.Context())
			require.ErrorIs(t, err, nn.ErrDiverged)
			assert.Regexp(t, `^the loss of images 4 to 6 is NaN; `+where, err.Error())
			_, err = eval.Logits(0, 3)
			require.NoError(t, err)
			_, err = eval.Logits(3, 3)
			require.ErrorIs(t, err, nn.ErrDiverged)
			assert.Regexp(t, `^the outputs are not finite: .*; `+where, err.Error())
			p := probe(t, net)
			require.NoError(t, p.SetImage(set, 0))
			require.NoError(t, p.Finite())
			require.NoError(t, p.SetImage(set, 3))
			err = p.Finite()
			require.ErrorIs(t, err, nn.ErrDiverged)
			assert.Regexp(t, `^the output of layer [12] \(conv 5 3.*\) is not finite: the weights are too large$`,
				err.Error())
			require.NoError(t, net.SetWeights(good))
			again, err := eval.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, again)
		})
	}
}
