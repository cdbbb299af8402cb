package nn_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
)

// TestChunks puts ten images into buffers of four, four and two, as happens to a
// set that is larger than what the adapter binds, and trains and evaluates on
// them: the same bits as from one buffer.
func TestChunks(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	type result struct {
		losses []float64
		logits [][]float32
		eval   nn.Evaluation
		hash   string
	}
	train := func(perChunk int) (r result) {
		net, one := build(t, dev, tiny(), set)
		one.Close()
		images, err := nn.UploadChunks(dev, set, perChunk)
		require.NoError(t, err)
		defer images.Close()
		eval, err := nn.NewEvaluator(net, images, 4)
		require.NoError(t, err)
		defer eval.Close()
		r.logits, err = eval.Logits(0, 10)
		require.NoError(t, err)
		r.eval, err = eval.Run(context.Background())
		require.NoError(t, err)
		r.losses = steps(t, net, images, nn.TrainConfig{
			Hyper: nn.Hyper{Batch: 4, Epochs: 3, Shuffle: true, Seed: 7, Rate: 0.1, Momentum: 0.9, WeightDecay: 1e-4},
		})
		r.hash, err = net.Hash()
		require.NoError(t, err)
		return r
	}
	want := train(10)
	assert.Equal(t, 10, want.eval.Images)
	assert.NotEqual(t, want.logits[0], want.logits[9])
	for _, perChunk := range []int{4, 1, 9} {
		assert.Equal(t, want, train(perChunk), "%d in a buffer", perChunk)
	}
}

// TestEvaluator compares logits, loss and accuracy with the twin's, in batches
// of which the last is partial, and from the middle of the set.
func TestEvaluator(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	net, images := build(t, dev, tiny(), set)
	weights, err := net.Weights()
	require.NoError(t, err)
	eval, err := nn.NewEvaluator(net, images, 4)
	require.NoError(t, err)
	defer eval.Close()

	tw := &twin{t: t, params: weights}
	// No dropout when evaluating.
	x := chain(conv(4, 3, 3, 1, 1, 1, 1, 1, 1), relu, maxPool(3, 3, 2, 2, 2, 2, 0, 0), linear(10))(tw, tw.input(set))
	correct := 0.0
	for n := range 10 {
		best := 0
		for c := range 10 {
			if x.get(n, c, 0, 0).v > x.get(n, best, 0, 0).v {
				best = c
			}
		}
		if best == int(set.Labels[n]) {
			correct++
		}
	}
	logitTolerance := func(v *number) float64 { return tw.tolerance(0, v.magnitude) }
	for _, c := range []struct{ first, n int }{{0, 10}, {0, 4}, {3, 5}, {9, 1}, {2, 0}} {
		logits, err := eval.Logits(c.first, c.n)
		require.NoError(t, err)
		require.Len(t, logits, c.n)
		for i, row := range logits {
			for class, got := range row {
				v := x.get(c.first+i, class, 0, 0)
				assert.InDelta(t, v.v, got, logitTolerance(v), "logit %d of image %d", class, c.first+i)
			}
		}
	}
	for _, c := range []struct{ first, n int }{{-1, 2}, {0, 11}, {8, 3}, {10, 1}, {0, -1}, {1 << 40, 1 << 40}} {
		_, err := eval.Logits(c.first, c.n)
		assertOneLine(t, err, "there are 10")
	}
	loss, tolerance := tw.backward(x, set.Labels)
	for range 2 { // the sums begin anew
		got, err := eval.Run(context.Background())
		require.NoError(t, err)
		assert.InDelta(t, loss, got.Loss, tolerance)
		assert.Equal(t, nn.Evaluation{Loss: got.Loss, Accuracy: correct / 10, Images: 10}, got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = eval.Run(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestUploadRefuses(t *testing.T) {
	dev := gputest.Device(t)
	for says, set := range map[string]*data.Images{
		"0 labels":            {C: 1, H: 2, W: 2},
		"0 channels of 2x2":   {H: 2, W: 2, Labels: []uint8{0}},
		"3 pixels":            {C: 1, H: 2, W: 2, Labels: []uint8{0}, Pixels: make([]uint8, 3)},
		"1099511627776x1":     {C: 1, H: 1 << 40, W: 1, Labels: []uint8{0}},
		"-1 channels":         {C: -1, H: -2, W: 2, Labels: []uint8{0}, Pixels: make([]uint8, 4)},
		"65536 channels of 6": {C: 1 << 16, H: 1 << 16, W: 1 << 16, Labels: []uint8{0}},
	} {
		_, err := nn.Upload(dev, set)
		assertOneLine(t, err, says)
	}
}
