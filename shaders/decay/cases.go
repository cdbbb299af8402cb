package decay

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	coupledArgs   = CoupledArgs[[]float64]
	decoupledArgs = DecoupledArgs[[]float64, shaders.Batch]
)

// Cases returns the conformance cases: decays, some of them zero, with a negative rate, so that the
// terms of the absolute inputs add up, as the tolerance requires; and a decay that is skipped
// because training has diverged.
func Cases() []check.Case {
	r := check.NewRand(14)
	var cs []check.Case
	for i, n := range []int{4, 4 * 13, 4 * 65, 4 * 1021} {
		cs = append(cs, cases(check.Checked(Shape{n}), []float64{2.5, 1, float64(i % 2), 0}, r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case { return cases(s, []float64{2.5, 1, 0, 0}, r) }

func cases(s Shape, metrics []float64, r check.Rand) []check.Case {
	n := s.Count
	decay := r.Floats(n)
	for j := range decay {
		decay[j] = max(0, decay[j])
	}
	return []check.Case{
		check.Of(s.Coupled(), coupledArgs{r.Floats(n), r.Floats(n), decay}, s.CoupledRef,
			check.Bound[coupledArgs]{Terms: 2}),
		check.Of(s.Decoupled(), decoupledArgs{shaders.Batch{Rate: -0.05}, r.Floats(n), decay, metrics}, s.DecoupledRef,
			check.Bound[decoupledArgs]{Terms: 3}),
	}
}
