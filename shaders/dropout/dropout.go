// Package dropout sets elements to zero at random while training (Srivastava
// et al., 2014), and scales the others so that the mean stays.
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

// Args are the arguments of [Shape.Kernel]: x and y, or dY and dX, [Rows,RowElems].
type Args[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<f32>"`
	Y     F `wgsl:"write array<f32>"`
}

// Shape is the shape of a dropout.
type Shape struct {
	Rows, RowElems int     // images, and values of one image with its padding
	P              float64 // probability of zero, 0 <= P < 1
	Stream         uint32  // tells apart the dropouts of one network
}

type consts struct {
	Rows, RowElems int
	Stream         uint32
	Threshold      uint32 // bits below it give zero
	Scale          float32
}

func (s Shape) consts() consts {
	return consts{
		s.Rows, s.RowElems, s.Stream,
		uint32(math.Round(s.P * (1 << 32))),
		float32(1 / (1 - s.P)),
	}
}

// Check refuses shapes and probabilities that make no sense: 32 random bits are
// compared with P, and the rest is scaled by 1/(1-P).
func (s Shape) Check() error {
	if !(s.P >= 0 && s.P < 1-1.0/(1<<24)) {
		return fmt.Errorf("dropout probability is %g; want 0 <= p < 1", s.P)
	}
	return shaders.Positive("images and values of one", s.Rows, s.RowElems)
}

// Kernel is forward and backward in one: with the same Batch it takes x to y
// and dY to dX.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View]] {
	return gpu.Kernel[Args[gpu.View, gpu.View]]{
		Name: "dropout", Detail: fmt.Sprintf("p=%g %dx%d", s.P, s.Rows, s.RowElems),
		Source: shaders.Source(s.consts(), shaders.BatchStruct, shaders.Random, text),
		Groups: shaders.DivUp(s.Rows*s.RowElems, 64), Lanes: 64, Flops: int64(s.Rows * s.RowElems),
	}
}
