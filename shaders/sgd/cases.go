package sgd

import (
	"math"

	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	plainArgs    = PlainArgs[[]float64, shaders.Batch]
	momentumArgs = MomentumArgs[[]float64, shaders.Batch]
)

// Cases returns the conformance cases: updates with negative rates, so that the terms of the
// absolute inputs add up, as the tolerance requires; updates that make the first, a middle or the
// last weight infinite or NaN; and updates that are skipped because training has diverged. The last
// two kinds have numbers that float32 does not round.
func Cases() []check.Case {
	r := check.NewRand(6)
	var cs []check.Case
	for _, n := range []int{4, 4 * 13, 4 * 63, 4 * 65, 4 * 1021} {
		cs = append(cs, Sized(check.Checked(Shape{Count: n, Momentum: 0.9, Decay: 1e-2}), r)...)
		cs = append(cs, Sized(check.Checked(Shape{Count: n, Momentum: 0.9, Decay: 1e-2, Nesterov: true}), r)[1])
	}
	const n = 4 * 65
	for _, overflow := range []int{0, n/2 + 1, n - 1} {
		for diverged := range 2 {
			s := Shape{Count: n, Momentum: 0.5}
			b, metrics := shaders.Batch{Rate: 2}, []float64{2.5, 1, float64(diverged), 0}
			g, w, v := eighths(r, n), eighths(r, n), eighths(r, n)
			g[overflow] = math.MaxFloat32
			cs = append(cs,
				check.Of(check.Checked(s).Plain(), plainArgs{b, g, w, metrics}, s.PlainRef, check.Bound[plainArgs]{}),
				check.Of(check.Checked(s).WithMomentum(), momentumArgs{b, g, w, v, metrics}, s.WithMomentumRef,
					check.Bound[momentumArgs]{}))
		}
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	n, b, terms := s.Count, shaders.Batch{Rate: -0.05}, 5
	if s.Nesterov {
		terms = 7
	}
	return []check.Case{
		check.Of(s.Plain(), plainArgs{b, r.Floats(n), r.Floats(n), make([]float64, 4)}, s.PlainRef,
			check.Bound[plainArgs]{Terms: 4}),
		check.Of(s.WithMomentum(), momentumArgs{b, r.Floats(n), r.Floats(n), r.Floats(n), make([]float64, 4)},
			s.WithMomentumRef, check.Bound[momentumArgs]{Terms: terms}),
	}
}

// eighths returns n multiples of 1/8 in [-1,1).
func eighths(r check.Rand, n int) []float64 {
	x := r.Floats(n)
	for i := range x {
		x[i] = math.Floor(8*x[i]) / 8
	}
	return x
}
