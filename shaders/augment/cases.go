package augment

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type refArgs = Args[[]float64, shaders.Batch]

// Cases returns the conformance cases: grey and colour, odd sizes, each variation alone, and no
// variation.
func Cases() []check.Case {
	r := check.NewRand(17)
	var cs []check.Case
	for _, s := range []Shape{
		{N: 8, H: 32, W: 32, C: 3, Pad: 4, Mirror: true}, {N: 5, H: 7, W: 13, C: 1, Pad: 6},
		{N: 9, H: 5, W: 4, C: 2, Mirror: true}, {N: 1, H: 1, W: 1, C: 1},
		{N: 3, H: 9, W: 2, C: 4, Pad: 1, Mirror: true},
	} {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	n := s.N * s.H * s.W * s.C
	return []check.Case{check.Of(s.Kernel(), refArgs{
		Batch: shaders.Batch{Row0: 37, Step: 11, Seed: 5}, X: r.Floats(n), Y: r.Zeros(n),
	}, s.Ref, check.Bound[refArgs]{})}
}
