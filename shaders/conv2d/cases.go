package conv2d

import (
	"math"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/check"
)

func square(n, inC, outC, in, k, stride, pad int) Shape {
	return Shape{
		N: n, InC: inC, InStride: shaders.RoundUp(inC, 4), OutC: outC,
		Window: shaders.Window{InH: in, InW: in, KH: k, KW: k, StrideH: stride, StrideW: stride, PadTop: pad,
			PadBottom: pad, PadLeft: pad, PadRight: pad},
	}
}

// raw returns s with unpadded channels of x, as the input op leaves them.
func raw(s Shape) Shape {
	s.InStride = s.InC
	return s
}

// unbiased returns s without a bias.
func unbiased(s Shape) Shape {
	s.NoBias = true
	return s
}

func dilated(s Shape, h, w int) Shape {
	s.DilationH, s.DilationW = h, w
	return s
}

// passes is the set of kernels to run on a shape. A driver takes up to a second to compile each, so
// not every shape runs all. TestVariants checks that each variant still runs on several shapes.
type passes int

const (
	fwd passes = 1 << iota
	fwdReLU
	dW
	dX
	dXReLU
	all = fwd | fwdReLU | dW | dX | dXReLU

	// best runs the shape only on the kernels that suit the device, and not also on those for any
	// device.
	best passes = 1 << 8
)

type sized struct {
	Shape
	passes passes
}

// shapes has one convolution of each kind in the chapter, and unusual ones: even kernels, stride 3,
// padding larger than half the kernel and larger than the kernel, one channel, primes, batch 1,
// single pixels, asymmetric windows, dilation along each axis alone and past the image, channels
// and pixels one below and one above a workgroup's, and no bias.
var shapes = []sized{
	{raw(square(1, 1, 96, 224, 11, 4, 0)), fwd | dW},
	{square(2, 96, 256, 7, 5, 1, 2), fwdReLU | dX | dW},
	{square(2, 64, 96, 7, 3, 1, 1), dXReLU | dW | best},
	{square(3, 96, 96, 7, 1, 1, 0), fwd | dXReLU},
	{square(4, 384, 10, 5, 3, 1, 1), dXReLU | best},
	{raw(square(2, 3, 7, 10, 2, 1, 1)), fwdReLU | dW},
	{square(1, 5, 11, 13, 4, 3, 3), fwd | dX},
	{square(2, 13, 17, 7, 3, 2, 2), dXReLU | dW},
	{raw(square(3, 1, 1, 17, 3, 3, 0)), fwd | dW},
	{square(1, 1, 1, 1, 1, 1, 0), all},
	{square(1, 12, 13, 3, 3, 2, 4), fwdReLU | dX},
	{square(7, 8, 12, 1, 1, 1, 0), fwdReLU | dX},
	{square(1, 31, 37, 11, 7, 1, 5), fwd | dX | dW},
	{raw(Shape{N: 2, InC: 2, OutC: 5, Window: shaders.Window{InH: 9, InW: 14, KH: 4, KW: 6, StrideH: 3, StrideW: 2,
		PadTop: 1, PadBottom: 0, PadLeft: 3, PadRight: 2}}), fwdReLU | dW},
	{Shape{N: 2, InC: 6, InStride: 8, OutC: 3, Window: shaders.Window{InH: 8, InW: 5, KH: 1, KW: 5, StrideH: 1,
		StrideW: 1, PadLeft: 1, PadRight: 3}}, fwd | dX},
	{square(2, 16, 24, 1, 3, 1, 1), all},
	{square(5, 24, 25, 5, 1, 1, 0), fwdReLU | dX | dW},
	{raw(square(1, 2, 33, 5, 2, 1, 0)), fwdReLU | best},
	{square(1, 7, 21, 6, 3, 2, 1), fwdReLU | best},
	{square(2, 6, 24, 5, 1, 1, 0), fwd | fwdReLU | best},
	{square(3, 10, 45, 3, 1, 1, 0), fwdReLU | best},
	{square(1, 28, 10, 4, 1, 1, 0), dXReLU | best},
	{square(2, 25, 40, 3, 1, 1, 0), dX | best},
	{square(3, 12, 26, 8, 3, 2, 1), dW | best},
	{unbiased(square(2, 12, 27, 6, 3, 1, 1)), fwd | dW},
	{unbiased(square(3, 9, 30, 5, 3, 2, 1)), fwdReLU | dW},
	{unbiased(raw(square(2, 3, 7, 6, 3, 1, 0))), fwd | dW},
	{square(1, 268, 40, 33, 1, 1, 0), fwd | fwdReLU | dW | best},
	{square(1, 40, 268, 5, 1, 1, 0), dX | dXReLU | best},
	{unbiased(square(3, 20, 28, 5, 1, 1, 0)), fwd | dW | best},
	{square(1, 32, 24, 5, 3, 1, 0), fwd | best},
	{square(1, 29, 25, 6, 3, 2, 0), fwdReLU | best},
	{raw(dilated(square(1, 3, 24, 38, 3, 1, 0), 2, 3)), fwd | dW | best},
	{dilated(square(2, 5, 11, 13, 3, 2, 3), 2, 3), fwd | dX | dW},
	{dilated(square(1, 4, 5, 3, 3, 1, 7), 7, 7), fwdReLU | dXReLU | dW},
	{dilated(square(2, 16, 24, 9, 3, 1, 2), 2, 1), all | best},
	{dilated(Shape{N: 3, InC: 6, InStride: 24, OutC: 26, Window: shaders.Window{InH: 12, InW: 17, KH: 2, KW: 4,
		StrideH: 3, StrideW: 2, PadTop: 1, PadBottom: 4, PadLeft: 5}}, 4, 3), fwd | dX | best},
	{dilated(square(3, 12, 26, 8, 3, 2, 1), 1, 3), dW | best},
}

