// Package batchnorm computes batch normalisation (Ioffe and Szegedy, "Batch Normalization:
// Accelerating Deep Network Training by Reducing Internal Covariate Shift", 2015), like
// torch.nn.BatchNorm2d:
//
//	y = (x - mean) / sqrt(variance + Eps) * gamma + beta
//
// Each channel has its own mean and variance. Training uses those of the batch and updates running
// ones, with the kernels Stats, Combine, Forward. Evaluation uses the running ones, with Fixed,
// Forward. The backward pass is Sums, Gradients, Backward.
//
// The pixels are divided into chunks, whose results are combined in order. For the variance, a
// chunk's results are its mean and the sum of the squared distances from it (Chan, Golub and
// LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979). That
// does not cancel even if the mean is large.
package batchnorm

import (
	_ "embed"
	"fmt"
	"math"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed counted.wgsl
	counted string
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

// Shape describes N images of P pixels and C channels, [N,P,Stride]. The channels from C on are
// padding, in which x, dY, gamma and beta are zero.
type Shape struct {
	N, P, C, Stride int
	Eps             float32 // added to the variance; PyTorch's default is 1e-5
	Momentum        float32 // weight of the batch in the running moments; PyTorch's default is 0.1
	Running         bool    // use the running moments, for evaluation
}

// StatsArgs are the arguments of [Shape.Stats]: X [N,P,Stride], Part [Chunks,2,Stride]. Batch is
// a view on the device, and a [shaders.Batch] in the twin.
type StatsArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<vec4<f32>>"`
	Part  F `wgsl:"write array<vec4<f32>>"`
}

// CombineArgs are the arguments of [Shape.Combine]: Part [Chunks,2,Stride], State and Moments
// [2,Stride].
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

// ForwardArgs are the arguments of [Shape.Forward]: X and Y [N,P,Stride], Moments and W
// [2,Stride].
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

// GradientsArgs are the arguments of [Shape.Gradients]: Part [Chunks,2,Stride], Total and DW
// [2,Stride].
type GradientsArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	Part  F `wgsl:"read array<vec4<f32>>"`
	Total F `wgsl:"write array<vec4<f32>>"`
	DW    F `wgsl:"update array<vec4<f32>>"`
}

// BackwardArgs are the arguments of [Shape.Backward]: X, DY and DX [N,P,Stride], Moments, Total and
// W [2,Stride]. With Running, Total is not used.
type BackwardArgs[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	X       F `wgsl:"read array<vec4<f32>>"`
	DY      F `wgsl:"read array<vec4<f32>>"`
	Moments F `wgsl:"read array<vec4<f32>>"`
	Total   F `wgsl:"read array<vec4<f32>>"`
	W       F `wgsl:"read array<vec4<f32>>"`
	DX      F `wgsl:"write array<vec4<f32>>"`
}

// smallestNormal is the smallest Eps. A device may flush a smaller one to zero; 1/sqrt(variance +
// Eps) of a constant channel is then infinite.
const smallestNormal = 0x1p-126

// Check returns an error if the shape or the settings are invalid.
func (s Shape) Check() error {
	if err := shaders.Positive("images, pixels and channels", s.N, s.P, s.C); err != nil {
		return err
	}
	if s.Stride < s.C || s.Stride%4 != 0 {
		return fmt.Errorf("channel stride is %d; want a multiple of 4 that is at least the %d channels", s.Stride, s.C)
	}
	if s.P > math.MaxInt32/s.N/s.Stride {
		return fmt.Errorf("%d images of %d pixels with channel stride %d; want at most %d elements", s.N, s.P, s.Stride,
			math.MaxInt32)
	}
	if !(s.Eps >= smallestNormal && s.Eps <= math.MaxFloat32) {
		return fmt.Errorf("eps is %g; want a number above 0, such as 1e-5", s.Eps)
	}
	if !(s.Momentum >= 0 && s.Momentum <= 1) {
		return fmt.Errorf("momentum is %g; want a number from 0 to 1", s.Momentum)
	}
	return nil
}

func (s Shape) String() string {
	return fmt.Sprintf("[%d,%d,%d] eps=%g momentum=%g running=%t", s.N, s.C, s.P, s.Eps, s.Momentum, s.Running)
}

// length returns the number of pixels of a chunk. There are at most 64 chunks, unless a chunk's
// loop would then exceed what an adapter may allow.
func (s Shape) length() int { return max(16, min(shaders.DivUp(s.N*s.P, 64), 1<<14)) }

