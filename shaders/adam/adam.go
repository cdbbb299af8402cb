// Package adam updates weights like torch.optim.Adam and torch.optim.AdamW (Kingma and Ba, "Adam",
// 2014, arXiv:1412.6980; Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017,
// arXiv:1711.05101), without amsgrad. Once training has diverged (see [shaders.Metrics]), nothing
// is updated, as in package sgd.
package adam

import (
	_ "embed"
	"fmt"
	"math"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed adam.wgsl
var source string

// PyTorch's defaults.
const (
	Beta1 = 0.9
	Beta2 = 0.999
	Eps   = 1e-8
)

// Args are the arguments of [Shape.Kernel]: gradients G, weights W, and the running means M of the
// gradients and V of their squares, all [Count].
type Args[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	G     F `wgsl:"read array<vec4<f32>>"`
	W     F `wgsl:"update array<vec4<f32>>"`
	M     F `wgsl:"update array<vec4<f32>>"`
	V     F `wgsl:"update array<vec4<f32>>"`

	Metrics F `wgsl:"update Metrics"`
}

// Shape describes an update of Count weights (a multiple of 4, with padding). The learning rate and
// the corrections of the means come with each [shaders.Batch]; see [Corrections].
type Shape struct {
	Count     int
	Decay     float32
	Decoupled bool // decoupled decay, as in AdamW
}

// Corrections returns the factors that correct for running means which start from zero:
// 1/(1-Beta1^step) and 1/sqrt(1-Beta2^step). Updates count from 1.
func Corrections(step int) (first, second float32) {
	t := float64(step)
	return float32(1 / (1 - math.Pow(Beta1, t))), float32(1 / math.Sqrt(1-math.Pow(Beta2, t)))
}

type consts struct {
	Count                           int // of vec4
	Beta1, Rest1, Beta2, Rest2, Eps float32
	Decay                           float32
	Decoupled                       bool
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if s.Count%4 != 0 {
		return fmt.Errorf("%d weights; want a multiple of 4", s.Count)
	}
	return shaders.Positive("weights", s.Count)
}

func (s Shape) String() string {
	kind := "adam"
	if s.Decoupled {
		kind = "adamw"
	}
	return fmt.Sprintf("%s %d decay=%g", kind, s.Count, s.Decay)
}

// Kernel returns the kernel for the update.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View]] {
	n := shaders.DivUp(s.Count, 4)
	c := consts{Count: n, Beta1: Beta1, Rest1: 1 - Beta1, Beta2: Beta2, Rest2: 1 - Beta2, Eps: Eps, Decay: s.Decay,
		Decoupled: s.Decoupled}
	return gpu.Kernel[Args[gpu.View, gpu.View]]{
		Name: "adam", Detail: s.String(), Source: shaders.Source(c, shaders.BatchStruct, shaders.Metrics, source),
		Groups: shaders.DivUp(n, 64), Lanes: 64, Flops: int64(s.Count) * 16,
	}
}
