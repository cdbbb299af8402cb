package pool

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

// shapes are the chapter's poolings and awkward ones: ceil mode with a last
// window that runs over, overlapping and gapped windows, even kernels,
// asymmetric padding, one channel, channels that are not a multiple of four.
var shapes = []Shape{
	{N: 2, C: 96, Window: square(54, 3, 2, 0, false)},
	{N: 3, C: 8, Window: square(12, 3, 2, 0, true), ReLU: true},
	{N: 1, C: 1, Window: square(1, 1, 1, 0, false)},
	{N: 2, C: 3, Window: square(7, 2, 3, 1, true)},
	{N: 1, C: 4, Window: square(13, 5, 1, 2, false), CountPad: true, ReLU: true},
	{N: 2, C: 12, Window: square(5, 5, 1, 0, false)}, // the global pooling of the chapter
	{N: 1, C: 5, Window: shaders.Window{InH: 9, InW: 11, KH: 4, KW: 3, StrideH: 2, StrideW: 3, PadTop: 1, PadBottom: 2, PadLeft: 0, PadRight: 1, Ceil: true}, CountPad: true},
	{N: 2, C: 4, Window: shaders.Window{InH: 8, InW: 6, KH: 2, KW: 4, StrideH: 3, StrideW: 1, PadLeft: 3, PadRight: 2}, CountPad: true},
}

func square(in, k, stride, pad int, ceil bool) shaders.Window {
	return shaders.Window{InH: in, InW: in, KH: k, KW: k, StrideH: stride, StrideW: stride, PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad, Ceil: ceil}
}

// Cases are the conformance cases.
func Cases() []check.Case {
	type (
		maxF = MaxForwardArgs[[]float64, []uint32]
		maxB = MaxBackwardArgs[[]float64, []uint32]
		avgF = AvgForwardArgs[[]float64]
		avgB = AvgBackwardArgs[[]float64]
	)
	r := check.NewRand(3)
	var cs []check.Case
	for _, s := range shapes {
		if err := s.Check(); err != nil {
			panic(err)
		}
		x, dY := r.Floats(s.In()), r.Floats(s.Out())
		for i := range x { // equal values, so that the first must win
			x[i] = float64(int(x[i]*4)) / 4
		}
		index := make([]uint32, s.Out())
		s.MaxForwardRef(maxF{x, make([]float64, s.Out()), index})
		windows := (s.KH/s.StrideH + 1) * (s.KW/s.StrideW + 1) // that cover a pixel, at most
		cs = append(cs,
			check.Of(s.MaxForward(), maxF{x, make([]float64, s.Out()), make([]uint32, s.Out())}, s.MaxForwardRef, check.Bound[maxF]{}),
			check.Of(s.MaxBackward(), maxB{dY, index, make([]float64, s.In())}, s.MaxBackwardRef, check.Bound[maxB]{Terms: windows}),
			// WGSL allows a division 2.5 units in the last place.
			check.Of(s.AvgForward(), avgF{r.Floats(s.In()), make([]float64, s.Out())}, s.AvgForwardRef, check.Bound[avgF]{Terms: s.KH * s.KW, Ulps: 2.5}),
			check.Of(s.AvgBackward(), avgB{dY, make([]float64, s.In())}, s.AvgBackwardRef, check.Bound[avgB]{Terms: windows, Ulps: 2.5}))
	}
	return cs
}
