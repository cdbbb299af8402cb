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

// Args are the arguments of [Kernel]: x and y, or dY and dX, [N,RowElems].
type Args[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<f32>"`
	Y     F `wgsl:"write array<f32>"`
}

// Config is the shape of a dropout.
type Config struct {
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

func (c Config) consts() consts {
	return consts{
		c.Rows, c.RowElems, c.Stream,
		uint32(math.Round(c.P * (1 << 32))),
		float32(1 / (1 - c.P)),
	}
}

// Kernel is forward and backward in one: with the same Batch it takes x to y
// and dY to dX.
func Kernel(c Config) (gpu.Kernel[Args[gpu.View, gpu.View]], error) {
	if !(c.P >= 0 && c.P < 1-1.0/(1<<24)) {
		return gpu.Kernel[Args[gpu.View, gpu.View]]{}, fmt.Errorf("dropout probability is %g; want 0 <= p < 1", c.P)
	}
	return gpu.Kernel[Args[gpu.View, gpu.View]]{
		Name: "dropout", Detail: fmt.Sprintf("p=%g %dx%d", c.P, c.Rows, c.RowElems),
		Source: shaders.Source(c.consts(), shaders.BatchStruct, shaders.Random, text),
		Groups: shaders.DivUp(c.Rows*c.RowElems, 64), Lanes: 64, Flops: int64(c.Rows * c.RowElems),
	}, nil
}
