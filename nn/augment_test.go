package nn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/shaders"
	"wgnin/shaders/augment"
)

// TestAugment compares a step that augments with one on images that the augmentation's twin varied
// on the host. Loss and gradients must be equal, for a whole batch and for one in parts.
func TestAugment(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	net, images := build(t, dev, tiny(), set)
	weights, err := net.Weights()
	require.NoError(t, err)
	cfg := nn.TrainConfig{Hyper: nn.Hyper{Batch: 10, Epochs: 3, Rate: 0, Seed: 3},
		Augment: nn.Augment{Pad: 2, Mirror: true}}

	var varied [3][]float64
	c := augment.Shape{N: 10, H: 7, W: 6, C: 1, Pad: 2, Mirror: true}
	for i := range varied {
		x := make([]float64, len(set.Pixels))
		for j, p := range set.Pixels {
			x[j] = float64(p)
		}
		varied[i] = make([]float64, len(x))
		c.Ref(augment.Args[[]float64, shaders.Batch]{Batch: shaders.Batch{Step: uint32(1 + i), Seed: 3}, X: x,
			Y: varied[i]})
	}
	for _, micro := range []int{10, 4} {
		cfg.MicroBatch = micro
		for i, loss := range steps(t, net, images, cfg) {
			batch := part(set, 0, 10)
			batch.Pixels = nil
			for _, v := range varied[i] {
				batch.Pixels = append(batch.Pixels, uint8(v))
			}
			tw := &twin{t: t, params: weights, seed: 3, step: uint32(1 + i)}
			want, tolerance := tw.backward(tinyTwin(tw, tw.input(batch)), batch)
			assert.InDelta(t, want, loss, tolerance, "step %d in parts of %d", 1+i, micro)
		}
	}

	cfg.Augment.Pad = 6
	_, err = nn.NewTrainer(net, images, cfg)
	assertOneLine(t, err, "images of 7x6 moved by up to 6 pixels")
}
