// Package augment varies the images that a network is trained on, by random crops and mirror
// images, as in Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional
// Neural Networks", 2012, section 4.1.
package augment

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed augment.wgsl
var text string

// Args are the arguments of [Shape.Kernel]: X and Y are [N,H,W,C].
type Args[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<f32>"`
	Y     F `wgsl:"write array<f32>"`
}

// Shape describes a batch of images [N,H,W,C] and how they are varied.
type Shape struct {
	N, H, W, C int
	Pad        int  // largest shift of an image, in pixels
	Mirror     bool // swap left and right in half of the images
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if s.Pad < 0 || s.Pad >= min(s.H, s.W) {
		return fmt.Errorf("images of %dx%d moved by up to %d pixels; want at least 0 and less than a side",
			s.H, s.W, s.Pad)
	}
	return shaders.Positive("images [N,H,W,C]", s.N, s.H, s.W, s.C)
}

// Kernel returns the kernel that varies x into y. The variation of an image depends only on the
// batch's seed and step and on the image's place in the whole batch.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View]] {
	n := s.N * s.H * s.W * s.C
	return gpu.Kernel[Args[gpu.View, gpu.View]]{
		Name: "augment", Detail: fmt.Sprintf("[%d,%d,%d,%d] p%d mirror=%t", s.N, s.C, s.H, s.W, s.Pad, s.Mirror),
		Source: shaders.Source(s, shaders.BatchStruct, shaders.Random, text),
		Groups: shaders.DivUp(n, 64), Lanes: 64,
	}
}
