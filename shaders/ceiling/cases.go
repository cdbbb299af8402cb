package ceiling

import "wgnin/shaders/check"

// Cases are the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(11)
	var cs []check.Case
	for _, n := range []int{4, 4 * 63, 4 * 1021} {
		cs = append(cs, check.Of(Copy(n), CopyArgs[[]float64]{r.Floats(n), make([]float64, n)}, CopyRef, check.Bound[CopyArgs[[]float64]]{}))
	}
	for _, c := range [][2]int{{1, 1}, {3, 17}} {
		cs = append(cs, check.Of(FMA(c[0], c[1]), FMAArgs[[]float64]{r.Floats(20), make([]float64, c[0]*256)},
			FMARef(c[1]), check.Bound[FMAArgs[[]float64]]{Terms: 2*8*c[1] + 4}))
	}
	return cs
}
