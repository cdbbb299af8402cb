package nn_test

import (
	"context"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
)

// small has everything that a run keeps: weights, velocities, and the counters of dropout.
var small = nn.Sequential{
	nn.Conv2D{Out: 8, Kernel: 5, Stride: 2}, nn.ReLU{},
	nn.MaxPool2D{Kernel: 3, Stride: 2},
	nn.Dropout{P: 0.4},
	nn.Conv2D{Out: 10, Kernel: 3, Pad: nn.Pad(1)},
	nn.GlobalAvgPool2D{}, nn.Flatten{},
}

// trained returns the hash of small's weights after a run.
func trained(t *testing.T, cfg nn.TrainConfig, images int) string {
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
	for _, err := range tr.Steps(context.Background()) {
		require.NoError(t, err)
	}
	hash, err := net.Hash()
	require.NoError(t, err)
	return hash
}

// TestStateResumes checks that resuming from a settled step gives the same bits as an uninterrupted
// run, with every optimizer.
func TestStateResumes(t *testing.T) {
	for name, h := range optimizers {
		t.Run(name, func(t *testing.T) { stateResumes(t, h) })
	}
}

// optimizers lists all optimizers, with their settings and the options that change the gradient
// before them.
var optimizers = map[string]nn.Hyper{
	"sgd":      {Rate: 0.05, WeightDecay: 1e-3},
	"momentum": {Rate: 0.05, WeightDecay: 1e-3, Momentum: 0.9},
	"nesterov": {Rate: 0.05, WeightDecay: 1e-3, Momentum: 0.9, Nesterov: true},
	"adam":     {Rate: 0.002, WeightDecay: 0.01, Optimizer: nn.Adam},
	"adamw":    {Rate: 0.002, WeightDecay: 0.1, Optimizer: nn.AdamW},
	"shards":   {Rate: 0.05, WeightDecay: 1e-3, Momentum: 0.9, Shards: 8},
	"clipped":  {Rate: 0.05, Momentum: 0.9, ClipNorm: 0.5},
	"spared":   {Rate: 0.05, WeightDecay: 1e-3, Momentum: 0.9, SpareBiases: true},
	"sparedw":  {Rate: 0.002, WeightDecay: 0.1, Optimizer: nn.AdamW, SpareBiases: true, ClipNorm: 0.5},
}

func stateResumes(t *testing.T, h nn.Hyper) {
	dev := gputest.Device(t)
	h.Batch, h.Epochs, h.Shuffle, h.Seed = 16, 2, true, 1
	cfg := nn.TrainConfig{Hyper: h, SettleEvery: 3}
	whole := trained(t, cfg, 70)

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
	steps, optimizer, err := first.State()
	require.NoError(t, err)
	first.Close()
	require.Equal(t, 3, steps)

	b, second := start()
	defer b.Close()
	defer second.Close()
	require.NoError(t, b.SetWeights(weights))
	require.NoError(t, second.SetState(steps, optimizer))
	for _, err := range second.Steps(context.Background()) {
		require.NoError(t, err)
	}
	hash, err := b.Hash()
	require.NoError(t, err)
	assert.Equal(t, whole, hash)
	assert.ErrorContains(t, second.SetState(1000, nil), "of 10")
}

// ends is a context that is cancelled after a number of calls of Err.
type ends struct {
	context.Context
	looks int
}

func (e *ends) Err() error {
	if e.looks--; e.looks < 0 {
		return context.Canceled
	}
	return nil
}

// TestEvaluationStops checks that an evaluation that is stopped between batches leaves the
// evaluator unchanged.
func TestEvaluationStops(t *testing.T) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, small, nn.Shape{C: 1, H: 28, W: 28})
	require.NoError(t, err)
	defer net.Close()
	require.NoError(t, net.Init(nn.He, 5))
	im, err := nn.Upload(dev, fashion(t, 70))
	require.NoError(t, err)
	defer im.Close()
	eval, err := nn.NewEvaluator(net, im, 8) // nine batches
	require.NoError(t, err)
	defer eval.Close()
	whole, err := nn.NewEvaluator(net, im, 70)
	require.NoError(t, err)
	defer whole.Close()
	want, err := whole.Run(context.Background())
	require.NoError(t, err)
	for looks := range 9 {
		_, err := eval.Run(&ends{context.Background(), looks})
		require.ErrorIs(t, err, context.Canceled)
		got, err := eval.Run(&ends{context.Background(), 9})
		require.NoError(t, err)
		assert.InDelta(t, want.Loss, got.Loss, 1e-5)
		assert.Equal(t, want.Accuracy, got.Accuracy)
	}
}

// TestSettleOnce checks that Settle settles one step only, even if it is called several times while
// steps are in flight.
func TestSettleOnce(t *testing.T) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, small, nn.Shape{C: 1, H: 28, W: 28})
	require.NoError(t, err)
	defer net.Close()
	require.NoError(t, net.Init(nn.He, 5))
	im, err := nn.Upload(dev, fashion(t, 40))
	require.NoError(t, err)
	defer im.Close()
	tr, err := nn.NewTrainer(net, im, nn.TrainConfig{Hyper: nn.Hyper{Batch: 2, Epochs: 1, Rate: 0.05}})
	require.NoError(t, err)
	defer tr.Close()
	var settled []int
	for s, err := range tr.Steps(context.Background()) {
		require.NoError(t, err)
		if s.Settled {
			settled = append(settled, s.Step)
		} else {
			tr.Settle()
		}
	}
	require.Greater(t, len(settled), 3)
	for i, step := range settled[1:] {
		assert.Greater(t, step, settled[i]+1, "%v", settled)
	}
}

