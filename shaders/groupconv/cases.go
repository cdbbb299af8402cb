package groupconv

import (
	"strings"

	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	forwardArgs = ForwardArgs[[]float64]
	transpArgs  = TransposeArgs[[]float64]
	dxArgs      = DXArgs[[]float64]
	dwArgs      = DWArgs[[]float64]
	sumArgs     = DWSumArgs[[]float64, shaders.Batch]
)

// shapes has depthwise convolutions with one and with several outputs for each channel; groups
// whose sizes are multiples of 4, and others; dilation and strides with and without a common
// factor, dilation nearly as large as the image, and absurd dilation; asymmetric padding, and
// padding larger than the image; more lines than shares; lines of one block and of several; channel
// strides of x that are not multiples of 4, and some that are larger than necessary; and no bias.
var shapes = []Shape{
	{1, 1, 1, 1, 1, false, shaders.Window{InH: 1, InW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1}},
	{2, 8, 8, 8, 8, false, shaders.Window{InH: 7, InW: 24, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1,
		PadBottom: 1, PadLeft: 1, PadRight: 1}},
	{3, 5, 12, 5, 5, false, shaders.Window{InH: 9, InW: 23, KH: 3, KW: 9, StrideH: 2, StrideW: 2, PadTop: 2,
		PadLeft: 1}},
	{2, 6, 8, 6, 6, false, shaders.Window{InH: 11, InW: 31, KH: 2, KW: 7, StrideH: 1, StrideW: 3, PadTop: 1,
		PadBottom: 2, PadLeft: 7, PadRight: 2, DilationH: 3, DilationW: 2}},
	{2, 4, 4, 4, 4, false, shaders.Window{InH: 8, InW: 21, KH: 3, KW: 4, StrideH: 2, StrideW: 4, PadTop: 6,
		PadBottom: 1, PadLeft: 5, PadRight: 8, DilationH: 4, DilationW: 6}},
	{3, 5, 8, 10, 5, false, shaders.Window{InH: 9, InW: 5, KH: 3, KW: 2, StrideH: 2, StrideW: 1, PadTop: 2,
		PadLeft: 1}},
	{2, 6, 8, 9, 3, false, shaders.Window{InH: 11, InW: 13, KH: 3, KW: 3, StrideH: 2, StrideW: 3, PadTop: 1,
		PadBottom: 2, PadLeft: 3, DilationH: 2, DilationW: 3}},
	{2, 3, 3, 6, 3, false, shaders.Window{InH: 8, InW: 9, KH: 3, KW: 3, StrideH: 1, StrideW: 2, PadTop: 1, PadBottom: 1,
		PadLeft: 2, PadRight: 2, DilationW: 2}},
	{2, 8, 8, 16, 2, false, shaders.Window{InH: 5, InW: 17, KH: 3, KW: 5, StrideH: 1, StrideW: 1, PadTop: 1,
		PadBottom: 1, PadLeft: 2, PadRight: 2}},
	{2, 24, 28, 12, 3, false, shaders.Window{InH: 9, InW: 12, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1,
		PadLeft: 1, PadRight: 3, DilationH: 1, DilationW: 3}},
	{2, 8, 8, 8, 8, false, shaders.Window{InH: 6, InW: 10, KH: 2, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 10,
		PadRight: 9, DilationW: 9}},
	{2, 8, 8, 8, 8, false, shaders.Window{InH: 6, InW: 20, KH: 2, KW: 3, StrideH: 1, StrideW: 2, PadTop: 1, PadLeft: 10,
		PadRight: 9, DilationW: 9}},
	{1, 4, 4, 4, 4, false, shaders.Window{InH: 3, InW: 3, KH: 1, KW: 1, StrideH: 1 << 16, StrideW: 1<<16 - 1,
		DilationH: 1 << 16, DilationW: 1 << 16}},
	{3, 6, 8, 10, 2, true, shaders.Window{InH: 6, InW: 7, KH: 3, KW: 3, StrideH: 2, StrideW: 1, PadTop: 1,
		PadRight: 2}},
	{2, 8, 8, 8, 8, true, shaders.Window{InH: 6, InW: 9, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1,
		DilationH: 2}},
	{40, 128, 128, 128, 32, false, shaders.Window{InH: 8, InW: 3, KH: 1, KW: 2, StrideH: 1, StrideW: 1}},
}

