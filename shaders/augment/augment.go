// Package augment varies the images that a network is trained on, as in
// Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep
// Convolutional Neural Networks", 2012, section 4.1: random crops and mirror
// images.
package augment

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed augment.wgsl
var text string

// Args are the arguments of [Kernel].
type Args[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<f32>"`
	Y     F `wgsl:"write array<f32>"`
}

// Config is the shape of a batch, and how its images are varied.
type Config struct {
	N, H, W, C int  // images, rows, columns, values of a pixel
	Pad        int  // pixels that an image is moved by at most
	Mirror     bool // half of the images are swapped left to right
}

// Kernel varies x into y. What happens to an image depends on the batch's seed
// and step and on the image's place in the whole batch alone.
func Kernel(c Config) (gpu.Kernel[Args[gpu.View, gpu.View]], error) {
	if c.Pad < 0 || c.Pad >= min(c.H, c.W) {
		return gpu.Kernel[Args[gpu.View, gpu.View]]{},
			fmt.Errorf("images of %dx%d moved by up to %d pixels; want at least 0 and less than a side", c.H, c.W, c.Pad)
	}
	n := c.N * c.H * c.W * c.C
	return gpu.Kernel[Args[gpu.View, gpu.View]]{
		Name: "augment", Detail: fmt.Sprintf("[%d,%d,%d,%d] p%d mirror=%t", c.N, c.C, c.H, c.W, c.Pad, c.Mirror),
		Source: shaders.Source(c, shaders.BatchStruct, shaders.Random, text),
		Groups: shaders.DivUp(n, 64), Lanes: 64,
	}, nil
}
