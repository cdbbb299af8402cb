// Package winograd computes the passes of a 3x3 or 5x5 convolution without stride by Winograd's
// minimal filtering. Tiles of the images, filters and outputs are evaluated at Alpha points in each
// direction. There the convolution is a product of matrices for each of the Alpha^2 points, with
// fewer multiplications in total: 36 instead of 100 for 5x5 filters with 6 points, 64 instead of
// 400 with 8. The results are those of package conv2d, except that rounding errors are a few times
// as large. Tensors and weights have the layouts of that package.
//
// The images of a batch are processed in parts, one after the other, which bounds the memory for
// points.
package winograd

import (
	"embed"
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/conv2d"
)

var (
	//go:embed transform.wgsl
	transform string
	//go:embed filter.wgsl
	filter string
	//go:embed output.wgsl
	output string
	//go:embed finish_bias.wgsl
	finishBias string
	//go:embed finish_none.wgsl
	finishNone string
	//go:embed finish_mask.wgsl
	finishMask string
	//go:embed weights.wgsl
	weights string
	//go:embed bias.wgsl
	bias string
	//go:embed product.wgsl
	product string
	//go:embed product_rows.wgsl
	productRows string
	//go:embed product_terms.wgsl
	productTerms string
	//go:embed product_block.wgsl
	productBlock string
	//go:embed broadcast.wgsl
	broadcast string
	//go:embed broadcast_rows.wgsl
	broadcastRows string
	//go:embed broadcast_terms.wgsl
	broadcastTerms string
	//go:embed product_tile.wgsl
	productTile string
)

//go:embed *.wgsl
var files embed.FS

// SourceHash returns a hash of the text of the kernels and of the points.
func SourceHash() string { return shaders.SourceHash(files, finite, budget) }

// checkStrides returns an error if products cannot load four values at a time with the channel
// strides.
func checkStrides(strides ...int) error {
	for _, s := range strides {
		if s < 4 || s%4 != 0 {
			return fmt.Errorf("channel stride %d; want a multiple of 4", s)
		}
	}
	return nil
}

// Tiles describes the tiles of N images.
type Tiles struct {
	Points
	N, Down, Across int // images; rows and columns of tiles in each
}

// Count returns the number of tiles in memory, rounded up to a multiple of 4 because products need
// that.
func (t Tiles) Count() int { return shaders.RoundUp(t.N*t.Down*t.Across, 4) }

// Values returns the number of values at all points of the tiles, with c channels.
func (t Tiles) Values(c int) int { return t.Alpha * t.Alpha * t.Count() * c }

func (t Tiles) String() string {
	return fmt.Sprintf("%d points, %d tiles of %dx%d", t.Alpha, t.N*t.Down*t.Across, t.M(), t.M())
}

// Check returns an error if the sizes are invalid.
func (t Tiles) Check() error {
	return errors.Join(t.Points.Check(), shaders.Positive("images and tiles", t.N, t.Down, t.Across))
}

// Transform evaluates tiles of x [N,InH,InW,C] at the points. x is the input of a convolution, or,
// if Outputs is true, the gradient of its outputs, for the weight gradient.
type Transform struct {
	Tiles
	InH, InW        int
	C               int // channel stride
	PadTop, PadLeft int // may be negative
	Outputs         bool
}

// Check returns an error if the sizes are invalid.
func (t Transform) Check() error {
	return errors.Join(t.Tiles.Check(), checkStrides(t.C), shaders.Positive("rows and columns", t.InH, t.InW))
}

// matrix returns the matrix that is applied in both directions of a tile.
func (t Transform) matrix() Matrix {
	at, _, bt := t.Matrices()
	if t.Outputs {
		return at.transposed()
	}
	return bt
}

// TransformArgs are the arguments of [Transform.Kernel]: X [N,InH,InW,C], Out
// [Alpha,Alpha,Count,C].
type TransformArgs[F any] struct {
	X   F `wgsl:"read array<f32>"`
	Out F `wgsl:"write array<f32>"`
}