// variant returns a name for how the kernel reads and multiplies.
func variant(source string) string {
	switch {
	case strings.Contains(source, read1):
		return "one by one"
	case strings.Contains(source, mac4), strings.Contains(source, dw4):
		return "by fours"
	}
	return "depthwise"
}

// Cases returns the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(81)
	var cs []check.Case
	for i, s := range shapes {
		cs = append(cs, cases(check.Checked(s), shaders.Batch{First: uint32(i % 2)}, r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case { return cases(s, shaders.Batch{First: 1}, r) }

func cases(s Shape, b shaders.Batch, r check.Rand) (cs []check.Case) {
	add := func(c check.Case, several bool) {
		if several {
			c.Variant = variant(c.WGSL)
		}
		cs = append(cs, c)
	}
	x, dY, w := r.Tensor(s.N*s.InH*s.InW, s.InC, s.InStride), r.Tensor(s.N*s.OutH()*s.OutW(), s.OutC, s.OutStride()),
		r.Tensor(s.Rows(), s.OutC, s.OutStride())
	c, _ := s.dw()
	add(check.Of(s.Forward(), forwardArgs{x, w, r.Zeros(s.Out())}, s.ForwardRef,
		check.Bound[forwardArgs]{Terms: s.Rows()}), true)
	add(check.Of(s.DW(), dwArgs{x, dY, r.Zeros(s.Part())}, s.DWRef,
		check.Bound[dwArgs]{Terms: c.LinesPerShare * c.OutW}), true)
	add(check.Of(s.DWSum(), sumArgs{b, r.Floats(s.Part()), r.Floats(s.Weights())}, s.DWSumRef,
		check.Bound[sumArgs]{Terms: s.Shares() + 1}), false)
	if s.InStride%4 != 0 {
		return cs // an input of the network has no gradient
	}
	wT := r.Zeros(s.Transposed())
	s.TransposeRef(transpArgs{w, wT})
	add(check.Of(s.Transpose(), transpArgs{w, make([]float64, s.Transposed())}, s.TransposeRef,
		check.Bound[transpArgs]{}), false)
	add(check.Of(s.DX(), dxArgs{dY, wT, make([]float64, s.In())}, s.DXRef,
		check.Bound[dxArgs]{Terms: s.KH * s.KW * s.GroupOut()}), true)
	return cs
}

// Gradients returns the checks of the twins' backward passes. The forward pass is linear in x and
// in w.
func Gradients() []check.Gradient {
	r := check.NewRand(82)
	var gs []check.Gradient
	for _, s := range shapes[:len(shapes)-1] { // the last shape is large
		x, w, dY := r.Tensor(s.N*s.InH*s.InW, s.InC, s.InStride), r.Tensor(s.Rows(), s.OutC, s.OutStride()),
			r.Tensor(s.N*s.OutH()*s.OutW(), s.OutC, s.OutStride())
		y, wT, dX, part, dW := make([]float64, s.Out()), make([]float64, s.Transposed()), make([]float64, s.In()),
			make([]float64, s.Part()), make([]float64, s.Weights())
		s.TransposeRef(transpArgs{w, wT})
		s.DXRef(dxArgs{dY, wT, dX})
		s.DWRef(dwArgs{x, dY, part})
		s.DWSumRef(sumArgs{shaders.Batch{First: 1}, part, dW})
		loss := func() float64 { s.ForwardRef(forwardArgs{x, w, y}); return check.Dot(y, dY) }
		terms, magnitude := s.Rows()+s.Out(), float64(2*s.Rows()*s.Out())
		gs = append(gs,
			check.Gradient{Op: "groupconv/dx", Detail: s.String(), X: x, Grad: dX, Loss: loss, Step: 1, Terms: terms,
				Magnitude: magnitude},
			check.Gradient{Op: "groupconv/dw", Detail: s.String(), X: w, Grad: dW, Loss: loss, Step: 1, Terms: terms,
				Magnitude: magnitude})
	}
	return gs
}