// Chunks returns the number of chunks, of consecutive pixels.
func (s Shape) Chunks() int { return shaders.DivUp(s.N*s.P, s.length()) }

// Len returns the number of elements of x.
func (s Shape) Len() int { return s.N * s.P * s.Stride }

// Part returns the number of elements of the partial results.
func (s Shape) Part() int { return s.Chunks() * s.Stride * 2 }

// Moments returns the number of elements of the moments: the mean, then 1/sqrt(variance + Eps).
func (s Shape) Moments() int { return 2 * s.Stride }

// Weights returns the number of elements of the weights: gamma, then beta.
func (s Shape) Weights() int { return 2 * s.Stride }

// State returns the number of elements of the running moments: the mean, then the variance.
func (s Shape) State() int { return 2 * s.Stride }

type sizes struct{ P, C4, Count, Length, Chunks int }

type settings struct {
	Eps, Momentum float32
	Running       bool
}

// kernel returns the kernel that runs one invocation for each of count vec4.
func kernel[A any](s Shape, name string, count, iterations, flops int, parts ...string) gpu.Kernel[A] {
	return gpu.Kernel[A]{
		Name: "batchnorm/" + name, Detail: s.String(),
		Source: shaders.Source(settings{s.Eps, s.Momentum, s.Running}, parts...),
		Sizes:  sizes{s.P, s.Stride / 4, s.Len() / 4, s.length(), s.Chunks()},
		Groups: shaders.DivUp(count, 64), Lanes: 64, Flops: int64(flops), Iterations: iterations,
	}
}

// ofPixels returns kernel for all pixels. Each invocation divides by the sizes, which costs as much
// as the rest of its work unless they are constants.
func ofPixels[A any](s Shape, name string, flops int, parts ...string) gpu.Kernel[A] {
	return shaders.Constant(kernel[A](s, name, s.Len()/4, 0, flops, parts...))
}

// Stats returns the kernel for the mean of each chunk, and the sum of the squared distances from
// it.
func (s Shape) Stats() gpu.Kernel[StatsArgs[gpu.View, gpu.View]] {
	return kernel[StatsArgs[gpu.View, gpu.View]](s, "stats", s.Part()/8, 2*s.length(), 4*s.Len(), shaders.BatchStruct,
		counted, stats)
}

// Combine returns the kernel that combines the chunks of [Shape.Stats] and updates the running
// moments.
func (s Shape) Combine() gpu.Kernel[CombineArgs[gpu.View, gpu.View]] {
	return kernel[CombineArgs[gpu.View, gpu.View]](s, "combine", s.Stride/4, s.Chunks(), 4*s.Part(),
		shaders.BatchStruct, counted, combine)
}

// Fixed returns the kernel that computes the moments from the running ones.
func (s Shape) Fixed() gpu.Kernel[FixedArgs[gpu.View]] {
	return kernel[FixedArgs[gpu.View]](s, "fixed", s.Stride/4, 0, 2*s.Stride, fixed)
}

// Forward returns the kernel for y = (x - mean) / sqrt(variance + Eps) * gamma + beta.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return ofPixels[ForwardArgs[gpu.View]](s, "forward", 4*s.Len(), forward)
}

// Sums returns the kernel for the sums over each chunk that the gradients need.
func (s Shape) Sums() gpu.Kernel[SumsArgs[gpu.View, gpu.View]] {
	return kernel[SumsArgs[gpu.View, gpu.View]](s, "sums", s.Part()/8, s.length(), 5*s.Len(), shaders.BatchStruct,
		counted, sums)
}

// Gradients returns the kernel that sums the chunks of [Shape.Sums] into Total, and adds the
// gradient of gamma and beta to DW, or assigns it if Batch.First is 1.
func (s Shape) Gradients() gpu.Kernel[GradientsArgs[gpu.View, gpu.View]] {
	return kernel[GradientsArgs[gpu.View, gpu.View]](s, "gradients", s.Stride/4, s.Chunks(), s.Part(),
		shaders.BatchStruct, gradients)
}

// Backward returns the kernel for the gradient of x.
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View, gpu.View]] {
	return ofPixels[BackwardArgs[gpu.View, gpu.View]](s, "backward", 8*s.Len(), shaders.BatchStruct, backward)
}