// otherCases are shapes for kernels that are made for another class of device. All devices run them
// too.
var otherCases = []sized{
	{square(2, 5, 13, 5, 3, 2, 1), fwdReLU | dX | dW},
	{square(3, 12, 40, 9, 1, 1, 0), fwd | dXReLU | dW},
	{raw(square(2, 3, 7, 10, 3, 1, 1)), fwd | dW},
	{square(2, 16, 70, 9, 3, 1, 1), fwdReLU | dXReLU | dW},
	{unbiased(square(2, 8, 40, 9, 1, 1, 0)), fwd | dW},
	{unbiased(square(1, 6, 13, 7, 3, 1, 1)), fwdReLU | dW},
	{dilated(square(2, 16, 20, 9, 3, 2, 3), 3, 2), fwdReLU | dX | dW},
	{dilated(raw(square(2, 3, 7, 10, 3, 1, 1)), 1, 2), fwd | dW},
	{raw(square(1, 1, 20, 70, 5, 3, 0)), fwd | dW}, // several shares
	// Tiles divide this shape evenly. FXC once mixed up two rows of its dW.
	{square(4, 16, 64, 4, 1, 1, 0), fwdReLU | dX | dW},
}

// sampleVariants has a Variant of each kind; the others differ from these only in their sizes.
var sampleVariants = []Variant{block(64), tile(64, 64, 16), tile(64, 32, 16).each(2), tile(256, 16, 8)}

// sums returns s with the direct variants that suit the device best.
func (s Shape) sums(d *gpu.Device) Shape {
	for p := range Pass(Passes) {
		s.Variants[p] = s.direct(d, p)[0]
	}
	return s
}

// variants returns the shapes with each family of kernels that runs on the device.
func variants(d *gpu.Device) (ss []sized) {
	add := func(s sized, v Variant) {
		s.Shape = s.with(v)
		ss = append(ss, s)
	}
	software := d.Adapter().Class == gpu.Software
	for _, s := range shapes {
		s.Shape = s.sums(d)
		ss = append(ss, s)
		if s.passes&best == 0 && software {
			add(s, block(8))
		}
	}
	more := sampleVariants
	if !software {
		more = append(slices.Clone(tiles), tile(64, 32, 16).each(2), block(8), block(64))
	}
	for _, s := range otherCases {
		for _, v := range more {
			if s.runs(d, Forward, v) {
				add(s, v)
			}
		}
	}
	return ss
}

