package pool

import (
	"math"

	"wgnin/shaders"
	"wgnin/shaders/check"
)

// shapes are the chapter's poolings and awkward ones: ceil mode with a last window that extends
// past the image, windows that overlap or leave gaps, even kernels, asymmetric padding, one
// channel, and channels that are not a multiple of 4.
var shapes = []Shape{
	{N: 2, C: 96, Window: square(54, 3, 2, 0, false)},
	{N: 3, C: 8, Window: square(12, 3, 2, 0, true), ReLU: true},
	{N: 1, C: 1, Window: square(1, 1, 1, 0, false)},
	{N: 5, C: 1, Window: square(7, 3, 1, 1, false), ReLU: true},
	{N: 2, C: 3, Window: square(7, 2, 3, 1, true)},
	{N: 1, C: 4, Window: square(13, 5, 1, 2, false), CountPad: true, ReLU: true},
	{N: 2, C: 12, Window: square(5, 5, 1, 0, false)}, // the global pooling of the chapter
	{N: 1, C: 5, Window: shaders.Window{InH: 9, InW: 11, KH: 4, KW: 3, StrideH: 2, StrideW: 3, PadTop: 1, PadBottom: 2,
		PadLeft: 0, PadRight: 1, Ceil: true}, CountPad: true},
	{N: 2, C: 4, Window: shaders.Window{InH: 8, InW: 6, KH: 2, KW: 4, StrideH: 3, StrideW: 1, PadLeft: 3, PadRight: 2},
		CountPad: true},
}

func square(in, k, stride, pad int, ceil bool) shaders.Window {
	return shaders.Window{InH: in, InW: in, KH: k, KW: k, StrideH: stride, StrideW: stride, PadTop: pad, PadBottom: pad,
		PadLeft: pad, PadRight: pad, Ceil: ceil}
}

// Cases returns the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(3)
	var cs []check.Case
	for _, s := range shapes {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	type (
		maxF = MaxForwardArgs[[]float64, []uint32]
		maxB = MaxBackwardArgs[[]float64, []uint32]
		avgF = AvgForwardArgs[[]float64]
		avgB = AvgBackwardArgs[[]float64]
	)
	x, dY := r.Floats(s.In()), r.Floats(s.Out())
	for i := range x { // equal values, so that the first must win
		x[i] = float64(int(x[i]*4)) / 4
	}
	if s.N > 1 { // an image with values that have overflowed
		last := x[(s.N-1)*s.InH*s.InW*s.C:]
		for i := range last {
			last[i] = math.Inf(-1)
		}
		last[len(last)/3], last[len(last)/2] = math.NaN(), math.NaN()
	}
	index := make([]uint32, s.Out())
	s.MaxForwardRef(maxF{x, make([]float64, s.Out()), index})
	windows := (s.KH/s.StrideH + 1) * (s.KW/s.StrideW + 1) // the most windows that cover a pixel
	cs := []check.Case{
		check.Of(s.MaxForward(), maxF{x, make([]float64, s.Out()), make([]uint32, s.Out())}, s.MaxForwardRef,
			check.Bound[maxF]{}),
		check.Of(s.MaxBackward(), maxB{dY, index, make([]float64, s.In())}, s.MaxBackwardRef,
			check.Bound[maxB]{Terms: windows}),
		// WGSL allows a division an error of 2.5 units in the last place.
		check.Of(s.AvgForward(), avgF{r.Floats(s.In()), make([]float64, s.Out())}, s.AvgForwardRef,
			check.Bound[avgF]{Terms: s.KH * s.KW, Ulps: 2.5}),
		check.Of(s.AvgBackward(), avgB{dY, make([]float64, s.In())}, s.AvgBackwardRef,
			check.Bound[avgB]{Terms: windows, Ulps: 2.5}),
	}
	for i := range cs {
		cs[i].Variant = shaders.ElemOf(s.C).Variant()
	}
	return cs
}

// Gradients returns the checks of the twins' backward passes.
func Gradients() []check.Gradient {
	r := check.NewRand(10)
	var gs []check.Gradient
	for _, s := range shapes[1:] { // the first shape is large
		dY, y := r.Floats(s.Out()), make([]float64, s.Out())
		x, relu, index := r.Distinct(s.In()), make([]float64, s.In()), make([]uint32, s.Out())
		maxForward := func() {
			copy(relu, x)
			if s.ReLU { // the backward pass also applies the gradient of the relu
				for i, v := range x {
					relu[i] = max(v, 0)
				}
			}
			s.MaxForwardRef(MaxForwardArgs[[]float64, []uint32]{relu, y, index})
		}
		maxForward()
		maxDX, avgDX := make([]float64, s.In()), make([]float64, s.In())
		s.MaxBackwardRef(MaxBackwardArgs[[]float64, []uint32]{dY, index, maxDX})
		s.AvgBackwardRef(AvgBackwardArgs[[]float64]{dY, avgDX})
		avgX := r.Floats(s.In())
		gs = append(gs,
			check.Gradient{
				Op: "pool/max", Detail: s.String(), X: x, Grad: maxDX,
				Loss: func() float64 { maxForward(); return check.Dot(y, dY) },
				// The step is so small that no window's largest pixel and no pixel's sign changes.
				Step: 1 / (4 * float64(s.In())), Terms: s.Out(), Magnitude: float64(2 * s.Out()),
			},
			check.Gradient{
				Op: "pool/avg", Detail: s.String(), X: avgX, Grad: avgDX,
				Loss: func() float64 { s.AvgForwardRef(AvgForwardArgs[[]float64]{avgX, y}); return check.Dot(y, dY) },
				Step: 1, Terms: s.KH*s.KW + 1 + s.Out(), Magnitude: float64(2 * s.Out()),
			})
	}
	return gs
}
