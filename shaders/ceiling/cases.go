package ceiling

import "wgnin/shaders/check"

// Cases returns the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(11)
	var cs []check.Case
	for _, m := range []Memory{{step, 4}, {3 * step, 1}, {3 * step, 4}} {
		cs = append(cs, Sized(check.Checked(m), r)...)
	}
	for _, f := range []FMA{{1, 1, 1}, {3, 17, 3}, {2, 5, 8}} {
		cs = append(cs, SizedFMA(check.Checked(f), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(m Memory, r check.Rand) []check.Case {
	n := m.Values
	return []check.Case{
		check.Of(m.Read(), ReadArgs[[]float64]{r.Floats(n), r.Zeros(m.Sums())}, m.ReadRef,
			check.Bound[ReadArgs[[]float64]]{Terms: turns}),
		check.Of(m.Copy(), CopyArgs[[]float64]{r.Floats(n), r.Zeros(n)}, m.CopyRef, check.Bound[CopyArgs[[]float64]]{}),
		check.Of(m.Blend(), BlendArgs[[]float64]{r.Floats(n), r.Floats(n), r.Zeros(n)}, m.BlendRef,
			check.Bound[BlendArgs[[]float64]]{Terms: 2}),
	}
}

// SizedFMA returns the cases of a shape.
func SizedFMA(f FMA, r check.Rand) []check.Case {
	return []check.Case{check.Of(f.Kernel(), FMAArgs[[]float64]{r.Floats(20), r.Zeros(f.Groups * 256)},
		f.Ref, check.Bound[FMAArgs[[]float64]]{Terms: 2*8*f.Rounds + f.Chains})}
}
