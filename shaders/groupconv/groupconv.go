// Package groupconv computes convolutions with groups of channels, like torch.nn.Conv2d with
// groups. Depthwise convolution is one of them. It supports any kernel, stride, padding and
// dilation. For convolutions without groups, see package conv2d.
package groupconv

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed slide.wgsl
	slide string
	//go:embed forward.wgsl
	forward string
	//go:embed dx.wgsl
	dx string
	//go:embed read1.wgsl
	read1 string
	//go:embed read4.wgsl
	read4 string
	//go:embed mac1.wgsl
	mac1 string
	//go:embed mac4.wgsl
	mac4 string
	//go:embed transpose.wgsl
	transpose string
	//go:embed dw.wgsl
	dw string
	//go:embed dw1.wgsl
	dw1 string
	//go:embed dw4.wgsl
	dw4 string
	//go:embed sum.wgsl
	sum string
)

// Shape describes a convolution of N images.
//
// The weights are a matrix [Rows,OutStride]. Row (r*KW+s)*InC/Groups + ci holds the weights of tap
// (r,s) and channel ci of a group. The last row holds the bias, unless NoBias is true. The columns
// from OutC on are zero.
type Shape struct {
	N              int
	InC, InStride  int // channels of x and their stride
	OutC           int
	Groups         int
	NoBias         bool // there is no bias
	shaders.Window      // Ceil is not used
}

