package prelu

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

// Cases returns the conformance cases: a single value, odd sizes, and sizes just below and above a
// workgroup.
func Cases() []check.Case {
	r := check.NewRand(31)
	var cs []check.Case
	for i, c := range []struct{ pixels, channels int }{{1, 1}, {7, 3}, {63, 4}, {65, 5}, {31, 257}} {
		s := Shape{c.pixels, shaders.RoundUp(c.channels, 4)}
		x, dY := r.Tensor(c.pixels, c.channels, s.Stride), r.Tensor(c.pixels, c.channels, s.Stride)
		slope := r.Tensor(1, c.channels, s.Stride)
		zeros := func() []float64 { return make([]float64, s.Len()) }
		cs = append(cs,
			check.Of(s.Forward(), ForwardArgs[[]float64]{x, slope, zeros()}, s.ForwardRef,
				check.Bound[ForwardArgs[[]float64]]{Terms: 1}),
			check.Of(s.Backward(), BackwardArgs[[]float64]{x, slope, dY, zeros()}, s.BackwardRef,
				check.Bound[BackwardArgs[[]float64]]{Terms: 1}),
			check.Of(s.SlopeGradient(), SlopeArgs[[]float64, shaders.Batch]{shaders.Batch{First: uint32(i % 2)}, x, dY,
				r.Floats(s.Stride)}, s.SlopeRef,
				check.Bound[SlopeArgs[[]float64, shaders.Batch]]{Terms: s.Pixels + 1,
					Magnitude: func(a SlopeArgs[[]float64, shaders.Batch]) {
						for i := range a.X { // the sum over all x bounds that over the x that are not positive
							a.DSlope[i%s.Stride] += a.X[i] * a.DY[i]
						}
					}}),
		)
	}
	return cs
}

// Gradients returns the checks of the twins' backward passes.
func Gradients() []check.Gradient {
	r := check.NewRand(32)
	s := Shape{13, 8}
	x, slope, dY := r.Distinct(s.Len()), r.Floats(s.Stride), r.Floats(s.Len())
	y, dX, dSlope := make([]float64, s.Len()), make([]float64, s.Len()), make([]float64, s.Stride)
	loss := func() float64 {
		s.ForwardRef(ForwardArgs[[]float64]{x, slope, y})
		return check.Dot(y, dY)
	}
	s.BackwardRef(BackwardArgs[[]float64]{x, slope, dY, dX})
	s.SlopeRef(SlopeArgs[[]float64, shaders.Batch]{shaders.Batch{First: 1}, x, dY, dSlope})
	n := s.Len()
	return []check.Gradient{
		{Op: "prelu/x", Detail: s.String(), X: x, Grad: dX, Loss: loss, Step: 1.0 / float64(4*n), Terms: n + 1,
			Magnitude: float64(n)},
		{Op: "prelu/slope", Detail: s.String(), X: slope, Grad: dSlope, Loss: loss, Step: 1, Terms: n + 1,
			Magnitude: 2 * float64(n)},
	}
}
