// Package conv2d is two-dimensional convolution (cross-correlation, as in
// PyTorch): forward, input gradient, weight and bias gradient; any kernel,
// stride, padding and number of channels.
//
// Tensors are [N,H,W,C]. Weights and bias are one matrix: row (r,s,ci) holds
// the weights of kernel row r, column s and input channel ci for all output
// channels, the last row the biases; output channels are padded to a multiple
// of 4 with zeros. The gradient has the same layout.
package conv2d

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed gemm.wgsl
	gemm string
	//go:embed loader_forward.wgsl
	loaderForward string
	//go:embed loader_dx.wgsl
	loaderDX string
	//go:embed store_dx.wgsl
	storeDX string
	//go:embed store_dx_relu.wgsl
	storeDXReLU string
	//go:embed transpose.wgsl
	transpose string
	//go:embed dw.wgsl
	dw string
	//go:embed dw_sum.wgsl
	dwSum string
)

// Shape is a convolution of N images.
type Shape struct {
	N              int
	InC, InStride  int // input channels; values from one pixel of x to the next
	OutC           int
	shaders.Window // Ceil is not used
	Class          gpu.Class
}

// OutStride is the number of values from one pixel of y to the next.
func (s Shape) OutStride() int { return shaders.RoundUp(s.OutC, 4) }

// Rows is the number of rows of the weight matrix: taps times input channels,
// and one for the bias.
func (s Shape) Rows() int { return s.KH*s.KW*s.InC + 1 }

// Weights is the number of elements of the weight matrix, with its padding.
func (s Shape) Weights() int { return s.Rows() * s.OutStride() }

// In, Out and Transposed are the numbers of elements of x, y and wT.
func (s Shape) In() int         { return s.N * s.InH * s.InW * s.InStride }
func (s Shape) Out() int        { return s.N * s.OutH() * s.OutW() * s.OutStride() }
func (s Shape) Transposed() int { return s.KH * s.KW * s.OutC * s.InStride }

// Part is the number of elements of the shares of the weight gradient.
func (s Shape) Part() int { return s.shares() * s.Weights() }

// MACs is the number of multiply-adds of a forward pass.
func (s Shape) MACs() int64 {
	return int64(s.N) * int64(s.OutH()*s.OutW()) * int64(s.KH*s.KW*s.InC) * int64(s.OutC)
}

// Check refuses shapes that make no sense.
func (s Shape) Check() error {
	if err := s.Window.Check(); err != nil {
		return err
	}
	if s.N < 1 || s.InC < 1 || s.OutC < 1 || s.InStride < s.InC {
		return fmt.Errorf("%d images, %d to %d channels; want at least 1 of each", s.N, s.InC, s.OutC)
	}
	return nil
}

func (s Shape) String() string { return fmt.Sprintf("[%d,%d->%d] %s", s.N, s.InC, s.OutC, s.Window) }

