package adaptivepool

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	forwardArgs  = ForwardArgs[[]float64]
	backwardArgs = BackwardArgs[[]float64]
)

// shapes has windows of one size and of several, with and without overlap; outputs that are larger
// than the image along one axis or both; and numbers of channels that are multiples of 4 and that
// are not.
var shapes = []Shape{
	{1, 1, 1, 1, 1, 1},
	{2, 8, 12, 12, 6, 4},
	{3, 4, 7, 6, 3, 5},
	{2, 3, 13, 11, 6, 7},
	{2, 5, 3, 9, 7, 2},
	{1, 12, 2, 3, 5, 7},
	{3, 4, 17, 5, 1, 1},
}

// Cases returns the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(71)
	var cs []check.Case
	for _, s := range shapes {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	// WGSL allows a division an error of 2.5 units in the last place.
	cs := []check.Case{
		check.Of(s.Forward(), forwardArgs{r.Floats(s.In()), r.Zeros(s.Out())}, s.ForwardRef,
			check.Bound[forwardArgs]{Terms: most(s.InH, s.OutH) * most(s.InW, s.OutW), Ulps: 2.5}),
		check.Of(s.Backward(), backwardArgs{r.Floats(s.Out()), r.Zeros(s.In())}, s.BackwardRef,
			check.Bound[backwardArgs]{Terms: most(s.OutH, s.InH) * most(s.OutW, s.InW), Ulps: 2.5}),
	}
	for i := range cs {
		cs[i].Variant = shaders.ElemOf(s.C).Variant()
	}
	return cs
}

// Gradients returns the checks of the twins' backward passes.
func Gradients() []check.Gradient {
	r := check.NewRand(72)
	var gs []check.Gradient
	for _, s := range shapes {
		x, dY, y, dX := r.Floats(s.In()), r.Floats(s.Out()), make([]float64, s.Out()), make([]float64, s.In())
		s.BackwardRef(backwardArgs{dY, dX})
		gs = append(gs, check.Gradient{
			Op: "adaptivepool", Detail: s.String(), X: x, Grad: dX,
			Loss: func() float64 { s.ForwardRef(forwardArgs{x, y}); return check.Dot(y, dY) },
			Step: 1, Terms: s.In() + 1 + s.Out(), Magnitude: float64(2 * s.Out()),
		})
	}
	return gs
}
