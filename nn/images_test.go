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

// TestChunks divides ten images into buffers of four, four and two, like a set that exceeds one
// binding. Training and evaluation must give the same bits as with a single buffer.
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

// TestEvaluator compares logits, loss and accuracy with the twin's, for batches with a partial last
// one, and for images from the middle of the set.
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
	// An evaluation has no dropout.
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
	loss, tolerance := tw.backward(x, set)
	for range 2 { // the sums start again each time
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

// TestManyClasses checks that with more than 256 classes, the loss, the gradients and the accuracy
// use the whole label.
func TestManyClasses(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 8, 1, 6, 6)
	set.Classes = make([]string, 300)
	set.SetLabels(299, 43, 256, 0, 255, 299, 257, 1) // 43 is the lower byte of 299
	net, images := build(t, dev, nn.Sequential{nn.Flatten{}, nn.Linear{Out: 300}}, set)
	weights, err := net.Weights()
	require.NoError(t, err)
	loss, gradients := gradient(t, net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 1, Rate: 0, Seed: 5}})
	tw := &twin{t: t, params: weights}
	want, tolerance := tw.backward(linear(300)(tw, tw.input(set)), set)
	assert.InDelta(t, want, loss, tolerance)
	tw.compare(gradients)

	for i := range weights[1].Data { // of the bias: class 299 has the largest logit for every image
		weights[1].Data[i] = map[bool]float32{true: 1000, false: 0}[i == 299]
	}
	require.NoError(t, net.SetWeights(weights))
	eval, err := nn.NewEvaluator(net, images, 3)
	require.NoError(t, err)
	defer eval.Close()
	got, err := eval.Run(context.Background())
	require.NoError(t, err)
	assert.InDelta(t, 2.0/8, got.Accuracy, 0)
	probe, err := nn.NewProbe(net)
	require.NoError(t, err)
	defer probe.Close()
	require.NoError(t, probe.SetImage(set, 0))
	assertOneLine(t, probe.SetPixels(set.Pixels[:36], 6, 6, 300), "the network has 300 classes")
}
