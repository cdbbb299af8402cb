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

// sum adds up vectors along the binary tree of Hyper.Shards.
func sum(parts [][]float32) []float32 {
	if len(parts) == 1 {
		return parts[0]
	}
	a, b := sum(parts[:len(parts)/2]), sum(parts[len(parts)/2:])
	s := make([]float32, len(a))
	for i := range s {
		s[i] = a[i] + b[i]
	}
	return s
}

// TestShardsAreATree checks that the gradient of a batch of eight in four shards is, to the bit,
// the sum along the tree of the gradients of its parts, each computed as a batch of two. The loss
// is too. All are scaled by a quarter, which is exact. The running state of a normalisation is the
// mean of the states after the parts.
func TestShardsAreATree(t *testing.T) {
	dev := gputest.Device(t)
	const shards = 4
	set := crops(t, 2*shards, 1, 7, 6)
	layers := nn.Sequential{
		nn.Conv2D{Out: 4, Kernel: 3, Pad: nn.Pad(1)}, nn.BatchNorm2D{}, nn.ReLU{},
		nn.MaxPool2D{Kernel: 2}, nn.Flatten{}, nn.Linear{Out: 10},
	}
	of := func(first, n, shards int) (float32, []safetensors.Tensor) {
		net, images := build(t, dev, layers, part(set, first, n))
		loss, gradients := gradient(t, net, images,
			nn.TrainConfig{Hyper: nn.Hyper{Batch: n, Epochs: 1, Shards: shards}})
		weights, err := net.Weights()
		require.NoError(t, err)
		gradients = append(gradients, weights...) // with the state
		return float32(loss) * float32(n), gradients
	}
	var losses [][]float32
	parts := make([][]safetensors.Tensor, shards)
	for i := range parts {
		var loss float32
		loss, parts[i] = of(2*i, 2, 0)
		losses = append(losses, []float32{loss})
	}
	loss, whole := of(0, 2*shards, shards)
	assert.Equal(t, sum(losses)[0], loss)
	differ := false
	for k, w := range whole {
		var of [][]float32
		straight := make([]float32, len(w.Data))
		for _, p := range parts {
			of = append(of, p[k].Data)
			for i, v := range p[k].Data {
				straight[i] += v
			}
		}
		want := sum(of)
		for i := range want {
			differ = differ || want[i] != straight[i]
			want[i] /= shards
		}
		assert.Equal(t, want, w.Data, w.Name)
	}
	assert.True(t, differ, "another order of the sum would show")
}

// TestShardsOfAnEvaluation checks that the result of an evaluation does not depend on how it is
// divided, even if the images do not fill the shards or the batches. The divisor is always that of
// the whole set. TestStateResumes and TestParts check resuming and the twin's gradients.
func TestShardsOfAnEvaluation(t *testing.T) {
	dev := gputest.Device(t)
	net, images := build(t, dev, tiny(), crops(t, 10, 1, 7, 6))
	eval, err := nn.NewEvaluator(net, images, 4)
	require.NoError(t, err)
	defer eval.Close()
	want, err := eval.Run(context.Background())
	require.NoError(t, err)
	for _, shards := range []int{0, 1, 2, 4, 16} {
		require.NoError(t, eval.SetShards(shards))
		got, err := eval.Run(context.Background())
		require.NoError(t, err)
		if shards < 2 {
			assert.Equal(t, want, got)
		}
		assert.InDelta(t, want.Loss, got.Loss, 1e-6, "ten losses of about 2.3, summed in float32")
		assert.Equal(t, want.Accuracy, got.Accuracy)
		assert.Equal(t, want.Images, got.Images)
		before := 0
		for sofar, err := range eval.Batches(context.Background()) {
			require.NoError(t, err)
			assert.Greater(t, sofar.Images, before)
			before = sofar.Images
		}
	}
	assertOneLine(t, eval.SetShards(3), "Shards is 3; want a power of two up to 65536")
}

// TestShares divides fourteen images by the shares 1, 3, 2 and 1 into parts of 2, 6, 4 and 2, of
// which two images run together. The gradient of the batch must be that with equal parts, within
// the rounding of sums in another order.
func TestShares(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 14, 1, 7, 6)
	of := func(cfg nn.TrainConfig) (float64, []safetensors.Tensor, int) {
		net, images := build(t, dev, tiny(), set)
		cfg.Hyper = nn.Hyper{Batch: 14, Epochs: 1, Shards: 4}
		loss, gradients := gradient(t, net, images, cfg)
		tr, err := nn.NewTrainer(net, images, cfg)
		require.NoError(t, err)
		defer tr.Close()
		return float64(loss), gradients, tr.MicroBatch()
	}
	wantLoss, want, equal := of(nn.TrainConfig{})
	loss, got, micro := of(nn.TrainConfig{Shares: []int{1, 3, 2, 1}})
	assert.Equal(t, 4, equal)
	assert.Equal(t, 2, micro)
	assert.InEpsilon(t, wantLoss, loss, 1e-6)
	for k, w := range want {
		for i, v := range w.Data {
			assert.InDelta(t, v, got[k].Data[i], 1e-5*(1+math.Abs(float64(v))),
				"fourteen terms in float32, in another order: %s", w.Name)
		}
	}
}