// TestBatchIsSplitToFitTheMemory checks that a batch is halved until the device has memory for it.
func TestBatchIsSplitToFitTheMemory(t *testing.T) {
	set := &data.Images{C: 1, H: 64, W: 64, Pixels: make([]uint8, 32*64*64), Labels: make([]uint8, 32),
		Classes: make([]string, 10)}
	layers := nn.Sequential{nn.Conv2D{Out: 32, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}, nn.GlobalAvgPool2D{},
		nn.Flatten{}}
	micro := func(free int64) (int, error) {
		a := gpu.Guaranteed
		a.Limits.MaxBytes = free
		dev := gpu.Dry(a, false)
		net, err := nn.NewNet(dev, layers, nn.Shape{C: 1, H: 64, W: 64})
		require.NoError(t, err)
		defer net.Close()
		images, err := nn.Upload(dev, set)
		require.NoError(t, err)
		defer images.Close()
		trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 32, Epochs: 1, Rate: 0.1}})
		if err != nil {
			images.Close()
			net.Close()
			buffers, _ := dev.Usage()
			assert.Zero(t, buffers, "nothing is left of what did not fit")
			return 0, err
		}
		defer trainer.Close()
		return trainer.MicroBatch(), nil
	}
	// bytes of an activation; a step has three: y, its gradient, and the gradient before the ReLU
	const image = 64 * 64 * 32 * 4
	for free, want := range map[int64]int{64 << 20: 32, 20 * 3 * image: 16, 10 * 3 * image: 8} {
		got, err := micro(free)
		require.NoError(t, err)
		assert.Equal(t, want, got, "%d bytes", free)
	}
	_, err := micro(1 << 20)
	assert.ErrorIs(t, err, gpu.ErrOutOfMemory)
	assertOneLine(t, err, "not even one image at a time fits: ", "any WebGPU adapter had 1048576 free")
}

// TestBatchIsSplitToFitTheBindings checks that a batch is halved if its activations can be bound,
// but the shares of a weight gradient cannot.
func TestBatchIsSplitToFitTheBindings(t *testing.T) {
	layers := nn.Sequential{nn.Conv2D{Out: 256, Kernel: 1}, nn.Conv2D{Out: 384, Kernel: 3, Pad: nn.Pad(1)},
		nn.GlobalAvgPool2D{}, nn.Flatten{}}
	set := &data.Images{C: 1, H: 12, W: 12, Labels: make([]uint8, 40), Classes: make([]string, 10)} // all black
	micro := func(binding int64) int {
		a := gpu.Guaranteed
		a.Limits.MaxBindingBytes = binding
		dev := gpu.Dry(a, false)
		net, err := nn.NewNet(dev, layers, nn.Shape{C: 1, H: 12, W: 12})
		require.NoError(t, err)
		net.Use(nn.Kernels{"": "block 64"}) // this variant has shares of the weight gradient
		images, err := nn.Upload(dev, set)
		require.NoError(t, err)
		trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 40, Epochs: 1, Rate: 0.1}})
		require.NoError(t, err)
		return trainer.MicroBatch()
	}
	const share = (9*256 + 1) * 384 * 4
	assert.Equal(t, 40, micro(40*share))
	assert.Equal(t, 5, micro(4*share))
}

// TestUpdateFitsTheBindings checks that weights that can be bound layer by layer, but not all at
// once, are updated in parts that the adapter can bind.
func TestUpdateFitsTheBindings(t *testing.T) {
	layers := nn.Sequential{nn.Conv2D{Out: 64, Kernel: 1}, nn.Conv2D{Out: 64, Kernel: 3}, nn.Conv2D{Out: 64, Kernel: 3},
		nn.GlobalAvgPool2D{}, nn.Flatten{}}
	for name, h := range optimizers {
		h.Batch, h.Epochs, h.ClipNorm = 4, 1, 1
		a := gpu.Guaranteed
		a.Limits.MaxBindingBytes = 150<<10 + 4 // the weights take 290 KiB
		dev := gpu.Dry(a, false)
		net, err := nn.NewNet(dev, layers, nn.Shape{C: 1, H: 6, W: 6})
		require.NoError(t, err)
		images,
			err := nn.Upload(dev, &data.Images{C: 1, H: 6, W: 6, Labels: make([]uint8, 8), Classes: make([]string, 64)})
		require.NoError(t, err)
		trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: h})
		require.NoError(t, err)
		parts, updated := map[string]int{}, map[string]int{} // by kernel
		for _, m := range regexp.MustCompile(`(?m)^update +(\S+) +\D*?(\d+) `).FindAllStringSubmatch(trainer.String(),
			-1) {
			n, err := strconv.Atoi(m[2])
			require.NoError(t, err)
			parts[m[1]]++
			updated[m[1]] += n
		}
		delete(parts, "clip/factor") // always one dispatch
		assert.NotEmpty(t, parts, name)
		for kernel, n := range parts {
			assert.Equal(t, 2, n, "%s %s", name, kernel)
			assert.Equal(t, net.Bytes(), int64(updated[kernel])*4, "%s %s", name, kernel)
		}
	}
}
