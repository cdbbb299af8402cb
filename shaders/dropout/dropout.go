// Package dropout sets elements to zero at random during training (Srivastava et al., 2014), and
// scales the others so that the mean stays the same.
package dropout

import (
	_ "embed"
	"fmt"
	"math"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed dropout.wgsl
var text string

// Args are the arguments of [Shape.Kernel]: x and y, or dY and dX, both [Rows,RowElems].
type Args[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<f32>"`
	Y     F `wgsl:"write array<f32>"`
}

// Shape describes a dropout of Rows images.
type Shape struct {
	Rows, RowElems int     // images, and values of one image with its padding
	P              float64 // probability of zero, 0 <= P < 1
	Stream         uint32  // different for each dropout of a network
}

type consts struct {
	Rows, RowElems int
	Stream         uint32
	Threshold      uint32 // random bits below it set a value to zero
	Scale          float32
}

func (s Shape) consts() consts {
	return consts{
		s.Rows, s.RowElems, s.Stream,
		uint32(math.Round(s.P * (1 << 32))),
		float32(1 / (1 - s.P)),
	}
}

// Check returns an error if the shape or the probability is invalid. P is compared with 32 random
// bits, and the remaining values are scaled by 1/(1-P).
func (s Shape) Check() error {
	if !(s.P >= 0 && s.P < 1-1.0/(1<<24)) {
		return fmt.Errorf("dropout probability is %g; want 0 <= p < 1", s.P)
	}
	return shaders.Positive("images and values of one", s.Rows, s.RowElems)
}

// Kernel returns the kernel for both forward and backward. With the same Batch it computes y from x
// and dX from dY.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View]] {
	return gpu.Kernel[Args[gpu.View, gpu.View]]{
		Name: "dropout", Detail: fmt.Sprintf("p=%g %dx%d", s.P, s.Rows, s.RowElems),
		Source: shaders.Source(s.consts(), shaders.BatchStruct, shaders.Random, text),
		Groups: shaders.DivUp(s.Rows*s.RowElems, 64), Lanes: 64, Flops: int64(s.Rows * s.RowElems),
	}
}
