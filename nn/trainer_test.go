package nn_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// small has all that could depend on how a batch is split: dropout, pooling,
// several layers of weights.
var small = nn.Sequential{
	nn.Conv2D{Out: 8, Kernel: 5, Stride: 2}, nn.ReLU{},
	nn.MaxPool2D{Kernel: 3, Stride: 2},
	nn.Dropout{P: 0.4},
	nn.Conv2D{Out: 10, Kernel: 3, Pad: nn.Pad(1)},
	nn.GlobalAvgPool2D{}, nn.Flatten{},
}

// train runs small for some steps, and gives the losses, the last gradients and
// the hash.
func train(t *testing.T, cfg nn.TrainConfig, images int) ([]float64, []safetensors.Tensor, string) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, small, nn.Shape{C: 1, H: 28, W: 28})
	require.NoError(t, err)
	defer net.Close()
	require.NoError(t, net.Init(nn.He, 5))
	im, err := nn.Upload(dev, fashion(t, images))
	require.NoError(t, err)
	defer im.Close()
	tr, err := nn.NewTrainer(net, im, cfg)
	require.NoError(t, err)
	defer tr.Close()
	var losses []float64
	for s, err := range tr.Steps(context.Background()) {
		require.NoError(t, err)
		losses = append(losses, s.Loss)
	}
	gradients, err := net.Gradients()
	require.NoError(t, err)
	hash, err := net.Hash()
	require.NoError(t, err)
	return losses, gradients, hash
}

// A batch that runs in parts has the same loss and gradient, but for the order
// in which at most 10*24*24 products are added: sums of the same terms differ
// by less than their number times the unit round-off, of the sum of absolute
// values, and 1e-5 of the gradient's norm is above that here.
func TestMicroBatches(t *testing.T) {
	cfg := nn.TrainConfig{Batch: 10, Epochs: 1, SGD: nn.SGD{Rate: nn.Constant(0)}, Seed: 3}
	const images = 17 // the last batch has 7
	losses, gradients, _ := train(t, cfg, images)
	require.Len(t, losses, 2)
	for _, micro := range []int{4, 1} {
		cfg.MicroBatch = micro
		l, g, _ := train(t, cfg, images)
		for i := range losses {
			assert.InEpsilon(t, losses[i], l[i], 1e-6, "loss of step %d, %d at a time", i+1, micro)
		}
		for k := range gradients {
			var difference, norm float64
			for i, v := range gradients[k].Data {
				d := float64(v) - float64(g[k].Data[i])
				difference += d * d
				norm += float64(v) * float64(v)
			}
			assert.Positive(t, norm, gradients[k].Name)
			assert.LessOrEqual(t, math.Sqrt(difference), 1e-5*math.Sqrt(norm), "%s, %d at a time", gradients[k].Name, micro)
		}
	}
}

// Same seed, same bits: again, with other work on the processor, and with
// timestamps. Another seed differs.
func TestDeterminism(t *testing.T) {
	dev := gputest.Device(t)
	cfg := nn.TrainConfig{
		Batch: 16, Epochs: 2, Shuffle: true, Seed: 1,
		SGD: nn.SGD{Rate: nn.Cosine{Base: 0.05, Warmup: 2, Total: 10}, Momentum: 0.9, WeightDecay: 1e-4},
	}
	losses, _, hash := train(t, cfg, 70)
	require.Len(t, losses, 10)
	_, _, again := train(t, cfg, 70)
	assert.Equal(t, hash, again)

	stop := make(chan struct{})
	for range 4 {
		go func() {
			for x := 1.0; ; x = math.Sqrt(x + 1) {
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
	}
	_, _, busy := train(t, cfg, 70)
	close(stop)
	assert.Equal(t, hash, busy)

	if err := dev.Profile(); err == nil {
		_, _, profiled := train(t, cfg, 70)
		dev.StopProfile()
		assert.Equal(t, hash, profiled)
	}

	cfg.Seed = 2
	_, _, other := train(t, cfg, 70)
	assert.NotEqual(t, hash, other)
}

// Resuming from a settled step gives the bits of a run that did not stop.
func TestStateResumes(t *testing.T) {
	dev := gputest.Device(t)
	cfg := nn.TrainConfig{
		Batch: 16, Epochs: 2, Shuffle: true, Seed: 1, SettleEvery: 3,
		SGD: nn.SGD{Rate: nn.Constant(0.05), Momentum: 0.9},
	}
	_, _, whole := train(t, cfg, 70)

	im, err := nn.Upload(dev, fashion(t, 70))
	require.NoError(t, err)
	defer im.Close()
	start := func() (*nn.Net, *nn.Trainer) {
		net, err := nn.NewNet(dev, small, nn.Shape{C: 1, H: 28, W: 28})
		require.NoError(t, err)
		tr, err := nn.NewTrainer(net, im, cfg)
		require.NoError(t, err)
		return net, tr
	}
	a, first := start()
	defer a.Close()
	require.NoError(t, a.Init(nn.He, 5))
	for s, err := range first.Steps(context.Background()) {
		require.NoError(t, err)
		if s.Step == 3 {
			require.True(t, s.Settled)
			break
		}
	}
	weights, err := a.Weights()
	require.NoError(t, err)
	steps, velocity, err := first.State()
	require.NoError(t, err)
	first.Close()
	require.Equal(t, 3, steps)

	b, second := start()
	defer b.Close()
	defer second.Close()
	require.NoError(t, b.SetWeights(weights))
	require.NoError(t, second.SetState(steps, velocity))
	for _, err := range second.Steps(context.Background()) {
		require.NoError(t, err)
	}
	hash, err := b.Hash()
	require.NoError(t, err)
	assert.Equal(t, whole, hash)
	assert.ErrorContains(t, second.SetState(1000, nil), "of 10")
}

func TestTrainerRefuses(t *testing.T) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, small, nn.Shape{C: 1, H: 28, W: 28})
	require.NoError(t, err)
	defer net.Close()
	im, err := nn.Upload(dev, fashion(t, 4))
	require.NoError(t, err)
	defer im.Close()
	good := nn.TrainConfig{Batch: 2, Epochs: 1, SGD: nn.SGD{Rate: nn.Constant(0.1)}}
	for says, change := range map[string]func(*nn.TrainConfig){
		"batch is 0":         func(c *nn.TrainConfig) { c.Batch = 0 },
		"batch is -1":        func(c *nn.TrainConfig) { c.Batch = -1 },
		"no learning rate":   func(c *nn.TrainConfig) { c.SGD.Rate = nil },
		"momentum is 1":      func(c *nn.TrainConfig) { c.SGD.Momentum = 1 },
		"momentum is NaN":    func(c *nn.TrainConfig) { c.SGD.Momentum = math.NaN() },
		"weight decay is -1": func(c *nn.TrainConfig) { c.SGD.WeightDecay = -1 },
	} {
		cfg := good
		change(&cfg)
		_, err := nn.NewTrainer(net, im, cfg)
		assert.ErrorContains(t, err, says)
	}
	// A batch larger than the set is the whole set.
	cfg := good
	cfg.Batch = 1e9
	tr, err := nn.NewTrainer(net, im, cfg)
	require.NoError(t, err)
	assert.Equal(t, 1, tr.Total())
	tr.Close()
}
