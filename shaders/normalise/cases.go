package normalise

import "wgnin/shaders/check"

type refArgs = Args[[]float64]

// Cases returns the conformance cases: grey, colour and other numbers of channels; prime numbers of
// pixels; values below, at and above a workgroup.
func Cases() []check.Case {
	r := check.NewRand(31)
	var cs []check.Case
	for _, s := range []Shape{{1, 1}, {64, 1}, {3 * 13, 3}, {3 * 1021, 3}, {2 * 67, 2}, {5 * 64, 5}} {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	a := refArgs{X: r.Floats(s.Elems), Mean: r.Floats(s.C), Deviation: r.Zeros(s.C), Y: r.Zeros(s.Elems)}
	for c := range a.Deviation {
		a.Deviation[c] = float64(float32(1 / float64(c+3)))
	}
	return []check.Case{check.Of(s.Kernel(), a, s.Ref, check.Bound[refArgs]{
		Magnitude: func(a refArgs) {
			for i, x := range a.X {
				a.Y[i] = (x + a.Mean[i%s.C]) / a.Deviation[i%s.C]
			}
		},
		Ulps: 3.5, // 2.5, which WGSL allows the division, and 1 for the difference
	})}
}