// variant returns a name for the parts that make up the kernel of a pass. It is empty for the other
// kernels, which have only one variant.
func (s Shape) variant(p Pass, source string) string {
	if p < 0 {
		return ""
	}
	parts := []string{s.Variants[p].String()}
	for _, part := range []struct{ text, name string }{
		{broadcastForward, "unpadded"}, {broadcastDW, "unpadded"}, {broadcastStep1, "by 1"}, {broadcastStep4, "by 4"},
		{step1, "by 1"}, {step4, "by 4"}, {read1, "by 1"}, {read4, "by 4"}, {rows1, "by 1"}, {rows4, "by 4"},
		{loaderPointwise, "pointwise"},
	} {
		if strings.Contains(undilated.Replace(source), undilated.Replace(part.text)) {
			parts = append(parts, part.name)
		}
	}
	if s.InStride%4 != 0 {
		parts = append(parts, "raw")
	}
	if s.NoBias {
		parts = append(parts, "nobias")
	}
	return strings.Join(parts, ", ")
}

// Cases returns the conformance cases of the kernels that run on the device.
func Cases(d *gpu.Device) []check.Case { return cases(variants(d)) }

// EveryPass returns cases of all passes of every shape, in the kernels that suit the device. They
// take minutes rather than seconds. An unpadded input of a network has no gradient; for these cases
// its channels are padded, so that it has one.
func EveryPass(d *gpu.Device) []check.Case {
	var ss []sized
	for _, s := range shapes {
		s.Shape, s.passes = s.sums(d), all
		ss = append(ss, s)
		if s.InStride%4 != 0 {
			s.InStride, s.passes = shaders.RoundUp(s.InC, 4), dX|dXReLU
			ss = append(ss, s)
		}
	}
	return cases(ss)
}

// Sized returns the cases of a shape, in each direct variant that runs on the device. An InStride
// of 0 means that of a layer's input: InC rounded up to a multiple of 4.
func Sized(d *gpu.Device, a Plain, _ check.Rand) []check.Case {
	s := a.shape().sums(d)
	var ss []sized
	for p := range Pass(Passes) {
		for _, v := range s.direct(d, p) {
			t := s
			t.Variants[p] = v
			ss = append(ss, sized{t, []passes{fwd | fwdReLU, dX | dXReLU, dW}[p]})
		}
	}
	return cases(ss)
}

// Plain is a [Shape] without variants.
type Plain struct{ Shape }

func (a Plain) shape() Shape {
	if a.InStride == 0 {
		a.InStride = shaders.RoundUp(a.InC, 4)
	}
	return a.Shape
}

// Check returns an error if the shape is invalid.
func (a Plain) Check() error { return a.shape().with(block(8)).Check() }

// single is not a pass. It marks kernels that have one variant.
const single = Pass(-1)

func cases(ss []sized) []check.Case {
	type (
		forward   = ForwardArgs[[]float64]
		transp    = TransposeArgs[[]float64]
		dxArgs    = DXArgs[[]float64]
		dxReLU    = DXReLUArgs[[]float64]
		dwArgs    = DWArgs[[]float64]
		dwSumArgs = DWSumArgs[[]float64, shaders.Batch]
	)
	r := check.NewRand(8)
	var cs []check.Case
	seen := map[string]bool{} // a shape may have the same kernel for two families
	for i, s := range ss {
		check.Checked(s)
		add := func(pass passes, p Pass, c check.Case) {
			if s.passes&pass != 0 && !seen[c.WGSL] {
				seen[c.WGSL] = true
				c.Variant = s.variant(p, c.WGSL)
				cs = append(cs, c)
			}
		}
		zeros := r.Zeros
		inPixels, outPixels := s.N*s.InH*s.InW, s.N*s.OutH()*s.OutW()
		x := r.Tensor(inPixels, s.InC, s.InStride)
		dY := r.Tensor(outPixels, s.OutC, s.OutStride())
		w := r.Tensor(s.Rows(), s.OutC, s.OutStride())
		add(fwd, Forward, check.Of(s.Forward(false), forward{x, w, zeros(s.Out())}, s.ForwardRef(false),
			check.Bound[forward]{Terms: s.Rows()}))
		rectified := slices.Clone(x)
		if s.N > 1 { // values that are not finite must stay in their image
			last := rectified[(s.N-1)*s.InH*s.InW*s.InStride:]
			last[0], last[len(last)-s.InStride] = math.Inf(1), math.NaN()
		}
		add(fwdReLU, Forward, check.Of(s.Forward(true), forward{rectified, w, zeros(s.Out())}, s.ForwardRef(true),
			check.Bound[forward]{Terms: s.Rows()}))
		add(dW, WeightGradient, check.Of(s.DW(), dwArgs{x, dY, zeros(s.Part())}, s.DWRef,
			check.Bound[dwArgs]{Terms: s.perShare()}))
		add(dW, single, check.Of(s.DWSum(),
			dwSumArgs{shaders.Batch{First: uint32(i % 2)}, r.Floats(s.Part()), r.Floats(s.Weights())}, s.DWSumRef,
			check.Bound[dwSumArgs]{Terms: s.shares() + 1}))
		if s.InStride%4 != 0 {
			continue // an input of the network has no gradient
		}
		wT := zeros(s.Transposed())
		s.TransposeRef(transp{w, wT})
		terms := s.KH * s.KW * s.OutC
		add(dX|dXReLU, single, check.Of(s.Transpose(), transp{w, zeros(s.Transposed())}, s.TransposeRef,
			check.Bound[transp]{}))
		add(dX, InputGradient, check.Of(s.DX(), dxArgs{dY, wT, zeros(s.In())}, s.DXRef,
			check.Bound[dxArgs]{Terms: terms}))
		y := r.Tensor(inPixels, s.InC, s.InStride)
		for i := range y { // about half of the values are zero, as after a relu
			y[i] = max(y[i], 0)
		}
		add(dXReLU, InputGradient, check.Of(s.DXReLU(), dxReLU{dY, wT, y, zeros(s.In())}, s.DXReLURef,
			check.Bound[dxReLU]{Terms: terms}))
	}
	return cs
}

