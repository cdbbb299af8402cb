// Package batchnorm normalises each channel over the pixels of a batch, and scales and shifts
// it, as torch.nn.BatchNorm2d (Ioffe and Szegedy, "Batch Normalization", 2015,
// arXiv:1502.03167).
package batchnorm

import (
	_ "embed"
	"fmt"
	"math"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed stats.wgsl
	stats string
	//go:embed combine.wgsl
	combine string
	//go:embed fixed.wgsl
	fixed string
	//go:embed forward.wgsl
	forward string
	//go:embed sums.wgsl
	sums string
	//go:embed gradients.wgsl
	gradients string
	//go:embed backward.wgsl
	backward string
)

// StatsArgs are the arguments of [Shape.Stats]: X [N,P,Stride], Part [Chunks,2,Stride].
type StatsArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<vec4<f32>>"`
	Part  F `wgsl:"write array<vec4<f32>>"`
}

// CombineArgs are the arguments of [Shape.Combine]: Part [Chunks,2,Stride]; State [2,Stride],
// the running mean and variance; Moments [2,Stride], mean and 1/sqrt(variance+Eps).
type CombineArgs[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	Part    F `wgsl:"read array<vec4<f32>>"`
	State   F `wgsl:"update array<vec4<f32>>"`
	Moments F `wgsl:"write array<vec4<f32>>"`
}

// FixedArgs are the arguments of [Shape.Fixed]: State and Moments [2,Stride].
type FixedArgs[F any] struct {
	State   F `wgsl:"read array<vec4<f32>>"`
	Moments F `wgsl:"write array<vec4<f32>>"`
}

// ForwardArgs are the arguments of [Shape.Forward]: X and Y [N,P,Stride]; Moments [2,Stride];
// W [2,Stride], gamma and beta.
type ForwardArgs[F any] struct {
	X       F `wgsl:"read array<vec4<f32>>"`
	Moments F `wgsl:"read array<vec4<f32>>"`
	W       F `wgsl:"read array<vec4<f32>>"`
	Y       F `wgsl:"write array<vec4<f32>>"`
}

// SumsArgs are the arguments of [Shape.Sums]: X and DY [N,P,Stride], Moments [2,Stride], Part
// [Chunks,2,Stride].
type SumsArgs[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	X       F `wgsl:"read array<vec4<f32>>"`
	DY      F `wgsl:"read array<vec4<f32>>"`
	Moments F `wgsl:"read array<vec4<f32>>"`
	Part    F `wgsl:"write array<vec4<f32>>"`
}

// GradientsArgs are the arguments of [Shape.Gradients]: Part [Chunks,2,Stride]; Total
// [2,Stride], the sums of dY and of dY times the normalised x; DW [2,Stride].
type GradientsArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	Part  F `wgsl:"read array<vec4<f32>>"`
	Total F `wgsl:"write array<vec4<f32>>"`
	DW    F `wgsl:"update array<vec4<f32>>"`
}

// BackwardArgs are the arguments of [Shape.Backward]: X, DY and DX [N,P,Stride]; Moments,
// Total and W [2,Stride].
type BackwardArgs[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	X       F `wgsl:"read array<vec4<f32>>"`
	DY      F `wgsl:"read array<vec4<f32>>"`
	Moments F `wgsl:"read array<vec4<f32>>"`
	Total   F `wgsl:"read array<vec4<f32>>"`
	W       F `wgsl:"read array<vec4<f32>>"`
	DX      F `wgsl:"write array<vec4<f32>>"`
}

// Shape is a normalisation of N images of P pixels with C channels, of which only the images
// of the batch count.
type Shape struct {
	N, P, C, Stride int
	Eps, Momentum   float32
	Running         bool // the moments are the running ones: those of an evaluation
}

const maxChunks = 64

// Check refuses shapes that make no sense.
func (s Shape) Check() error {
	switch {
	case s.Stride%4 != 0 || s.Stride < s.C:
		return fmt.Errorf("%d channels with stride %d; want a multiple of 4 that is not less", s.C, s.Stride)
	case !(s.Eps > 0) || !(s.Momentum >= 0 && s.Momentum <= 1):
		return fmt.Errorf("eps %g and momentum %g; want eps above 0 and momentum 0 to 1", s.Eps, s.Momentum)
	}
	if err := shaders.Positive("images, pixels and channels", s.N, s.P, s.C); err != nil {
		return err
	}
	if values := int64(s.N) * int64(s.P); values > math.MaxInt32/int64(s.Stride) {
		return fmt.Errorf("%d images of %d pixels of %d channels are too many", s.N, s.P, s.C)
	}
	return nil
}

