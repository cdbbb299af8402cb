// Package clip bounds the norm of a gradient, like torch.nn.utils.clip_grad_norm_ (Pascanu, Mikolov
// and Bengio, "On the difficulty of training recurrent neural networks", 2013, arXiv:1211.5063,
// section 3.2): g = g * min(1, MaxNorm / (norm(g) + 1e-6)).
//
// The norm is computed by two levels of sums in a fixed order. The norm of a finite gradient is
// finite. In PyTorch it is infinite above 2e19, and the clipped gradient is zero. A gradient with
// infinite or NaN values stays unchanged.
package clip

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed norms.wgsl
	norms string
	//go:embed factor.wgsl
	factor string
	//go:embed scale.wgsl
	scale string
)

// NormsArgs are the arguments of [Shape.Norms]: gradient G [Count], and Part [first+Parts or
// more,2] with two sums for each part.
type NormsArgs[F any] struct {
	G    F `wgsl:"read array<vec4<f32>>"`
	Part F `wgsl:"part array<vec2<f32>>"`
}

// FactorArgs are the arguments of [Shape.Factor]: Part [parts,2] and Factor [1].
type FactorArgs[F any] struct {
	Part   F `wgsl:"read array<vec2<f32>>"`
	Factor F `wgsl:"write array<f32>"`
}

// ScaleArgs are the arguments of [Shape.Scale]: gradient G [Count] and Factor [1].
type ScaleArgs[F any] struct {
	G      F `wgsl:"update array<vec4<f32>>"`
	Factor F `wgsl:"read array<f32>"`
}

// Shape describes a gradient of Count values (a multiple of 4, padded with zeros) that is clipped
// to MaxNorm. It may also be a stretch of a gradient that is too long for one binding. The parts of
// all stretches are then in one buffer, and give a common factor.
type Shape struct {
	Count   int
	MaxNorm float32
}

const (
	// maxParts is the largest number of sums of the first level. It is enough for the lanes of a
	// GPU, and small enough for one invocation to add up.
	maxParts = 1024

	// The square of large is far from overflow, and so is the square of any float32 times down.
	large = 0x1p50
	down  = 0x1p-80

	eps = 1e-6 // PyTorch's
)

// Parts returns the number of sums of the first level.
func (s Shape) Parts() int { return min(shaders.DivUp(s.Count, 4), maxParts) }

// turns returns the largest number of vec4 in a part.
func (s Shape) turns() int { return shaders.DivUp(shaders.DivUp(s.Count, 4), s.Parts()) }

type consts struct {
	Count, Parts, First       int // Count of vec4
	MaxNorm, Eps, Large, Down float32
}

func (s Shape) consts(parts, first int) consts {
	return consts{shaders.DivUp(s.Count, 4), parts, first, s.MaxNorm, eps, large, down}
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if s.Count%4 != 0 {
		return fmt.Errorf("%d values of a gradient; want a multiple of 4", s.Count)
	}
	if !(s.MaxNorm > 0) || shaders.Overflows(float64(s.MaxNorm)) {
		return fmt.Errorf("norm of at most %g; want a positive number", s.MaxNorm)
	}
	return shaders.Positive("values of a gradient", s.Count)
}

func (s Shape) String() string { return fmt.Sprintf("%d to %g", s.Count, s.MaxNorm) }

// Norms returns the kernel that sums the squares of each part. It writes to Part from index first
// on.
func (s Shape) Norms(first int) gpu.Kernel[NormsArgs[gpu.View]] {
	return gpu.Kernel[NormsArgs[gpu.View]]{
		Name: "clip/norms", Detail: s.String(), Source: shaders.Source(s.consts(s.Parts(), first), norms),
		Groups: shaders.DivUp(s.Parts(), 64), Lanes: 64, Flops: int64(s.Count) * 5, Iterations: s.turns(),
	}
}

// Factor returns the kernel for the factor by which a gradient of so many parts is multiplied.
func (s Shape) Factor(parts int) gpu.Kernel[FactorArgs[gpu.View]] {
	return gpu.Kernel[FactorArgs[gpu.View]]{
		Name: "clip/factor", Detail: s.String(), Source: shaders.Source(s.consts(parts, 0), shaders.Metrics, factor),
		Groups: 1, Lanes: 1, Flops: int64(parts) * 2, Iterations: parts,
	}
}

// Scale returns the kernel that multiplies the gradient by the factor.
func (s Shape) Scale() gpu.Kernel[ScaleArgs[gpu.View]] {
	return gpu.Kernel[ScaleArgs[gpu.View]]{
		Name: "clip/scale", Detail: s.String(), Source: shaders.Source(s.consts(0, 0), scale),
		Groups: shaders.DivUp(shaders.DivUp(s.Count, 4), 64), Lanes: 64, Flops: int64(s.Count),
	}
}