// Kernel returns the kernel that evaluates the tiles.
func (t Transform) Kernel() gpu.Kernel[TransformArgs[gpu.View]] {
	sizes := struct{ N, C, Tiles int }{t.N, t.C, t.Count()}
	c := struct {
		Down, Across, InH, InW, Step, Alpha int
		PadTop, PadLeft                     int32
	}{t.Down, t.Across, t.InH, t.InW, t.M(), t.Alpha, int32(t.PadTop), int32(t.PadLeft)}
	name := "winograd/input"
	if t.Outputs {
		name = "winograd/gradient"
	}
	return gpu.Kernel[TransformArgs[gpu.View]]{
		Name: name, Detail: fmt.Sprintf("%s, %d channels", t.Tiles, t.C),
		Source: shaders.Source(c, t.matrix().wgsl(false), transform), Sizes: sizes,
		Groups: shaders.DivUp(sizes.Tiles*sizes.C, 64), Lanes: 64,
	}
}

// Filter evaluates filters w [Taps,Taps,Rows,C] at the points. Flip turns them by half a circle
// first.
type Filter struct {
	Points
	Rows, C int // input channels, and channel stride of the outputs
	Flip    bool
}

// Terms returns the number of input channels with their padding, which is a channel stride.
func (f Filter) Terms() int { return shaders.RoundUp(f.Rows, 4) }

// Values returns the number of values at all points of the filters.
func (f Filter) Values() int { return f.Alpha * f.Alpha * f.Terms() * f.C }

// Check returns an error if the sizes are invalid.
func (f Filter) Check() error {
	return errors.Join(f.Points.Check(), checkStrides(f.C), shaders.Positive("input channels", f.Rows))
}

// FilterArgs are the arguments of [Filter.Kernel]: W [Taps,Taps,Rows,C], U [Alpha,Alpha,Terms,C].
type FilterArgs[F any] struct {
	W F `wgsl:"read array<f32>"`
	U F `wgsl:"write array<f32>"`
}

// filterSizes and filterConsts are the sizes and constants of the kernels on filters.
type (
	filterSizes  struct{ Rows, Terms, C, Flip, Shares int }
	filterConsts struct {
		R, Alpha      int
		First, Biased bool
	}
)

func (f Filter) sizes() filterSizes {
	s := filterSizes{Rows: f.Rows, Terms: f.Terms(), C: f.C}
	if f.Flip {
		s.Flip = 1
	}
	return s
}

func (f Filter) String() string {
	return fmt.Sprintf("%d points, %dx%d, %d->%d channels", f.Alpha, f.Taps, f.Taps, f.Rows, f.C)
}

// Kernel returns the kernel that evaluates the filters.
func (f Filter) Kernel() gpu.Kernel[FilterArgs[gpu.View]] {
	_, g, _ := f.Matrices()
	return gpu.Kernel[FilterArgs[gpu.View]]{
		Name: "winograd/filter", Detail: f.String(),
		Source: shaders.Source(filterConsts{R: f.Taps, Alpha: f.Alpha}, g.wgsl(f.Rolled), filter), Sizes: f.sizes(),
		Groups: shaders.DivUp(f.Terms()*f.C, 64), Lanes: 64,
	}
}

// Weights makes the gradient of filters from the gradient at the points, and the gradient of the
// bias from its Shares.
type Weights struct {
	Filter
	Shares int
	First  bool // the first of several parts of a batch
	NoBias bool // there is no bias, and Part is not read
}

// Check returns an error if the sizes are invalid.
func (w Weights) Check() error {
	return errors.Join(w.Filter.Check(), shaders.Positive("shares", w.Shares))
}

// WeightsArgs are the arguments of [Weights.Gradient]: Q [Alpha,Alpha,Terms,C], Part [Shares,C], DW
// [Taps*Taps*Rows+1,C], whose last row is for the bias, or [Taps*Taps*Rows,C] with NoBias.
type WeightsArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	Q     F `wgsl:"read array<f32>"`
	Part  F `wgsl:"read array<f32>"`
	DW    F `wgsl:"update array<f32>"`
}

// Gradient returns the kernel that adds to DW. It assigns instead if First is true and Batch.First
// is 1.
func (w Weights) Gradient() gpu.Kernel[WeightsArgs[gpu.View, gpu.View]] {
	sizes := w.sizes()
	sizes.Shares = w.Shares
	c := filterConsts{w.Taps, w.Alpha, w.First, !w.NoBias}
	_, g, _ := w.Matrices()
	return gpu.Kernel[WeightsArgs[gpu.View, gpu.View]]{
		Name: "winograd/dw", Detail: w.String(),
		Source: shaders.Source(c, shaders.BatchStruct, g.transposed().wgsl(w.Rolled), weights), Sizes: sizes,
		Groups: shaders.DivUp((w.Rows+1)*w.C, 64), Lanes: 64,
	}
}

