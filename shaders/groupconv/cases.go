package groupconv

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	forwardArgs = ForwardArgs[[]float64]
	dxArgs      = DXArgs[[]float64]
	dwArgs      = DWArgs[[]float64]
	sumArgs     = DWSumArgs[[]float64, shaders.Batch]
)

// shapes are depthwise, with and without several outputs a channel; groups of sizes that are
// no multiples of 4; dilation with and without groups, by itself along each axis; strides,
// asymmetric padding, a stride of x that is no multiple of 4; no bias; and more images than shares.
var shapes = []Shape{
	{1, 1, 1, 1, 1, 1, 1, shaders.Window{InH: 1, InW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1}, false},
	{2, 8, 8, 8, 8, 1, 1, shaders.Window{InH: 7, InW: 6, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}, false},
	{3, 5, 8, 10, 5, 1, 1, shaders.Window{InH: 9, InW: 5, KH: 3, KW: 2, StrideH: 2, StrideW: 1, PadTop: 2, PadLeft: 1}, false},
	{2, 6, 8, 9, 3, 2, 3, shaders.Window{InH: 11, InW: 13, KH: 5, KW: 7, StrideH: 2, StrideW: 3, PadTop: 1, PadBottom: 2, PadLeft: 3}, false},
	{2, 3, 3, 5, 1, 1, 2, shaders.Window{InH: 8, InW: 9, KH: 3, KW: 5, StrideH: 1, StrideW: 2, PadTop: 1, PadBottom: 1, PadLeft: 2, PadRight: 2}, false},
	{3, 6, 8, 10, 2, 1, 2, shaders.Window{InH: 6, InW: 7, KH: 3, KW: 3, StrideH: 2, StrideW: 1, PadTop: 1, PadRight: 2}, true},
	{1, 4, 4, 3, 1, 2, 1, shaders.Window{InH: 5, InW: 4, KH: 3, KW: 2, StrideH: 1, StrideW: 1, PadLeft: 1}, true},
	{5, 64, 64, 128, 2, 1, 1, shaders.Window{InH: 3, InW: 3, KH: 3, KW: 3, StrideH: 1, StrideW: 1}, false},
}

// Cases are the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(81)
	var cs []check.Case
	for i, s := range shapes {
		check.Checked(s)
		x, dY, w := r.Tensor(s.N*s.InH*s.InW, s.InC, s.InStride), r.Tensor(s.N*s.OutH()*s.OutW(), s.OutC, s.OutStride()), r.Tensor(s.Rows(), s.OutC, s.OutStride())
		cs = append(cs,
			check.Of(s.Forward(), forwardArgs{x, w, make([]float64, s.Out())}, s.ForwardRef, check.Bound[forwardArgs]{Terms: s.Rows()}),
			check.Of(s.DX(), dxArgs{dY, w, make([]float64, s.In())}, s.DXRef, check.Bound[dxArgs]{Terms: s.TapsH() * s.TapsW() * s.OutC / s.Groups}),
			check.Of(s.DW(), dwArgs{x, dY, make([]float64, s.Part())}, s.DWRef,
				check.Bound[dwArgs]{Terms: shaders.DivUp(s.N, s.Shares()) * s.OutH() * s.OutW()}),
			check.Of(s.DWSum(), sumArgs{shaders.Batch{First: uint32(i % 2)}, r.Floats(s.Part()), r.Floats(s.Weights())}, s.DWSumRef,
				check.Bound[sumArgs]{Terms: s.Shares() + 1}))
	}
	return cs
}

// Gradients are the checks of the twins' backward. The forward is linear in x and in w.
func Gradients() []check.Gradient {
	r := check.NewRand(82)
	var gs []check.Gradient
	for _, s := range shapes[:len(shapes)-1] { // the last is large
		x, w, dY := r.Tensor(s.N*s.InH*s.InW, s.InC, s.InStride), r.Tensor(s.Rows(), s.OutC, s.OutStride()), r.Tensor(s.N*s.OutH()*s.OutW(), s.OutC, s.OutStride())
		y, dX, part, dW := make([]float64, s.Out()), make([]float64, s.In()), make([]float64, s.Part()), make([]float64, s.Weights())
		s.DXRef(dxArgs{dY, w, dX})
		s.DWRef(dwArgs{x, dY, part})
		s.DWSumRef(sumArgs{shaders.Batch{First: 1}, part, dW})
		loss := func() float64 { s.ForwardRef(forwardArgs{x, w, y}); return check.Dot(y, dY) }
		terms, magnitude := s.Rows()+s.Out(), float64(2*s.Rows()*s.Out())
		gs = append(gs,
			check.Gradient{Op: "groupconv/dx", Detail: s.String(), X: x, Grad: dX, Loss: loss, Step: 1, Terms: terms, Magnitude: magnitude},
			check.Gradient{Op: "groupconv/dw", Detail: s.String(), X: w, Grad: dW, Loss: loss, Step: 1, Terms: terms, Magnitude: magnitude})
	}
	return gs
}