func (s Shape) String() string {
	text := fmt.Sprintf("[%d,%d] of %d pixels", s.N, s.C, s.P)
	if s.Running {
		text += ", running"
	}
	return text
}

// size is how many pixels a chunk has.
func (s Shape) size() int { return shaders.DivUp(s.N*s.P, maxChunks) }

// Chunks is the number of chunks that the pixels are added up in.
func (s Shape) Chunks() int { return shaders.DivUp(s.N*s.P, s.size()) }

// Elems is the number of values of x.
func (s Shape) Elems() int { return s.N * s.P * s.Stride }

// Part is the number of values of the chunks' results.
func (s Shape) Part() int { return s.Chunks() * 2 * s.Stride }

// Moments is the number of values of the moments.
func (s Shape) Moments() int { return 2 * s.Stride }

// Weights is the number of values of gamma, at 0, and beta, at Stride.
func (s Shape) Weights() int { return 2 * s.Stride }

// State is the number of values of the running mean, at 0, and variance, at Stride.
func (s Shape) State() int { return 2 * s.Stride }

type consts struct {
	P, C4, Elems, Size, Chunks int // C4 and Elems of vec4
	Eps, Momentum, Rest        float32
	Running                    bool
}

func (s Shape) source(parts ...string) string {
	return shaders.Source(consts{s.P, s.Stride / 4, s.Elems() / 4, s.size(), s.Chunks(), s.Eps, s.Momentum, 1 - s.Momentum, s.Running}, parts...)
}

func groups(invocations int) int { return shaders.DivUp(invocations, 64) }

// Stats finds the mean and the spread of each chunk.
func (s Shape) Stats() gpu.Kernel[StatsArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[StatsArgs[gpu.View, gpu.View]]{
		Name: "batchnorm/stats", Detail: s.String(), Source: s.source(shaders.BatchStruct, stats), Groups: groups(s.Chunks() * s.Stride / 4), Lanes: 64, Flops: int64(s.Elems()) * 4,
	}
}

// Combine makes the moments of the chunks' ones, and the running ones follow.
func (s Shape) Combine() gpu.Kernel[CombineArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[CombineArgs[gpu.View, gpu.View]]{
		Name: "batchnorm/combine", Detail: s.String(), Source: s.source(shaders.BatchStruct, combine), Groups: groups(s.Stride / 4), Lanes: 64, Flops: int64(s.Part()) * 4,
	}
}

// Fixed makes the moments of the running ones.
func (s Shape) Fixed() gpu.Kernel[FixedArgs[gpu.View]] {
	return gpu.Kernel[FixedArgs[gpu.View]]{
		Name: "batchnorm/fixed", Detail: s.String(), Source: s.source(fixed), Groups: groups(s.Stride / 4), Lanes: 64, Flops: int64(s.Stride) * 3,
	}
}

// Forward normalises, scales and shifts.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return gpu.Kernel[ForwardArgs[gpu.View]]{
		Name: "batchnorm/forward", Detail: s.String(), Source: s.source(forward), Groups: groups(s.Elems() / 4), Lanes: 64, Flops: int64(s.Elems()) * 4,
	}
}

// Sums adds up the gradients of each chunk.
func (s Shape) Sums() gpu.Kernel[SumsArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[SumsArgs[gpu.View, gpu.View]]{
		Name: "batchnorm/sums", Detail: s.String(), Source: s.source(shaders.BatchStruct, sums), Groups: groups(s.Chunks() * s.Stride / 4), Lanes: 64, Flops: int64(s.Elems()) * 5,
	}
}

// Gradients adds up the chunks, for the gradients of gamma and beta.
func (s Shape) Gradients() gpu.Kernel[GradientsArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[GradientsArgs[gpu.View, gpu.View]]{
		Name: "batchnorm/gradients", Detail: s.String(), Source: s.source(shaders.BatchStruct, gradients), Groups: groups(s.Stride / 4), Lanes: 64, Flops: int64(s.Part()),
	}
}

// Backward is the gradient of x.
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[BackwardArgs[gpu.View, gpu.View]]{
		Name: "batchnorm/backward", Detail: s.String(), Source: s.source(shaders.BatchStruct, backward), Groups: groups(s.Elems() / 4), Lanes: 64, Flops: int64(s.Elems()) * 8,
	}
}