// Bias sums the gradient of the bias over all outputs of the tiles, in Shares.
type Bias struct {
	Tiles
	C, Shares int
}

// Check returns an error if the sizes are invalid.
func (b Bias) Check() error {
	return errors.Join(b.Tiles.Check(), checkStrides(b.C), shaders.Positive("shares", b.Shares))
}

// BiasArgs are the arguments of [Bias.Kernel]: E [Alpha,Alpha,Count,C], Part [Shares,C].
type BiasArgs[F any] struct {
	E    F `wgsl:"read array<f32>"`
	Part F `wgsl:"write array<f32>"`
}

// perShare returns the number of tiles in a share. The last shares may be empty.
func (b Bias) perShare() int { return shaders.DivUp(b.Count(), b.Shares) }

// Kernel returns the kernel that computes the sums.
func (b Bias) Kernel() gpu.Kernel[BiasArgs[gpu.View]] {
	sizes := struct{ One, Tiles, C, Shares, PerShare int }{one*b.Alpha + one, b.Count(), b.C, b.Shares, b.perShare()}
	return gpu.Kernel[BiasArgs[gpu.View]]{
		Name: "winograd/bias", Detail: fmt.Sprintf("%s, %d channels", b.Tiles, b.C),
		Source: bias, Sizes: sizes,
		Groups: shaders.DivUp(b.Shares*b.C, 64), Lanes: 64, Iterations: sizes.PerShare,
		Bytes: int64(b.Count()+b.Shares) * int64(b.C) * 4, // one of the matrices
	}
}

// Output makes outputs y [N,OutH,OutW,C] from their values at the points.
type Output struct {
	Tiles
	OutH, OutW, C int
	Bias          int // row of W with the bias
	NoBias        bool
}

// Check returns an error if the sizes are invalid.
func (o Output) Check() error {
	return errors.Join(o.Tiles.Check(), checkStrides(o.C), shaders.Positive("rows and columns", o.OutH, o.OutW))
}

// OutputArgs are the arguments of [Output.Forward]: M [Alpha,Alpha,Count,C], W [Bias+1,C],
// Y [N,OutH,OutW,C].
type OutputArgs[F any] struct {
	M F `wgsl:"read array<f32>"`
	W F `wgsl:"read array<f32>"`
	Y F `wgsl:"write array<f32>"`
}

// OutputDXArgs are the arguments of [Output.DX]: M [Alpha,Alpha,Count,C], Y [N,OutH,OutW,C].
type OutputDXArgs[F any] struct {
	M F `wgsl:"read array<f32>"`
	Y F `wgsl:"write array<f32>"`
}

// OutputDXReLUArgs are the arguments of [Output.DXReLU]: those of [OutputDXArgs], and X
// [N,OutH,OutW,C], the output of a relu.
type OutputDXReLUArgs[F any] struct {
	M F `wgsl:"read array<f32>"`
	X F `wgsl:"read array<f32>"`
	Y F `wgsl:"write array<f32>"`
}

func outputKernel[A any](o Output, name string, relu bool, finish string) gpu.Kernel[A] {
	sizes := struct{ N, Down, Across, OutH, OutW, C, Tiles, Bias int }{o.N, o.Down, o.Across, o.OutH, o.OutW, o.C,
		o.Count(), o.Bias}
	c := struct {
		M, Alpha     int
		ReLU, Biased bool
	}{o.M(), o.Alpha, relu, !o.NoBias}
	at, _, _ := o.Matrices()
	return gpu.Kernel[A]{
		Name: "winograd/" + name, Detail: fmt.Sprintf("%s, %d channels", o.Tiles, o.C),
		Source: shaders.Source(c, at.wgsl(false), finish, output), Sizes: sizes,
		Groups: shaders.DivUp(o.N*o.Down*o.Across*o.C, 64), Lanes: 64,
	}
}

