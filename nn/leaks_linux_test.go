package nn_test

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
)

// TestNothingGrows checks that neither the process, nor the device, nor the number of goroutines
// grows with steps, evaluations, or closed models. The first tenth of each may fill caches. The
// allocators may grow by 4 MB; a leak of one batch a step would take 5 MB.
func TestNothingGrows(t *testing.T) {
	dev := gputest.Device(t)
	set := &data.Images{C: 1, H: 9, W: 9, Pixels: make([]uint8, 16*81), Labels: make([]uint8, 16),
		Classes: make([]string, 10)}
	grows := func(name string, rounds int, round func(int)) {
		gputest.NothingGrows(t, dev, name, rounds, 4<<20, round)
	}

	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	net := tuned(t, dev)
	require.NoError(t, net.Init(nn.He, 1))
	trainer, err := nn.NewTrainer(net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 1000, Shuffle: true, Rate: 1e-3, Momentum: 0.9}})
	require.NoError(t, err)
	defer trainer.Close()
	step, stop := iter.Pull2(trainer.Steps(context.Background()))
	defer stop()
	grows("steps", trainer.Total(), func(int) {
		_, err, ok := step()
		require.True(t, ok)
		require.NoError(t, err)
	})

	shards, err := nn.NewTrainer(net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 100, Rate: 1e-3, Shards: 4}})
	require.NoError(t, err)
	defer shards.Close()
	part, stop := iter.Pull2(shards.Steps(context.Background()))
	defer stop()
	grows("steps in shards", shards.Total(), func(int) {
		_, err, ok := part()
		require.True(t, ok)
		require.NoError(t, err)
	})

	eval, err := nn.NewEvaluator(net, images, 4)
	require.NoError(t, err)
	defer eval.Close()
	grows("evaluations", 200, func(int) {
		_, err := eval.Run(context.Background())
		require.NoError(t, err)
	})
	grows("models", 50, func(int) {
		net, err := nn.NewNet(dev, net.Layer, net.In)
		require.NoError(t, err)
		defer net.Close()
		e, err := nn.NewEvaluator(net, images, 4)
		require.NoError(t, err)
		e.Close()
		tr, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 1, Rate: 1e-3}})
		require.NoError(t, err)
		tr.Close()
	})
}
