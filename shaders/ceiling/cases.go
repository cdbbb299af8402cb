package ceiling

import "wgnin/shaders/check"

// Cases are the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(11)
	var cs []check.Case
	for _, n := range []int{step, 3 * step} {
		m := check.Checked(Memory{n})
		zeros := func() []float64 { return make([]float64, n) }
		cs = append(cs,
			check.Of(m.Read(), ReadArgs[[]float64]{r.Floats(n), make([]float64, m.Sums())}, m.ReadRef, check.Bound[ReadArgs[[]float64]]{Terms: turns}),
			check.Of(m.Copy(), CopyArgs[[]float64]{r.Floats(n), zeros()}, m.CopyRef, check.Bound[CopyArgs[[]float64]]{}),
			check.Of(m.Blend(), BlendArgs[[]float64]{r.Floats(n), r.Floats(n), zeros()}, m.BlendRef, check.Bound[BlendArgs[[]float64]]{Terms: 2}))
	}
	for _, f := range []FMA{{1, 1, 1}, {3, 17, 3}, {2, 5, 8}} {
		cs = append(cs, check.Of(check.Checked(f).Kernel(), FMAArgs[[]float64]{r.Floats(20), make([]float64, f.Groups*256)},
			f.Ref, check.Bound[FMAArgs[[]float64]]{Terms: 2*8*f.Rounds + f.Chains}))
	}
	return cs
}
