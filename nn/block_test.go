package nn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
)

// block is a type of one's own that is made of layers.
type block struct{ nn.Sequential }

// Layers that the network does not know of are refused, not run on weights of others.
func TestUnknownBlocksAreRefused(t *testing.T) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, nn.Sequential{
		nn.Conv2D{Out: 4, Kernel: 3}, nn.ReLU{},
		block{nn.Sequential{nn.Conv2D{Out: 4, Kernel: 3}, nn.ReLU{}}},
		nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
	}, nn.Shape{C: 1, H: 8, W: 8})
	require.NoError(t, err)
	defer net.Close()
	images, err := nn.Upload(dev, &data.Images{C: 1, H: 8, W: 8, Pixels: make([]uint8, 4*64), Labels: make([]uint8, 4)})
	require.NoError(t, err)
	defer images.Close()
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Batch: 4, Epochs: 1, SGD: nn.SGD{Rate: nn.Constant(0.1)}})
	if !assert.ErrorContains(t, err, "layer 2.0: ") {
		trainer.Close()
	}
}
