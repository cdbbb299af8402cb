package clip

import (
	"math"

	"wgnin/shaders/check"
)

type (
	normsArgs  = NormsArgs[[]float64]
	factorArgs = FactorArgs[[]float64]
	scaleArgs  = ScaleArgs[[]float64]
)

// normsTwin is the twin of Norms(first).
func normsTwin(s Shape, first int) func(normsArgs) {
	return func(a normsArgs) { s.NormsRef(a, first) }
}

// Cases returns the conformance cases: gradients of one part and of the most parts, the last of
// which has fewer turns; parts that are not the first; some elements, or all, so large that their
// squares overflow; sums below and above the bound, and sums that are not finite.
//
// WGSL allows a square root the error of 1/inverseSqrt, 4.5 units in the last place, and a division
// 2.5. The sum with eps and the products add one unit each.
func Cases() []check.Case {
	r := check.NewRand(13)
	var cs []check.Case
	for _, c := range []struct {
		n          int
		maxNorm    float32
		scale      float64 // of the gradient
		largeEvery int     // one of so many elements is 2^70 times as large; 0 means none
	}{
		{4, 1, 1, 0}, {4 * 65, 0.5, 1, 0}, {4 * 1024, 1e3, 1, 0}, {4 * (3*1024 + 61), 5, 1e-3, 0},
		{4 * (1024 + 1), 5, 1e10, 7}, {4 * 67, 5, 1e38, 1}, {4 * 3, 1e-3, 0, 0},
	} {
		s := check.Checked(Shape{c.n, c.maxNorm})
		g := r.Floats(c.n)
		for i := range g {
			g[i] = float64(float32(g[i] * c.scale))
			if c.largeEvery > 1 && i%c.largeEvery == 0 {
				g[i] *= 0x1p70
			}
		}
		cs = append(cs, cases(s, g, r)...)
	}
	s := check.Checked(Shape{4 * 70, 1})
	cs = append(cs, check.Of(s.Norms(3), normsArgs{r.Floats(s.Count), r.Floats(2 * (s.Parts() + 5))}, normsTwin(s, 3),
		check.Bound[normsArgs]{Terms: 4}))
	s = check.Checked(Shape{4 * 5, 1})
	for _, bad := range []float64{math.Inf(1), math.NaN()} {
		for at := range 2 {
			g, part := r.Floats(s.Count), r.Floats(2*s.Parts())
			g[13] = bad
			part[8+at] = bad
			cs = append(cs,
				check.Of(s.Norms(0), normsArgs{g, make([]float64, len(part))}, normsTwin(s, 0),
					check.Bound[normsArgs]{Terms: 4}),
				check.Of(s.Factor(s.Parts()), factorArgs{part, []float64{0}}, s.FactorRef, check.Bound[factorArgs]{}))
		}
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case { return cases(s, r.Floats(s.Count), r) }

func cases(s Shape, g []float64, r check.Rand) []check.Case {
	part := make([]float64, 2*s.Parts())
	s.NormsRef(normsArgs{g, part}, 0)
	for i := range part {
		part[i] = float64(float32(part[i]))
	}
	return []check.Case{
		check.Of(s.Norms(0), normsArgs{g, make([]float64, len(part))}, normsTwin(s, 0),
			check.Bound[normsArgs]{Terms: 4 * s.turns()}),
		check.Of(s.Factor(s.Parts()), factorArgs{part, []float64{0}}, s.FactorRef,
			check.Bound[factorArgs]{Terms: s.Parts(), Ulps: 9}),
		check.Of(s.Scale(), scaleArgs{r.Floats(s.Count), []float64{0.625}}, s.ScaleRef,
			check.Bound[scaleArgs]{Terms: 1}),
	}
}
