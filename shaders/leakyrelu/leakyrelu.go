// Package leakyrelu computes y = x where x > 0 and y = Slope * x elsewhere (Maas, Hannun and Ng,
// "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013), like
// torch.nn.LeakyReLU.
package leakyrelu

import (
	_ "embed"
	"fmt"
	"math"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed forward.wgsl
	forward string
	//go:embed backward.wgsl
	backward string
)

// Shape describes tensors of Elems elements. Their buffers pad the number to a multiple of 4.
type Shape struct {
	Elems int
	Slope float32 // PyTorch's negative_slope; its default is 0.01
}

// ForwardArgs are the arguments of [Shape.Forward]: X and Y are [Elems], of any
// layout.
type ForwardArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// BackwardArgs are the arguments of [Shape.Backward], all [Elems]. X is the input of forward,
// because the output has the sign of X only for a positive Slope.
type BackwardArgs[F any] struct {
	X  F `wgsl:"read array<vec4<f32>>"`
	DY F `wgsl:"read array<vec4<f32>>"`
	DX F `wgsl:"write array<vec4<f32>>"`
}

// Check returns an error if the shape or the slope is invalid.
func (s Shape) Check() error {
	if slope := float64(s.Slope); math.IsNaN(slope) || math.IsInf(slope, 0) {
		return fmt.Errorf("slope is %g; want a finite number", slope)
	}
	return shaders.Positive("elements", s.Elems)
}

func kernel[A any](s Shape, name, text string) gpu.Kernel[A] {
	c := struct {
		Count int // of vec4
		Slope float32
	}{shaders.DivUp(s.Elems, 4), s.Slope}
	return gpu.Kernel[A]{
		Name: "leakyrelu/" + name, Detail: fmt.Sprintf("%d slope=%g", s.Elems, s.Slope),
		Source: shaders.Source(c, text),
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(s.Elems),
	}
}

// Forward returns the kernel for y = x where x > 0, else Slope * x.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return kernel[ForwardArgs[gpu.View]](s, "forward", forward)
}

// Backward returns the kernel for dX = dY where x > 0, else Slope * dY.
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View]] {
	return kernel[BackwardArgs[gpu.View]](s, "backward", backward)
}