// Forward returns the kernel for the outputs. It adds the bias if there is one, and applies the
// ReLU if relu is true.
func (o Output) Forward(relu bool) gpu.Kernel[OutputArgs[gpu.View]] {
	name := "forward"
	if relu {
		name = "forward+relu"
	}
	return outputKernel[OutputArgs[gpu.View]](o, name, relu, shaders.Rectify+finishBias)
}

// DX returns the kernel for the gradient of the convolution's input.
func (o Output) DX() gpu.Kernel[OutputDXArgs[gpu.View]] {
	return outputKernel[OutputDXArgs[gpu.View]](o, "dx", false, finishNone)
}

// DXReLU returns the kernel for the gradient of the input of the relu whose output is x.
func (o Output) DXReLU() gpu.Kernel[OutputDXReLUArgs[gpu.View]] {
	return outputKernel[OutputDXReLUArgs[gpu.View]](o, "dx+relu", false, finishMask)
}

// Product describes Matrices products of matrices [Rows,Terms] and [Terms,Columns]. All sizes must
// be multiples of 4.
type Product struct {
	Matrices, Rows, Terms, Columns int
	TermsFirst                     bool // the first matrix is stored as [Terms,Rows]
	Variant                        conv2d.Variant
}

// Check returns an error if the sizes are invalid.
func (p Product) Check() error {
	for _, n := range []int{p.Rows, p.Terms, p.Columns} {
		if n < 4 || n%4 != 0 {
			return fmt.Errorf("products of %dx%d and %dx%d; want multiples of 4", p.Rows, p.Terms, p.Terms, p.Columns)
		}
	}
	return shaders.Positive("matrices and lanes", p.Matrices, p.Variant.Lanes)
}

// ProductArgs are the arguments of [Product.Kernel]: A [Matrices,Rows,Terms] or
// [Matrices,Terms,Rows], B [Matrices,Terms,Columns], Out [Matrices,Rows,Columns].
type ProductArgs[F any] struct {
	A   F `wgsl:"read array<vec4<f32>>"`
	B   F `wgsl:"read array<vec4<f32>>"`
	Out F `wgsl:"write array<vec4<f32>>"`
}

// Kernel returns the kernel that computes the products.
func (p Product) Kernel() gpu.Kernel[ProductArgs[gpu.View]] {
	v := p.Variant
	k := gpu.Kernel[ProductArgs[gpu.View]]{
		Name: "winograd/product", Detail: fmt.Sprintf("%d of %dx%d*%d %s", p.Matrices, p.Rows, p.Terms, p.Columns, v),
		Lanes: v.Lanes,
		Flops: 2 * int64(p.Matrices) * int64(p.Rows) * int64(p.Terms) * int64(p.Columns), Iterations: p.Terms / 4,
	}
	operand := productRows
	if p.TermsFirst {
		operand = productTerms
	}
	switch v.Family {
	case conv2d.Tile:
		source, groups := v.TileSource(p.Matrices, p.Rows, p.Columns, p.Terms, 4, product, operand, productTile)
		c := struct{ Rows, Terms, Columns, OutVecs, Lanes int }{p.Rows, p.Terms, p.Columns / 4, p.Columns / 4, v.Lanes}
		k.Source, k.Groups, k.SharedBytes = shaders.Source(c, source), groups, v.SharedBytes()
	case conv2d.Broadcast:
		operand = broadcastRows
		if p.TermsFirst {
			operand = broadcastTerms
		}
		k.Broadcast = true
		product := conv2d.Product{Shares: p.Matrices, Rows: p.Rows, Terms: p.Terms, Columns: p.Columns,
			Strided: p.TermsFirst}
		source, groups, iterations := product.Broadcast(operand, broadcast)
		k.Source, k.Groups, k.Iterations = shaders.Source(struct{ OutVecs int }{p.Columns / 4}, source),
			groups, iterations
	default:
		sizes := struct{ Matrices, Rows, Terms, Columns, RowBlocks, ColumnBlocks int }{
			p.Matrices, p.Rows, p.Terms, p.Columns / 4, shaders.DivUp(p.Rows, 8), shaders.DivUp(p.Columns, 12),
		}
		k.Groups = shaders.DivUp(p.Matrices*sizes.RowBlocks*sizes.ColumnBlocks, v.Lanes)
		k.Source, k.Sizes = shaders.Source(struct{ Lanes int }{v.Lanes}, product, operand, productBlock), sizes
	}
	return k
}