// ForwardArgs are the arguments of [Shape.Forward]: In_ is x [N,InH,InW,InStride], W the weights
// [Rows,OutStride], Out y [N,OutH,OutW,OutStride].
type ForwardArgs[F any] struct {
	In_ F `wgsl:"read array<In>"`
	W   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// TransposeArgs are the arguments of [Shape.Transpose]: W [Rows,OutStride], WT
// [KH,KW,OutC/Groups,InStride].
type TransposeArgs[F any] struct {
	W  F `wgsl:"read array<f32>"`
	WT F `wgsl:"write array<vec4<f32>>"`
}

// DXArgs are the arguments of [Shape.DX]: In_ is dY [N,OutH,OutW,OutStride], W the transposed
// weights [KH,KW,OutC/Groups,InStride], Out dX [N,InH,InW,InStride].
type DXArgs[F any] struct {
	In_ F `wgsl:"read array<In>"`
	W   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// DWArgs are the arguments of [Shape.DW]: In_ is x [N,InH,InW,InStride], DY
// [N,OutH,OutW,OutStride], Part [Shares,Rows,OutStride].
type DWArgs[F any] struct {
	In_  F `wgsl:"read array<In>"`
	DY   F `wgsl:"read array<vec4<f32>>"`
	Part F `wgsl:"write array<vec4<f32>>"`
}

// DWSumArgs are the arguments of [Shape.DWSum]: Part [Shares,Rows,OutStride], DW
// [Rows,OutStride]. Batch is a view on the device, and a [shaders.Batch] in the twin.
type DWSumArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	Part  F `wgsl:"read array<vec4<f32>>"`
	DW    F `wgsl:"update array<vec4<f32>>"`
}

// Check returns an error if the kernels do not support the shape. The kernel of the input gradient
// also needs an InStride that is a multiple of 4, which Check does not require.
func (s Shape) Check() error {
	if err := s.Window.Check(); err != nil {
		return err
	}
	if err := shaders.Positive("images, channels and groups", s.N, s.InC, s.OutC, s.Groups); err != nil {
		return err
	}
	if s.InC%s.Groups != 0 || s.OutC%s.Groups != 0 {
		return fmt.Errorf("%d groups of %d input and %d output channels; want groups of equal size", s.Groups,
			s.InC, s.OutC)
	}
	if s.InStride < s.InC {
		return fmt.Errorf("channel stride is %d; want at least the %d channels", s.InStride, s.InC)
	}
	return nil
}

func (s Shape) String() string {
	bias := ""
	if s.NoBias {
		bias = " no bias"
	}
	return fmt.Sprintf("[%d,%d->%d] %s groups=%d%s", s.N, s.InC, s.OutC, s.Window, s.Groups, bias)
}

// OutStride returns the channel stride of y.
func (s Shape) OutStride() int { return shaders.RoundUp(s.OutC, 4) }

// GroupIn returns the number of input channels of a group.
func (s Shape) GroupIn() int { return s.InC / s.Groups }

// GroupOut returns the number of output channels of a group.
func (s Shape) GroupOut() int { return s.OutC / s.Groups }

// Rows returns the number of rows of the weights.
func (s Shape) Rows() int { return s.KH*s.KW*s.GroupIn() + s.biasRows() }

func (s Shape) biasRows() int {
	if s.NoBias {
		return 0
	}
	return 1
}

// Weights returns the number of elements of the weights.
func (s Shape) Weights() int { return s.Rows() * s.OutStride() }

// Transposed returns the number of elements of the transposed weights.
func (s Shape) Transposed() int { return s.KH * s.KW * s.GroupOut() * s.InStride }

// In returns the number of elements of x.
func (s Shape) In() int { return s.N * s.InH * s.InW * s.InStride }

// Out returns the number of elements of y.
func (s Shape) Out() int { return s.N * s.OutH() * s.OutW() * s.OutStride() }

// MACs returns the number of multiply-adds of a pass.
func (s Shape) MACs() int64 {
	return int64(s.N*s.OutH()*s.OutW()) * int64(s.OutC) * int64(s.KH*s.KW*s.GroupIn())
}

// consts are the constants of a kernel that reads "in" and writes "out", or that multiplies both.
type consts struct {
	In                             shaders.Alias
	InH, InW, InStride, OutH, OutW int // InStride in units of In
	Lines, OutC, OutVecs           int // lines of out in all images
	KH, KW, GroupIn, GroupOut      int
	StrideH, StrideW               int
	DilationH, DilationW           int
	PadTop, PadLeft                int
	Terms, Turns                   int // input channels at a time; how many times
	Phases, TapStep                int // taps that are TapStep apart have the same phase
	Spread, Blocks                 int // distance of a block's columns; blocks in a line
	Step, OutStep, NoColumn        int32
	Bias                           bool
	Rows, RowBlocks, TapBlocks     int // of the weight gradient: rows; blocks of 4 taps in a row, and in all
	AllBlocks                      int // TapBlocks, and one for the bias
	Shares, LinesPerShare          int
}

// consts returns the constants for groups of in input and out output channels, and the WGSL that
// reads the pixels.
func (s Shape) consts(in, out, inStride int) (consts, string) {
	c := consts{
		In: "f32", InStride: inStride, KH: s.KH, KW: s.KW, GroupIn: in, GroupOut: out,
		StrideH: s.StrideH, StrideW: s.StrideW, PadTop: s.PadTop, PadLeft: s.PadLeft,
		Terms: 1, Turns: in, Bias: !s.NoBias, Rows: s.Rows(), NoColumn: -1 << 30,
	}
	c.DilationH, c.DilationW = s.Dilation()
	fours := in%4 == 0 && out%4 == 0
	if inStride%4 != 0 || !fours && in*out != 1 {
		return c, read1
	}
	if fours {
		c.Terms, c.Turns = 4, in/4
	}
	c.In, c.InStride = "vec4<f32>", inStride/4
	return c, read4
}

// slides finds out which taps share columns of x, and sets Spread, TapStep and Phases. For outputs
// that are Spread columns apart and taps that are TapStep apart, a tap reads the same column for an
// output as the next tap reads for the previous output.
func (c *consts) slides() {
	gcd := c.DilationW
	for r := c.StrideW; r != 0; {
		gcd, r = r, gcd%r
	}
	spread, tapStep := c.DilationW/gcd, c.StrideW/gcd
	c.Spread, c.TapStep, c.Phases = spread, tapStep, min(tapStep, c.KW)
}

// blocks divides the lines of out into blocks of 8 columns that are Spread * stride apart. If
// sharing would read more pixels than reading them for each tap, because too few columns are that
// far apart, taps share nothing.
func (c *consts) blocks(stride int) {
	n := func(spread int) int { return shaders.DivUp(c.OutW, 8*spread*stride) * spread * stride }
	if n(1)*8*c.KW < n(c.Spread)*(7*c.Phases+c.KW) {
		c.Spread, c.TapStep, c.Phases = 1, c.KW, c.KW
	}
	c.Blocks = n(c.Spread)
}

func slideKernel[A any](s Shape, name string, c consts, texts ...string) gpu.Kernel[A] {
	return gpu.Kernel[A]{
		Name: "groupconv/" + name, Detail: s.String(),
		Source: shaders.Source(c, append(texts, c.product(mac1, mac4), slide)...),
		Groups: shaders.DivUp(c.Lines*c.Blocks*c.OutVecs, 64), Lanes: 64, Flops: 2 * s.MACs(),
		Iterations: c.KH * (1 + c.Phases*(1+c.Turns) + c.Turns*c.KW),
	}
}

// product returns one or four, the texts for one and for four input channels at a time.
func (c consts) product(one, four string) string {
	if c.Terms == 4 {
		return four
	}
	return one
}

// Forward returns the kernel for y = w * x + bias.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	c, read := s.consts(s.GroupIn(), s.GroupOut(), s.InStride)
	c.InH, c.InW, c.OutH, c.OutW = s.InH, s.InW, s.OutH(), s.OutW()
	c.OutC, c.OutVecs, c.Lines = s.OutC, s.OutStride()/4, s.N*s.OutH()
	c.slides()
	c.blocks(1)
	c.Step, c.OutStep = int32(c.Spread*c.StrideW), int32(c.Spread)
	return slideKernel[ForwardArgs[gpu.View]](s, "forward", c, forward, read)
}

