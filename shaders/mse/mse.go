// Package mse computes the mean squared error and its gradient, like torch.nn.MSELoss.
package mse

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed mse.wgsl
var text string

// Args are the arguments of [Shape.Kernel]: outputs X and their gradient DX [N,Pixels,Stride];
// Target_ [N,C,Pixels]; Row [N], pairs (loss, 0).
type Args[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	X       F `wgsl:"read array<f32>"`
	Target_ F `wgsl:"read array<f32>"` // target is a reserved word of WGSL
	DX      F `wgsl:"write array<f32>"`
	Row     F `wgsl:"write array<vec2<f32>>"`
}

// Shape describes N rows of C*Pixels outputs: images, or vectors if Pixels is 1.
type Shape struct {
	N, C, Pixels int
	Stride       int // values from one pixel to the next
}

type consts struct {
	N, C, Pixels, Stride int
	Mean                 float32 // 1/(C*Pixels)
}

func (s Shape) consts() consts {
	return consts{s.N, s.C, s.Pixels, s.Stride, 1 / float32(s.C*s.Pixels)}
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if s.C > s.Stride {
		return fmt.Errorf("%d outputs of a pixel with stride %d; want a stride of at least the outputs", s.C, s.Stride)
	}
	return shaders.Positive("rows, outputs of a pixel and pixels", s.N, s.C, s.Pixels)
}

// Kernel returns the kernel that computes loss and gradient of each row.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View]] {
	return gpu.Kernel[Args[gpu.View, gpu.View]]{
		Name: "mse", Detail: fmt.Sprintf("%dx%dx%d", s.N, s.C, s.Pixels),
		Source: shaders.Source(s.consts(), shaders.BatchStruct, text),
		Groups: shaders.DivUp(s.N, 64), Lanes: 64, Flops: int64(s.N*s.C*s.Pixels) * 4, Iterations: s.Pixels * s.Stride,
	}
}
