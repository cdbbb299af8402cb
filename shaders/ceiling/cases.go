package ceiling

import "wgnin/shaders/check"

// Cases are the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(11)
	var cs []check.Case
	for _, n := range []int{4, 4 * 63, 4 * 1021} {
		c := check.Checked(Copy{n})
		cs = append(cs, check.Of(c.Kernel(), CopyArgs[[]float64]{r.Floats(n), make([]float64, n)}, c.Ref, check.Bound[CopyArgs[[]float64]]{}))
	}
	for _, f := range []FMA{{1, 1}, {3, 17}} {
		cs = append(cs, check.Of(check.Checked(f).Kernel(), FMAArgs[[]float64]{r.Floats(20), make([]float64, f.Groups*256)},
			f.Ref, check.Bound[FMAArgs[[]float64]]{Terms: 2*8*f.Rounds + 4}))
	}
	return cs
}
