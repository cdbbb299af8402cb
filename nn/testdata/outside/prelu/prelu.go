// Package prelu is an op outside the framework's module: the parametric ReLU of He et al. (2015), y
// = x where x > 0, else slope * x, with one slope for each channel.
package prelu

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed forward.wgsl
	forward string
	//go:embed backward.wgsl
	backward string
	//go:embed slope.wgsl
	slope string
)

// Shape is the shape of a tensor [Pixels,Stride]. The channels are innermost, padded to a multiple
// of 4.
type Shape struct{ Pixels, Stride int }

// Check returns an error for shapes that the kernels do not support.
func (s Shape) Check() error {
	if s.Pixels < 1 || s.Stride < 4 || s.Stride%4 != 0 {
		return fmt.Errorf("%d pixels of channel stride %d; want at least 1, and a multiple of 4", s.Pixels, s.Stride)
	}
	return nil
}

// Len returns the number of values.
func (s Shape) Len() int { return s.Pixels * s.Stride }

func (s Shape) String() string { return fmt.Sprintf("[%d,%d]", s.Pixels, s.Stride) }

// ForwardArgs are the arguments of [Shape.Forward]: X and Y [Pixels,Stride], Slope
// [Stride].
type ForwardArgs[F any] struct {
	X     F `wgsl:"read array<vec4<f32>>"`
	Slope F `wgsl:"read array<vec4<f32>>"`
	Y     F `wgsl:"write array<vec4<f32>>"`
}

// BackwardArgs are the arguments of [Shape.Backward]: X, DY and DX [Pixels,Stride], Slope
// [Stride].
type BackwardArgs[F any] struct {
	X     F `wgsl:"read array<vec4<f32>>"`
	Slope F `wgsl:"read array<vec4<f32>>"`
	DY    F `wgsl:"read array<vec4<f32>>"`
	DX    F `wgsl:"write array<vec4<f32>>"`
}

// SlopeArgs are the arguments of [Shape.SlopeGradient]: X and DY [Pixels,Stride], DSlope
// [Stride]. Batch is a view on the device, and a [shaders.Batch] in the twin.
type SlopeArgs[F, B any] struct {
	Batch  B `wgsl:"uniform Batch"`
	X      F `wgsl:"read array<vec4<f32>>"`
	DY     F `wgsl:"read array<vec4<f32>>"`
	DSlope F `wgsl:"update array<vec4<f32>>"`
}

type consts struct{ Pixels, Quads int }

func (s Shape) consts() consts { return consts{s.Pixels, s.Stride / 4} }

// Forward returns the kernel of y.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return gpu.Kernel[ForwardArgs[gpu.View]]{
		Name: "prelu/forward", Detail: s.String(), Source: shaders.Source(s.consts(), forward),
		Groups: shaders.DivUp(s.Len()/4, 64), Lanes: 64, Flops: int64(s.Len()),
	}
}

// Backward returns the kernel of the gradient of x.
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View]] {
	return gpu.Kernel[BackwardArgs[gpu.View]]{
		Name: "prelu/backward", Detail: s.String(), Source: shaders.Source(s.consts(), backward),
		Groups: shaders.DivUp(s.Len()/4, 64), Lanes: 64, Flops: int64(s.Len()),
	}
}

// SlopeGradient returns the kernel of the gradient of the slopes.
func (s Shape) SlopeGradient() gpu.Kernel[SlopeArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[SlopeArgs[gpu.View, gpu.View]]{
		Name: "prelu/slope", Detail: s.String(), Source: shaders.Source(s.consts(), shaders.BatchStruct, slope),
		Groups: shaders.DivUp(s.Stride/4, 64), Lanes: 64, Flops: 2 * int64(s.Len()), Iterations: s.Pixels,
	}
}
