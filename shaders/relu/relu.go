// Package relu computes y = max(x, 0), for places where no convolution can do so when it stores y.
package relu

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
)

// ForwardArgs are the arguments of [Shape.Forward]: X and Y are [Elems], of
// any layout.
type ForwardArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// BackwardArgs are the arguments of [Shape.Backward], all [Elems]: Y is the
// output of forward.
type BackwardArgs[F any] struct {
	Y  F `wgsl:"read array<vec4<f32>>"`
	DY F `wgsl:"read array<vec4<f32>>"`
	DX F `wgsl:"write array<vec4<f32>>"`
}

// Shape describes tensors of Elems elements. Their buffers pad the number to a multiple of 4.
type Shape struct{ Elems int }

// Check returns an error if the shape is invalid.
func (s Shape) Check() error { return shaders.Positive("elements", s.Elems) }

func kernel[A any](s Shape, name, text string) gpu.Kernel[A] {
	c := struct{ Count int }{shaders.DivUp(s.Elems, 4)} // of vec4
	return gpu.Kernel[A]{
		Name: "relu/" + name, Detail: fmt.Sprint(s.Elems), Source: shaders.Source(c, text),
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(s.Elems),
	}
}

// Forward returns the kernel for y = max(x, 0), or NaN where x is NaN.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return kernel[ForwardArgs[gpu.View]](s, "forward", shaders.Rectify+forward)
}

// Backward returns the kernel for dX = dY where y > 0, else 0.
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View]] {
	return kernel[BackwardArgs[gpu.View]](s, "backward", backward)
}
