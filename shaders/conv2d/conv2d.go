// Package conv2d computes two-dimensional convolution (cross-correlation, as in PyTorch): forward,
// input gradient, and gradient of weights and bias. It supports any kernel, stride, padding,
// dilation and number of channels.
//
// Tensors are [N,H,W,C]. Weights and bias are one matrix. Row (r,s,ci) holds the weights of kernel
// row r, column s and input channel ci for all output channels. The last row holds the biases,
// unless there are none. Output channels are padded with zeros to a multiple of 4. The gradient has
// the same layout.
package conv2d

import (
	_ "embed"
	"fmt"
	"strings"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed row.wgsl
	row string
	//go:embed gemm_block.wgsl
	gemmBlock string
	//go:embed gemm_broadcast.wgsl
	gemmBroadcast string
	//go:embed broadcast_forward.wgsl
	broadcastForward string
	//go:embed broadcast_step1.wgsl
	broadcastStep1 string
	//go:embed broadcast_step4.wgsl
	broadcastStep4 string
	//go:embed broadcast_dw.wgsl
	broadcastDW string
	//go:embed step1.wgsl
	step1 string
	//go:embed step4.wgsl
	step4 string
	//go:embed loader_forward.wgsl
	loaderForward string
	//go:embed loader_dx.wgsl
	loaderDX string
	//go:embed loader_pointwise.wgsl
	loaderPointwise string
	//go:embed bias.wgsl
	bias string
	//go:embed bias_none.wgsl
	biasNone string
	//go:embed store_forward.wgsl
	storeForward string
	//go:embed store_dx.wgsl
	storeDX string
	//go:embed store_dx_relu.wgsl
	storeDXReLU string
	//go:embed transpose.wgsl
	transpose string
	//go:embed dw_block.wgsl
	dwBlock string
	//go:embed dw_broadcast.wgsl
	dwBroadcast string
	//go:embed dw_sum.wgsl
	dwSum string
	//go:embed tile.wgsl
	tileProduct string
	//go:embed tile_one.wgsl
	tileOne string
	//go:embed tile_each.wgsl
	tileEach string
	//go:embed tile_gemm.wgsl
	tileGEMM string
	//go:embed tile_dw.wgsl
	tileDW string
	//go:embed read1.wgsl
	read1 string
	//go:embed read4.wgsl
	read4 string
	//go:embed rows1.wgsl
	rows1 string
	//go:embed rows4.wgsl
	rows4 string
)

// Shape describes a convolution of N images.
type Shape struct {
	N              int
	InC, InStride  int // input channels; values from one pixel of x to the next
	OutC           int
	NoBias         bool
	shaders.Window // Ceil is not used

	Variants [Passes]Variant // by Pass; see [Shape.On]
}

// OutStride returns the number of values from one pixel of y to the next.
func (s Shape) OutStride() int { return shaders.RoundUp(s.OutC, 4) }

// Rows returns the number of rows of the weight matrix: taps times input channels, and one for the
// bias.
func (s Shape) Rows() int { return s.KH*s.KW*s.InC + s.biasRows() }

func (s Shape) biasRows() int {
	if s.NoBias {
		return 0
	}
	return 1
}

// Weights returns the number of elements of the weight matrix, with its padding.
func (s Shape) Weights() int { return s.Rows() * s.OutStride() }

// In returns the number of elements of x.
func (s Shape) In() int { return s.N * s.InH * s.InW * s.InStride }

// Out returns the number of elements of y.
func (s Shape) Out() int { return s.N * s.OutH() * s.OutW() * s.OutStride() }

// Transposed returns the number of elements of wT.
func (s Shape) Transposed() int { return s.KH * s.KW * s.OutC * s.InStride }

// Part returns the number of elements of the shares of the weight gradient.
func (s Shape) Part() int { return s.shares() * s.Weights() }

// MACs returns the number of multiply-adds of a forward pass.
func (s Shape) MACs() int64 {
	return int64(s.N) * int64(s.OutH()*s.OutW()) * int64(s.KH*s.KW*s.InC) * int64(s.OutC)
}