// Gradients returns the checks of the twins' backward passes. A convolution is linear in x and,
// with its bias, in w.
func Gradients() []check.Gradient {
	r := check.NewRand(9)
	var gs []check.Gradient
	for _, sz := range shapes[5:] {
		s := sz.with(block(8))
		inPixels, outPixels := s.N*s.InH*s.InW, s.N*s.OutH()*s.OutW()
		// Away from zero, where the relu has its kink.
		x := make([]float64, s.In())
		for i, v := range r.Tensor(inPixels, s.InC, s.InStride) {
			x[i] = v + math.Copysign(0.125, v)
		}
		w := r.Tensor(s.Rows(), s.OutC, s.OutStride())
		dY := r.Tensor(outPixels, s.OutC, s.OutStride())
		y := make([]float64, s.Out())
		loss := func(x, w []float64) float64 {
			s.ForwardRef(false)(ForwardArgs[[]float64]{x, w, y})
			return check.Dot(y, dY)
		}
		part, dw := make([]float64, s.Part()), make([]float64, s.Weights())
		s.DWRef(DWArgs[[]float64]{x, dY, part})
		s.DWSumRef(DWSumArgs[[]float64, shaders.Batch]{shaders.Batch{First: 1}, part, dw})
		base := check.Gradient{Op: "conv2d/dw", Detail: s.String(), Step: 1, Terms: s.Rows() + 1 + s.Out(),
			Magnitude: 5 * float64(s.Out()*s.Rows())}
		base.X, base.Grad, base.Loss = w, dw, func() float64 { return loss(x, w) }
		gs = append(gs, base)
		if s.InStride%4 != 0 {
			continue
		}
		wT, dx := make([]float64, s.Transposed()), make([]float64, s.In())
		s.TransposeRef(TransposeArgs[[]float64]{w, wT})
		s.DXRef(DXArgs[[]float64]{dY, wT, dx})
		base.Op, base.X, base.Grad, base.Loss = "conv2d/dx", x, dx, func() float64 { return loss(x, w) }
		gs = append(gs, base)

		rectified, dxReLU := make([]float64, s.In()), make([]float64, s.In())
		rectify := func() {
			for i, v := range x {
				rectified[i] = max(v, 0)
			}
		}
		rectify()
		s.DXReLURef(DXReLUArgs[[]float64]{dY, wT, rectified, dxReLU})
		base.Op, base.Grad, base.Loss = "conv2d/dx+relu", dxReLU, func() float64 {
			rectify()
			return loss(rectified, w)
		}
		base.Step = 0.1
		gs = append(gs, base)
	}
	return gs
}
