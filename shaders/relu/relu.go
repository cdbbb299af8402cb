// Package relu is y = max(x, 0) where no convolution can do it in its store.
package relu

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed forward.wgsl
var forward string

//go:embed backward.wgsl
var backward string

// ForwardArgs are the arguments of [Forward]: flat tensors of any layout.
type ForwardArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// BackwardArgs are the arguments of [Backward]. Y is the output of forward.
type BackwardArgs[F any] struct {
	Y  F `wgsl:"read array<vec4<f32>>"`
	DY F `wgsl:"read array<vec4<f32>>"`
	DX F `wgsl:"write array<vec4<f32>>"`
}

type consts struct{ Count int }

// Forward is the kernel for n elements, which a buffer pads to a multiple of 4.
func Forward(n int) gpu.Kernel[ForwardArgs[gpu.View]] {
	c := consts{shaders.DivUp(n, 4)}
	return gpu.Kernel[ForwardArgs[gpu.View]]{
		Name: "relu/forward", Detail: fmt.Sprint(n), Source: shaders.Source(c, forward),
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(n),
	}
}

// Backward is the kernel for n elements, which a buffer pads to a multiple of 4.
func Backward(n int) gpu.Kernel[BackwardArgs[gpu.View]] {
	c := consts{shaders.DivUp(n, 4)}
	return gpu.Kernel[BackwardArgs[gpu.View]]{
		Name: "relu/backward", Detail: fmt.Sprint(n), Source: shaders.Source(c, backward),
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(n),
	}
}