// Check returns an error if the shape is invalid or lacks variants. The kernels of the input
// gradient also need an InStride that is a multiple of 4, which Check does not require.
func (s Shape) Check() error {
	if err := s.Window.Check(); err != nil {
		return err
	}
	if s.N < 1 || s.InC < 1 || s.OutC < 1 || s.InStride < s.InC {
		return fmt.Errorf("%d images, %d to %d channels; want at least 1 of each", s.N, s.InC, s.OutC)
	}
	for p, v := range s.Variants {
		if v.Lanes < 1 {
			return fmt.Errorf("no variant of pass %s; want one from On or Named", Pass(p))
		}
	}
	return nil
}

func (s Shape) String() string {
	text := fmt.Sprintf("[%d,%d->%d] %s", s.N, s.InC, s.OutC, s.Window)
	if s.NoBias {
		text += " nobias"
	}
	return text
}

// ForwardArgs are the arguments of [Shape.Forward]: In_ is x
// [N,InH,InW,InStride], W the weight matrix [Rows,OutStride], Out y
// [N,OutH,OutW,OutStride].
type ForwardArgs[F any] struct {
	In_ F `wgsl:"read array<In>"`
	W   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// TransposeArgs are the arguments of [Shape.Transpose]: W [Rows,OutStride], WT
// [KH,KW,OutC,InStride].
type TransposeArgs[F any] struct {
	W  F `wgsl:"read array<f32>"`
	WT F `wgsl:"write array<vec4<f32>>"`
}

// DXArgs are the arguments of [Shape.DX]: In_ is dY [N,OutH,OutW,OutStride], W the
// transposed weights [KH,KW,OutC,InStride], Out dX [N,InH,InW,InStride].
type DXArgs[F any] struct {
	In_ F `wgsl:"read array<In>"`
	W   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// DXReLUArgs are the arguments of [Shape.DXReLU]: those of [DXArgs], and X [N,InH,InW,InStride],
// the output of a relu.
type DXReLUArgs[F any] struct {
	In_ F `wgsl:"read array<In>"`
	W   F `wgsl:"read array<vec4<f32>>"`
	X   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// DWArgs are the arguments of [Shape.DW]: X [N,InH,InW,InStride], DY [N,OutH,OutW,OutStride], Part
// [shares,Rows,OutStride].
type DWArgs[F any] struct {
	X    F `wgsl:"read array<In>"`
	DY   F `wgsl:"read array<vec4<f32>>"`
	Part F `wgsl:"write array<vec4<f32>>"`
}

// DWSumArgs are the arguments of [Shape.DWSum]: Part [shares,Rows,OutStride], DW [Rows,OutStride].
type DWSumArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	Part  F `wgsl:"read array<vec4<f32>>"`
	DW    F `wgsl:"update array<vec4<f32>>"`
}

// noTap stands for the address of a tap in the padding.
const noTap = 0xffffffff

// gemm holds the constants of an implicit GEMM: forward, or the input gradient, which exchanges the
// roles of input and output.
type gemm struct {
	In                  shaders.Alias
	Pixels, PixelBlocks int
	InC, InStride       int // InStride in units of In
	InH, InW            int
	OutVecs, OutBlocks  int
	OutH, OutW          int
	KH, KW              int
	StrideH, StrideW    int
	PadTop, PadLeft     int
	Lanes               int
	NoTap               uint32
	Padded              bool // some taps are in the padding, or between the strides
	ReLU                bool
}

// tileConsts are the constants of a Tile, in addition to those of gemm or dwConsts.
type tileConsts struct {
	TileRows, RowQuads, RowTiles          int
	TileColumns, ColumnQuads, ColumnTiles int
	Depth, DepthQuads, Fill, Turns        int // terms in memory; in fours; loaded at a time; how many turns
	LanesA, RoundsA, StepA                int // lanes that load rows; their rounds; their step in units of Fill terms
	LanesB, RoundsB, StepB                int // the same for columns, in units of four terms
	K, AllRows                            int // terms of a sum, and rows of the product
	Whole, WholeRows, WholeColumns        bool
	Tiles, Each                           int // of the products, and of a workgroup
}

// tileOf divides count products into tiles. Each product has rows x columns results, columns a
// multiple of 4. Each result is a sum of terms products, and fill terms are loaded at a time.
func (v Variant) tileOf(count, rows, columns, terms, fill int) tileConsts {
	t := tileConsts{
		TileRows: v.Rows, RowQuads: v.Rows / 4, RowTiles: shaders.DivUp(rows, v.Rows),
		TileColumns: v.Columns, ColumnQuads: v.Columns / 4, ColumnTiles: shaders.DivUp(columns, v.Columns),
		Depth: v.Depth, DepthQuads: v.Depth / 4, Fill: fill, Turns: shaders.DivUp(terms, v.Depth),
		LanesA: v.Lanes, LanesB: v.Lanes, K: terms, AllRows: rows,
		Whole: terms%v.Depth == 0, WholeRows: rows%v.Rows == 0, WholeColumns: columns%v.Columns == 0,
	}
	busy := t.RowQuads * v.Depth / fill
	if idle := v.Lanes - busy; idle > 0 && idle%v.Columns == 0 { // the idle lanes load the columns meanwhile
		t.LanesA, t.LanesB = busy, idle
	}
	t.Tiles, t.Each = count*t.RowTiles*t.ColumnTiles, max(1, v.Each)
	t.StepA, t.StepB = t.LanesA/t.RowQuads, t.LanesB/v.Columns
	t.RoundsA, t.RoundsB = shaders.DivUp(v.Depth/fill, t.StepA), shaders.DivUp(t.DepthQuads, t.StepB)
	return t
}

// source returns the text of the tiles. operands are the WGSL that loads the matrices and stores
// the result.
func (t tileConsts) source(operands ...string) string {
	run := tileOne
	if t.Each > 1 {
		run = tileEach
	}
	return shaders.Source(t, append(operands, run, tileProduct)...)
}

func (t tileConsts) groups() int { return shaders.DivUp(t.Tiles, t.Each) }

// TileSource returns the text of a Tile for another op, and the number of its workgroups. The Tile
// computes count products of rows x columns results (columns a multiple of 4), each a sum of terms
// products. operands are the other op's WGSL, which loads fill terms at a time and stores the
// result.
func (v Variant) TileSource(count, rows, columns, terms, fill int, operands ...string) (source string, groups int) {
	t := v.tileOf(count, rows, columns, terms, fill)
	return t.source(operands...), t.groups()
}

func gemmKernel[A any](s Shape, p Pass, name string, g gemm, loader, store string) gpu.Kernel[A] {
	if s.pointwise() {
		loader = loaderPointwise
	}
	v := s.Variants[p]
	g.KH, g.KW, g.StrideH, g.StrideW, g.PadTop, g.PadLeft = s.KH, s.KW, s.StrideH, s.StrideW, s.PadTop, s.PadLeft
	g.In, g.Lanes, g.NoTap = "f32", v.Lanes, noTap
	quads := g.InC%4 == 0 && g.InStride%4 == 0 // channels can be read four at a time
	if quads && v.Family != Block {
		g.In, g.InStride = "vec4<f32>", g.InStride/4
	}
	k := gpu.Kernel[A]{Name: "conv2d/" + name, Detail: s.String() + " " + v.String(), Flops: 2 * s.MACs(),
		Lanes: v.Lanes, SharedBytes: v.SharedBytes()}
	k.Iterations = g.KH * (1 + g.KW*(1+g.InC))
	switch v.Family {
	case Tile:
		t := v.tileOf(1, g.Pixels, 4*g.OutVecs, g.KH*g.KW*g.InC, 4)
		k.Groups = t.groups()
		read := read1
		if quads {
			read = read4
		}
		k.Source = s.source(g, t.source(loader, store, read, tileGEMM))
	case Broadcast:
		if m, ok := s.broadcastProduct(p); ok {
			step := broadcastStep1
			if !m.Strided {
				step = broadcastStep4
			}
			source, groups, iterations := m.Broadcast(store, broadcastForward, step)
			k.Broadcast, k.Groups, k.Iterations, k.Source = true, groups, iterations, s.source(g, source)
			break
		}
		g.OutBlocks, g.PixelBlocks = shaders.DivUp(g.OutVecs, 8), shaders.DivUp(g.Pixels, 24)
		k.Broadcast, k.Groups = true, g.OutBlocks*g.PixelBlocks
		step := step1
		if quads {
			step = step4
		}
		k.Source = s.source(g, loader, store, step, gemmBroadcast)
	default:
		g.OutBlocks, g.PixelBlocks = shaders.DivUp(g.OutVecs, 3), shaders.DivUp(g.Pixels, 8)
		k.Groups = shaders.DivUp(g.OutBlocks*g.PixelBlocks, v.Lanes)
		k.Source = s.source(g, loader, store, row, gemmBlock)
	}
	return k
}

// Forward returns the kernel for y = x * w + b, or x * w without a bias. If relu is true, the
// kernel computes the ReLU of that.
func (s Shape) Forward(relu bool) gpu.Kernel[ForwardArgs[gpu.View]] {
	name := "forward"
	if relu {
		name = "forward+relu"
	}
	added := bias
	if s.NoBias {
		added = biasNone
	}
	return gemmKernel[ForwardArgs[gpu.View]](s, Forward, name, gemm{
		Pixels: s.N * s.OutH() * s.OutW(),
		InC:    s.InC, InStride: s.InStride, InH: s.InH, InW: s.InW,
		OutVecs: s.OutStride() / 4, OutH: s.OutH(), OutW: s.OutW(), ReLU: relu,
		Padded: s.padding() > 0,
	}, loaderForward, shaders.Rectify+added+storeForward)
}

// source returns a kernel's text for the dilation of the window. It omits factors of 1, so that
// without dilation the text, and thus the entry in the driver's cache, is that of a kernel that
// knows no dilation.
func (s Shape) source(consts any, parts ...string) string {
	var c struct{ DilationH, DilationW int }
	if c.DilationH, c.DilationW = s.Dilation(); c.DilationH*c.DilationW > 1 {
		return shaders.Source(consts, shaders.Source(c, parts...))
	}
	return undilated.Replace(shaders.Source(consts, parts...))
}

var undilated = strings.NewReplacer(" * DilationH", "", " * DilationW", "")

// pointwise reports whether pixel p of y depends only on pixel p of x.
func (s Shape) pointwise() bool { return s.KH*s.KW*s.StrideH*s.StrideW == 1 && s.padding() == 0 }

// padding returns the largest padding of the four sides.
func (s Shape) padding() int { return max(s.PadTop, s.PadBottom, s.PadLeft, s.PadRight) }

func (s Shape) dxGEMM() gemm {
	return gemm{
		Pixels: s.N * s.InH * s.InW,
		InC:    s.OutC, InStride: s.OutStride(), InH: s.OutH(), InW: s.OutW(),
		OutVecs: s.InStride / 4, OutH: s.InH, OutW: s.InW,
		Padded: s.KH*s.KW*s.StrideH*s.StrideW > 1 || s.padding() > 0,
	}
}

// DX returns the kernel for the gradient of x. The channel stride of x must be a multiple of 4.
func (s Shape) DX() gpu.Kernel[DXArgs[gpu.View]] {
	return gemmKernel[DXArgs[gpu.View]](s, InputGradient, "dx", s.dxGEMM(), loaderDX, biasNone+storeDX)
}

// DXReLU returns the kernel for the gradient of the input of the relu whose output is x.
func (s Shape) DXReLU() gpu.Kernel[DXReLUArgs[gpu.View]] {
	return gemmKernel[DXReLUArgs[gpu.View]](s, InputGradient, "dx+relu", s.dxGEMM(), loaderDX, biasNone+storeDXReLU)
}

// Transpose returns the kernel that prepares the weights for [Shape.DX].
func (s Shape) Transpose() gpu.Kernel[TransposeArgs[gpu.View]] {
	c := struct{ Taps, InC, InVecs, OutC, OutStride int }{s.KH * s.KW, s.InC, s.InStride / 4, s.OutC, s.OutStride()}
	return gpu.Kernel[TransposeArgs[gpu.View]]{
		Name: "conv2d/transpose", Detail: s.String(), Source: transpose, Sizes: c,
		Groups: shaders.DivUp(s.Transposed()/4, 64), Lanes: 64,
	}
}

type dw struct {
	dwSizes
	dwConsts
}

type dwSizes struct {
	Pixels, PixelsPerShare, Shares int // of the block and tile kernels
	N, ImagesPerShare              int // of the broadcast kernel
	Rows, RowBlocks                int
	Slices, AllSlices              int // AllSlices includes that of the bias
	InQuads                        int
	InC, InStride, InH, InW        int
	OutVecs, OutBlocks, OutH, OutW int
}

type dwConsts struct {
	In                         shaders.Alias
	Taps, KW, StrideH, StrideW int
	PadTop, PadLeft, Lanes     int
}

// maxSum bounds the iterations of one invocation's loops. Mesa's llvmpipe before version 25 stops
// after 65,535.
const maxSum = 16384

// shares returns the number of parts that the sum over pixels is split into, so that the device has
// enough work and no sum is too long.
func (s Shape) shares() int {
	pixels, v := s.OutH()*s.OutW(), s.Variants[WeightGradient]
	if line := s.line(); v.Family == Broadcast && line > 0 {
		return shaders.DivUp(s.N*pixels, s.perShare())
	}
	if v.Family == Broadcast { // whole images
		groups := shaders.DivUp(s.OutStride(), 32) * s.KH * s.KW * shaders.DivUp(s.InC, 24)
		n := max(shaders.DivUp(s.N*pixels, maxSum), shaders.DivUp(32, groups))
		return shaders.DivUp(s.N, shaders.DivUp(s.N, min(n, s.N))) // no share is empty
	}
	pixels *= s.N
	groups, want := shaders.DivUp(shaders.DivUp(s.Rows(), 8)*shaders.DivUp(s.OutStride(), 12), max(v.Lanes, 1)), 16
	switch {
	case v.Family == Tile:
		groups, want = v.tileOf(1, s.Rows(), s.OutStride(), 1, 1).groups(), fills
	case v.Lanes > 8:
		want = 2048
	}
	n := max(shaders.DivUp(pixels, maxSum), min(shaders.DivUp(want, groups), shaders.DivUp(pixels, 256)))
	return shaders.DivUp(pixels, s.whole(shaders.DivUp(pixels, n))) // no share is empty
}

// Chain returns an upper bound on the number of successive additions for an element of the weight
// gradient.
func (s Shape) Chain() int { return s.perShare() + s.shares() }

// perShare returns the number of pixels in a share; the last share may have fewer.
func (s Shape) perShare() int {
	if line := s.line(); s.Variants[WeightGradient].Family == Broadcast && line > 0 {
		// The loops over pixels and rows have a common bound. A share consists of whole lines, or,
		// for a pointwise convolution, of any pixels.
		pixels, unit := s.N*s.OutH()*s.OutW(), line
		if s.pointwise() {
			unit = 1
		}
		most := max(1, min(4096, 1<<18/s.Rows())/unit)
		return unit * shaders.DivUp(pixels/unit, shaders.DivUp(pixels/unit, most))
	}
	if s.Variants[WeightGradient].Family == Broadcast {
		return shaders.DivUp(s.N, s.shares()) * s.OutH() * s.OutW()
	}
	return s.whole(shaders.DivUp(s.N*s.OutH()*s.OutW(), s.shares()))
}

// whole returns the number of pixels, rounded up to whole turns of a Tile.
func (s Shape) whole(pixels int) int {
	return shaders.RoundUp(pixels, max(1, s.Variants[WeightGradient].Depth))
}

// DW returns the kernel for the gradient of weights and bias, in shares for [Shape.DWSum] to add
// up.
func (s Shape) DW() gpu.Kernel[DWArgs[gpu.View]] {
	v := s.Variants[WeightGradient]
	c := dw{dwSizes{
		N: s.N, Shares: s.shares(), Rows: s.Rows(),
		InC: s.InC, InStride: s.InStride, InH: s.InH, InW: s.InW,
		OutVecs: s.OutStride() / 4, OutH: s.OutH(), OutW: s.OutW(),
		Pixels: s.N * s.OutH() * s.OutW(), PixelsPerShare: s.perShare(),
	}, dwConsts{
		In: "f32", Taps: s.KH * s.KW, KW: s.KW, StrideH: s.StrideH, StrideW: s.StrideW, PadTop: s.PadTop,
		PadLeft: s.PadLeft, Lanes: v.Lanes,
	}}
	k := gpu.Kernel[DWArgs[gpu.View]]{Name: "conv2d/dw", Detail: s.String() + " " + v.String(), Flops: 2 * s.MACs(),
		Lanes: v.Lanes, SharedBytes: v.SharedBytes()}
	quads := s.InC%4 == 0 && s.InStride%4 == 0
	switch v.Family {
	case Tile:
		t := v.tileOf(c.Shares, c.Rows, s.OutStride(), c.PixelsPerShare, 1)
		k.Groups = t.groups()
		known := struct{ WholePixels, Padded, Pointwise bool }{c.Pixels%c.PixelsPerShare == 0, s.padding() > 0,
			s.pointwise()}
		rows := rows1
		if quads {
			c.In, c.InStride, rows = "vec4<f32>", s.InStride/4, rows4
		}
		k.Source = s.source(c.dwConsts, t.source(shaders.Source(known, rows, tileDW)))
	case Broadcast:
		if m, ok := s.broadcastProduct(WeightGradient); ok {
			operands := struct {
				In                          shaders.Alias
				InC, InStride, InH, InW, KW int
				Pixels, OutVecs, OutH, OutW int
				StrideH, StrideW, AllRows   int
			}{"f32", s.InC, s.InStride, s.InH, s.InW, s.KW, c.Pixels, c.OutVecs, s.OutH(), s.OutW(), s.StrideH,
				s.StrideW, s.Rows()}
			source, groups, iterations := m.Broadcast(broadcastDW)
			k.Broadcast, k.Groups, k.Iterations, k.Source = true, groups, iterations, s.source(operands, source)
			return k
		}
		c.In, c.InQuads, c.Slices = "vec4<f32>", s.InStride/4, shaders.DivUp(s.InC, 24)
		c.AllSlices = c.Taps*c.Slices + s.biasRows()
		c.ImagesPerShare = shaders.DivUp(s.N, c.Shares)
		c.OutBlocks = shaders.DivUp(c.OutVecs, 8)
		k.Broadcast, k.Groups = true, c.OutBlocks*c.AllSlices*c.Shares
		k.Source = s.source(c.dwConsts, dwBroadcast)
	default:
		c.RowBlocks, c.OutBlocks = shaders.DivUp(c.Rows, 8), shaders.DivUp(c.OutVecs, 3)
		k.Groups = shaders.DivUp(c.RowBlocks*c.OutBlocks*c.Shares, v.Lanes)
		k.Source = s.source(c.dwConsts, row, dwBlock)
	}
	k.Sizes = c.dwSizes
	if v.Family != Broadcast {
		k = shaders.Constant(k)
	}
	return k
}

// DWSum returns the kernel that sums the shares of [Shape.DW]. It adds the sum to DW, or assigns it
// if Batch.First is 1.
func (s Shape) DWSum() gpu.Kernel[DWSumArgs[gpu.View, gpu.View]] {
	c := struct{ Count, Shares int }{s.Weights() / 4, s.shares()}
	return gpu.Kernel[DWSumArgs[gpu.View, gpu.View]]{
		Name: "conv2d/dw_sum", Detail: s.String(), Source: shaders.BatchStruct + dwSum, Sizes: c,
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(s.Part()),
	}
}
