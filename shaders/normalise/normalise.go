// Package normalise normalises images by the mean and the standard deviation of each channel, like
// torchvision.transforms.Normalize.
package normalise

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed normalise.wgsl
var text string

// Args are the arguments of [Shape.Kernel]: X and Y are [N,H,W,C]; Mean and Deviation are [C].
type Args[F any] struct {
	X         F `wgsl:"read array<f32>"`
	Mean      F `wgsl:"read array<f32>"`
	Deviation F `wgsl:"read array<f32>"`
	Y         F `wgsl:"write array<f32>"`
}

// Shape describes images with Elems values in total. The C channels are the innermost axis.
type Shape struct{ Elems, C int }

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if s.C > 0 && s.Elems%s.C != 0 {
		return fmt.Errorf("%d values of %d channels; want a multiple of the channels", s.Elems, s.C)
	}
	return shaders.Positive("values and channels", s.Elems, s.C)
}

// Kernel returns the kernel for y = (x - mean) / deviation.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View]] {
	return gpu.Kernel[Args[gpu.View]]{
		Name: "normalise", Detail: fmt.Sprintf("%d c%d", s.Elems, s.C), Source: shaders.Source(s, text),
		Groups: shaders.DivUp(s.Elems, 64), Lanes: 64, Flops: 2 * int64(s.Elems),
	}
}