// DX returns the kernel for the gradient of x, whose channel stride must be a multiple of 4.
func (s Shape) DX() gpu.Kernel[DXArgs[gpu.View]] {
	c, read := s.consts(s.GroupOut(), s.GroupIn(), s.OutStride())
	c.InH, c.InW, c.OutH, c.OutW = s.OutH(), s.OutW(), s.InH, s.InW
	c.OutC, c.OutVecs, c.Lines = s.InC, s.InStride/4, s.N*s.InH
	c.slides()
	c.blocks(c.StrideW)       // outputs that are a stride apart read adjacent pixels with the same tap
	c.Step = -int32(c.Spread) // a tap further to the right reads further to the left
	c.Spread *= c.StrideW
	c.OutStep = -int32(c.Spread)
	return slideKernel[DXArgs[gpu.View]](s, "dx", c, dx, read)
}

// Transpose returns the kernel that prepares the weights for [Shape.DX].
func (s Shape) Transpose() gpu.Kernel[TransposeArgs[gpu.View]] {
	c := struct{ Taps, InC, InVecs, OutStride, GroupIn, GroupOut int }{
		s.KH * s.KW, s.InC, s.InStride / 4, s.OutStride(), s.GroupIn(), s.GroupOut(),
	}
	return gpu.Kernel[TransposeArgs[gpu.View]]{
		Name: "groupconv/transpose", Detail: s.String(), Source: shaders.Source(c, transpose),
		Groups: shaders.DivUp(s.Transposed()/4, 64), Lanes: 64,
	}
}

const (
	// maxSum bounds the iterations of one invocation's loops. Mesa's llvmpipe before version 25
	// stops after 65,535.
	maxSum = 16384
	// fills is the number of invocations that keep a GPU busy.
	fills = 8192
)

func (s Shape) dw() (consts, string) {
	c, read := s.consts(s.GroupIn(), s.GroupOut(), s.InStride)
	c.InH, c.InW, c.OutH, c.OutW = s.InH, s.InW, s.OutH(), s.OutW()
	c.OutC, c.OutVecs, c.Lines = s.OutC, s.OutStride()/4, s.N*s.OutH()
	c.slides()
	c.Step = int32(min(c.Spread*c.StrideW, 1<<20)) // nothing is read beyond the width of any image
	c.RowBlocks = c.Phases * shaders.DivUp(shaders.DivUp(c.KW, c.TapStep), 4)
	c.TapBlocks = c.KH * c.RowBlocks
	c.AllBlocks = c.TapBlocks + s.biasRows()
	wanted := max(shaders.DivUp(fills, c.OutVecs*c.Turns*c.AllBlocks), shaders.DivUp(c.Lines*c.OutW, maxSum))
	c.LinesPerShare = shaders.DivUp(c.Lines, min(wanted, c.Lines))
	c.Shares = shaders.DivUp(c.Lines, c.LinesPerShare) // no share is empty
	return c, read
}

// Shares returns the number of parts that the lines of y are divided into. The weight gradient of
// each part is summed separately, so that a GPU is busy even with few weights.
func (s Shape) Shares() int {
	c, _ := s.dw()
	return c.Shares
}

// Part returns the number of elements of the shares of the weight gradient.
func (s Shape) Part() int { return s.Shares() * s.Weights() }

// DW returns the kernel for the gradient of the weights and the bias, separately for each share of
// the lines of y.
func (s Shape) DW() gpu.Kernel[DWArgs[gpu.View]] {
	c, read := s.dw()
	return gpu.Kernel[DWArgs[gpu.View]]{
		Name: "groupconv/dw", Detail: s.String(), Source: shaders.Source(c, read, c.product(dw1, dw4), dw),
		Groups: shaders.DivUp(c.OutVecs*c.Turns*c.AllBlocks*c.Shares, 64), Lanes: 64, Flops: 2 * s.MACs(),
		Iterations: c.LinesPerShare * (1 + min(c.Spread, c.OutW) + c.OutW),
	}
}

// DWSum returns the kernel that sums the shares. It adds the sum to DW, or assigns it if
// Batch.First is 1.
func (s Shape) DWSum() gpu.Kernel[DWSumArgs[gpu.View, gpu.View]] {
	c := struct{ Size, Shares int }{s.Weights() / 4, s.Shares()}
	return gpu.Kernel[DWSumArgs[gpu.View, gpu.View]]{
		Name: "groupconv/sum", Detail: s.String(), Source: shaders.BatchStruct + sum, Sizes: c,
		Groups: shaders.DivUp(c.Size, 64), Lanes: 64, Flops: int64(s.Part()), Iterations: c.Shares,
	}
}
