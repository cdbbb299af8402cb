package nn_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
)

// tiny returns a network with each kind of layer that would reveal a mistake in dividing a batch,
// and its formula.
func tiny() nn.Sequential {
	return nn.Sequential{
		nn.Conv2D{Out: 4, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{},
		nn.Dropout{P: 0.4},
		nn.MaxPool2D{Kernel: 2},
		nn.Flatten{},
		nn.Linear{Out: 10},
	}
}

var tinyTwin = chain(conv(4, 3, 3, 1, 1, 1, 1, 1, 1), relu, dropout(0.4, 4), maxPool(3, 3, 2, 2, 2, 2, 0, 0),
	linear(10))

// part returns n images of a set, starting with image first.
func part(set *data.Images, first, n int) *data.Images {
	p, size := *set, set.C*set.H*set.W
	p.Pixels, p.Labels = set.Pixels[first*size:][:n*size], set.Labels[first:][:n]
	return &p
}

// TestParts divides a batch of ten in several ways. Loss and gradients must be those of the twin,
// within the round-off that the twin derives, so they differ from each other by at most twice that.
func TestParts(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	net, images := build(t, dev, tiny(), set)
	weights, err := net.Weights()
	require.NoError(t, err)
	cfg := nn.TrainConfig{Hyper: nn.Hyper{Epochs: 1, Rate: 0, Seed: 3}}
	var whole []safetensors.Tensor
	for _, c := range []struct {
		name         string
		batch, micro int
		shards       int
		step         int // the step whose gradients are compared
		first, n     int // the images of the step
	}{
		{"10", 10, 0, 0, 1, 0, 10},
		{"4+4+2", 10, 4, 0, 1, 0, 10},
		{"ten times 1", 10, 1, 0, 1, 0, 10},
		{"more than there is", 1000, 1000, 0, 1, 0, 10},
		{"the last of batches of 4", 4, 0, 0, 3, 8, 2},
		{"the last of batches of 6, as 4", 6, 4, 0, 2, 6, 4},
		{"the last of batches of 4, as 1", 4, 1, 0, 3, 8, 2},
		{"4 shards", 10, 0, 4, 1, 0, 10},
		{"2 shards, each as 2+2+1", 10, 2, 2, 1, 0, 10},
		{"more shards than images", 10, 0, 16, 1, 0, 10},
		{"4 shards of the last two of a batch of 4", 4, 0, 4, 3, 8, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := cfg
			cfg.Batch, cfg.MicroBatch, cfg.Shards, cfg.Steps = c.batch, c.micro, c.shards, c.step
			trainer, err := nn.NewTrainer(net, images, cfg)
			require.NoError(t, err)
			defer trainer.Close()
			loss, count := 0.0, 0
			for step, err := range trainer.Steps(context.Background()) {
				require.NoError(t, err)
				loss, count = step.Loss, step.Images
			}
			assert.Equal(t, c.n, count)
			gradients, err := net.Gradients()
			require.NoError(t, err)
			batch := part(set, c.first, c.n)
			tw := &twin{t: t, params: weights, seed: uint32(cfg.Seed), step: uint32(c.step)}
			want, tolerance := tw.backward(tinyTwin(tw, tw.input(batch)), batch)
			assert.InDelta(t, want, loss, tolerance)
			worst := tw.compare(gradients)
			if c.first > 0 {
				return
			}
			if whole == nil {
				whole = gradients
			}
			t.Logf("gradients are off by %.2g of their tolerance, and differ from those of the whole batch by %.2g of their norm",
				worst, distance(gradients, whole))
		})
	}
}

// distance returns the norm of a-b, relative to that of b.
func distance(a, b []safetensors.Tensor) float64 {
	var diff, norm float64
	for k := range a {
		for i := range a[k].Data {
			v, w := float64(a[k].Data[i]), float64(b[k].Data[i])
			diff += (v - w) * (v - w)
			norm += w * w
		}
	}
	return math.Sqrt(diff / norm)
}

// TestSameBits trains for four epochs of batches of four, four and two images, shuffled, with
// dropout and momentum. It compares the weights by their hash.
func TestSameBits(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	train := func(t *testing.T, change func(*nn.TrainConfig)) string {
		net, images := build(t, dev, tiny(), set)
		cfg := nn.TrainConfig{
			Hyper: nn.Hyper{Batch: 4, Epochs: 4, Shuffle: true, Seed: 7, Rate: 0.1, Momentum: 0.9, WeightDecay: 1e-4},
		}
		change(&cfg)
		steps(t, net, images, cfg)
		hash, err := net.Hash()
		require.NoError(t, err)
		return hash
	}
	unchanged := func(*nn.TrainConfig) {}
	want := train(t, unchanged)
	for _, c := range []struct {
		name   string
		change func(*nn.TrainConfig)
		around func(t *testing.T, train func()) // nil means nothing
		other  bool                             // the bits must differ
	}{
		{name: "again", change: unchanged},
		{name: "one step in flight", change: func(c *nn.TrainConfig) { c.SettleEvery = 1 }},
		{name: "one shard", change: func(c *nn.TrainConfig) { c.Shards = 1 }},
		{name: "while the processor is busy", change: unchanged, around: busy},
		{name: "with the profile", change: unchanged, around: profiled(dev)},
		{name: "another seed", change: func(c *nn.TrainConfig) { c.Seed = 8 }, other: true},
		{name: "a seed that differs in its high half", change: func(c *nn.TrainConfig) {
			c.Seed |= 1 << 40
		}, other: true},
		{name: "not shuffled", change: func(c *nn.TrainConfig) { c.Shuffle = false }, other: true},
		{name: "no decay", change: func(c *nn.TrainConfig) { c.WeightDecay = 0 }, other: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if c.around == nil {
				c.around = func(_ *testing.T, train func()) { train() }
			}
			c.around(t, func() { got = train(t, c.change) })
			if c.other {
				assert.NotEqual(t, want, got)
			} else {
				assert.Equal(t, want, got)
			}
		})
	}
}

// busy trains while goroutines keep all processors busy.
func busy(_ *testing.T, train func()) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; !stop.Load(); n++ {
				_ = make([]byte, n%4096) // keeps the garbage collector busy too
			}
		}()
	}
	train()
	stop.Store(true)
	wg.Wait()
}

// profiled trains with timestamps enabled.
func profiled(dev *gpu.Device) func(*testing.T, func()) {
	return func(t *testing.T, train func()) {
		err := dev.Profile()
		if errors.Is(err, gpu.ErrNoTimestamps) {
			t.Skip(err)
		}
		require.NoError(t, err)
		defer dev.StopProfile()
		train()
		assert.NotEmpty(t, dev.Timings())
	}
}
