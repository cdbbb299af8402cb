package add

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

// Cases returns the conformance cases: one value, padding of one to seven channels and none,
// strides that differ and strides that are not multiples of 4, one below and one above a workgroup.
// The padding of a and b is not zero. Trees have one part and many.
func Cases() []check.Case {
	r := check.NewRand(25)
	var cs []check.Case
	for _, s := range []Shape{
		{1, 1, 1, 1, 1}, {1, 1, 4, 4, 4}, {21, 10, 12, 12, 12}, {13, 5, 8, 8, 12}, {65, 3, 3, 4, 4}, {7, 6, 7, 9, 6},
		{63, 4, 4, 4, 4}, {65, 4, 8, 4, 4}, {3, 96, 96, 100, 96}, {5, 2, 2, 3, 5}, {17, 1, 1, 4, 8},
	} {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	for _, t := range []Tree{{1, 4}, {2, 8}, {4, 252}, {4, 260}, {8, 16}, {64, 4}} {
		cs = append(cs, SizedTree(check.Checked(t), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	type (
		forwardArgs    = ForwardArgs[[]float64]
		accumulateArgs = AccumulateArgs[[]float64]
	)
	a, b := r.Floats(s.Pixels*s.AStride), r.Floats(s.Pixels*s.BStride)
	n := s.Pixels * s.YStride
	f := check.Of(s.Forward(), forwardArgs{a, b, r.Zeros(n)}, s.ForwardRef, check.Bound[forwardArgs]{Terms: 1})
	f.Variant = s.elem().Variant()
	acc := check.Of(s.Accumulate(), accumulateArgs{r.Floats(n), r.Floats(n)}, s.AccumulateRef,
		check.Bound[accumulateArgs]{Terms: 1})
	acc.Variant = shaders.ElemOf(n).Variant()
	return []check.Case{f, acc}
}

// SizedTree returns the cases of a tree.
func SizedTree(t Tree, r check.Rand) []check.Case {
	a := TreeArgs[[]float64]{r.Floats(t.Parts * t.Count), r.Zeros(t.Count)}
	return []check.Case{check.Of(t.Kernel(), a, t.Ref, check.Bound[TreeArgs[[]float64]]{Terms: t.Parts})}
}
