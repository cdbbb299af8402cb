// Package mse is the mean squared error, as torch.nn.MSELoss: loss and gradient.
package mse

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed mse.wgsl
var text string

// Args are the arguments of [Shape.Kernel]: outputs X and their gradient DX [N,Stride];
// Target_ [N,K]; Row [N] of (loss, 0).
type Args[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	X       F `wgsl:"read array<f32>"`
	Target_ F `wgsl:"read array<f32>"` // target is a reserved word of WGSL
	DX      F `wgsl:"write array<f32>"`
	Row     F `wgsl:"write array<vec2<f32>>"`
}

// Shape is N rows of K outputs.
type Shape struct {
	N, K   int
	Stride int // values from one row to the next
}

type consts struct {
	N, K, Stride int
	Mean         float32 // 1/K
}

func (s Shape) consts() consts { return consts{s.N, s.K, s.Stride, 1 / float32(s.K)} }

// Check refuses shapes that make no sense.
func (s Shape) Check() error {
	if s.K > s.Stride {
		return fmt.Errorf("rows of %d outputs, stride %d", s.K, s.Stride)
	}
	return shaders.Positive("rows and outputs of a row", s.N, s.K)
}

// Kernel computes loss and gradient of each row.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View]] {
	return gpu.Kernel[Args[gpu.View, gpu.View]]{
		Name: "mse", Detail: fmt.Sprintf("%dx%d", s.N, s.K), Source: shaders.Source(s.consts(), shaders.BatchStruct, text),
		Groups: shaders.DivUp(s.N, 64), Lanes: 64, Flops: int64(s.N*s.K) * 4, Iterations: s.Stride,
	}
}