// ForwardArgs are the arguments of [Shape.Forward]: x, weight matrix, y.
type ForwardArgs[F any] struct {
	In_ F `wgsl:"read array<f32>"`
	W   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// TransposeArgs are the arguments of [Shape.Transpose].
type TransposeArgs[F any] struct {
	W  F `wgsl:"read array<f32>"`
	WT F `wgsl:"write array<vec4<f32>>"`
}

// DXArgs are the arguments of [Shape.DX]: dY, transposed weights, dX.
type DXArgs[F any] struct {
	In_ F `wgsl:"read array<f32>"`
	W   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// DXReLUArgs are the arguments of [Shape.DXReLU]; X is the output of a relu.
type DXReLUArgs[F any] struct {
	In_ F `wgsl:"read array<f32>"`
	W   F `wgsl:"read array<vec4<f32>>"`
	X   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// DWArgs are the arguments of [Shape.DW].
type DWArgs[F any] struct {
	X    F `wgsl:"read array<f32>"`
	DY   F `wgsl:"read array<vec4<f32>>"`
	Part F `wgsl:"write array<vec4<f32>>"`
}

// DWSumArgs are the arguments of [Shape.DWSum].
type DWSumArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	Part  F `wgsl:"read array<vec4<f32>>"`
	DW    F `wgsl:"update array<vec4<f32>>"`
}

// noTap is the address of a tap in the padding.
const noTap = 0xffffffff

// lanes is the size of a workgroup: as wide as the software adapter's vectors,
// or two waves of a GPU.
func (s Shape) lanes() int {
	if s.Class == gpu.Software {
		return 8
	}
	return 64
}

// gemmConsts describe an implicit GEMM: forward, or the input gradient, where
// the roles of input and output are changed.
type gemmConsts struct {
	Pixels, PixelBlocks int
	InC, InStride       int
	InH, InW            int
	OutVecs, OutH, OutW int
	KH, KW              int
	StrideH, StrideW    int
	PadTop, PadLeft     int
	Lanes               int
	NoTap               uint32
	ReLU                bool
}

func gemmKernel[A any](s Shape, name string, c gemmConsts, parts ...string) gpu.Kernel[A] {
	c.PixelBlocks = shaders.DivUp(c.Pixels, 8)
	c.KH, c.KW, c.StrideH, c.StrideW, c.PadTop, c.PadLeft = s.KH, s.KW, s.StrideH, s.StrideW, s.PadTop, s.PadLeft
	c.Lanes, c.NoTap = s.lanes(), noTap
	return gpu.Kernel[A]{
		Name: "conv2d/" + name, Detail: s.String(), Source: shaders.Source(c, append(parts, gemm)...),
		Groups: shaders.DivUp(c.PixelBlocks*shaders.DivUp(c.OutVecs, 3), c.Lanes), Lanes: c.Lanes, Flops: 2 * s.MACs(),
	}
}

// Forward is y = x * w + b, and relu of it where relu is true.
func (s Shape) Forward(relu bool) gpu.Kernel[ForwardArgs[gpu.View]] {
	name := "forward"
	if relu {
		name = "forward+relu"
	}
	return gemmKernel[ForwardArgs[gpu.View]](s, name, gemmConsts{
		Pixels: s.N * s.OutH() * s.OutW(),
		InC:    s.InC, InStride: s.InStride, InH: s.InH, InW: s.InW,
		OutVecs: s.OutStride() / 4, OutH: s.OutH(), OutW: s.OutW(), ReLU: relu,
	}, loaderForward)
}

func (s Shape) dxConsts() gemmConsts {
	return gemmConsts{
		Pixels: s.N * s.InH * s.InW,
		InC:    s.OutC, InStride: s.OutStride(), InH: s.OutH(), InW: s.OutW(),
		OutVecs: s.InStride / 4, OutH: s.InH, OutW: s.InW,
	}
}

// DX is the gradient of x. The channel stride of x must be a multiple of 4.
func (s Shape) DX() gpu.Kernel[DXArgs[gpu.View]] {
	return gemmKernel[DXArgs[gpu.View]](s, "dx", s.dxConsts(), loaderDX, storeDX)
}

// DXReLU is the gradient of x before the relu that made it.
func (s Shape) DXReLU() gpu.Kernel[DXReLUArgs[gpu.View]] {
	return gemmKernel[DXReLUArgs[gpu.View]](s, "dx+relu", s.dxConsts(), loaderDX, storeDXReLU)
}

// Transpose prepares the weights for [Shape.DX].
func (s Shape) Transpose() gpu.Kernel[TransposeArgs[gpu.View]] {
	c := struct{ Taps, InC, InVecs, OutC, OutStride int }{s.KH * s.KW, s.InC, s.InStride / 4, s.OutC, s.OutStride()}
	return gpu.Kernel[TransposeArgs[gpu.View]]{
		Name: "conv2d/transpose", Detail: s.String(), Source: shaders.Source(c, transpose),
		Groups: shaders.DivUp(s.Transposed()/4, 64), Lanes: 64,
	}
}

type dwConsts struct {
	Pixels, PixelsPerShare, Shares int
	Rows, RowBlocks                int
	InC, InStride, InH, InW        int
	OutVecs, OutBlocks, OutH, OutW int
	KW, StrideH, StrideW           int
	PadTop, PadLeft, Lanes         int
}

// shares is into how many parts the pixels are split: enough work for the
// device, and sums short enough for old software drivers, which stop after
// 65,535 iterations.
func (s Shape) shares() int {
	pixels := s.N * s.OutH() * s.OutW()
	want := 2048 // workgroups that fill a GPU
	if s.Class == gpu.Software {
		want = 16
	}
	tiles := shaders.DivUp(shaders.DivUp(s.Rows(), 8)*shaders.DivUp(s.OutStride(), 12), s.lanes())
	n := max(shaders.DivUp(pixels, 16384), min(shaders.DivUp(want, tiles), shaders.DivUp(pixels, 256)))
	return shaders.DivUp(pixels, shaders.DivUp(pixels, n)) // no share is empty
}

// DW computes the gradient of weights and bias in shares, to be added up by
// [Shape.DWSum].
func (s Shape) DW() gpu.Kernel[DWArgs[gpu.View]] {
	pixels := s.N * s.OutH() * s.OutW()
	c := dwConsts{
		Pixels: pixels, Shares: s.shares(), PixelsPerShare: shaders.DivUp(pixels, s.shares()),
		Rows: s.Rows(), RowBlocks: shaders.DivUp(s.Rows(), 8),
		InC: s.InC, InStride: s.InStride, InH: s.InH, InW: s.InW,
		OutVecs: s.OutStride() / 4, OutBlocks: shaders.DivUp(s.OutStride()/4, 3), OutH: s.OutH(), OutW: s.OutW(),
		KW: s.KW, StrideH: s.StrideH, StrideW: s.StrideW, PadTop: s.PadTop, PadLeft: s.PadLeft, Lanes: s.lanes(),
	}
	return gpu.Kernel[DWArgs[gpu.View]]{
		Name: "conv2d/dw", Detail: s.String(), Source: shaders.Source(c, dw),
		Groups: shaders.DivUp(c.RowBlocks*c.OutBlocks*c.Shares, c.Lanes), Lanes: c.Lanes, Flops: 2 * s.MACs(),
	}
}

// DWSum adds the shares of [Shape.DW] up, on top of what is there unless the
// batch is the first part.
func (s Shape) DWSum() gpu.Kernel[DWSumArgs[gpu.View, gpu.View]] {
	c := struct{ Count, Shares int }{s.Weights() / 4, s.shares()}
	return gpu.Kernel[DWSumArgs[gpu.View, gpu.View]]{
		Name: "conv2d/dw_sum", Detail: s.String(), Source: shaders.Source(c, shaders.BatchStruct, dwSum),
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(s.Part()),
	}
}
