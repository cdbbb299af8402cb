package dropout

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type refArgs = Args[[]float64, shaders.Batch]

// Cases returns the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(2)
	var cs []check.Case
	for _, s := range []Shape{
		{Rows: 1, RowElems: 1, P: 0.5}, {Rows: 3, RowElems: 7, P: 0}, {Rows: 5, RowElems: 63, P: 0.25, Stream: 1},
		{Rows: 2, RowElems: 65, P: 0.9, Stream: 2}, {Rows: 16, RowElems: 384, P: 0.5, Stream: 3},
	} {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	n := s.Rows * s.RowElems
	return []check.Case{check.Of(s.Kernel(), refArgs{
		Batch: shaders.Batch{Row0: 37, Step: 11, Seed: 5}, X: r.Floats(n), Y: r.Zeros(n),
	}, s.Ref, check.Bound[refArgs]{Terms: 1})}
}

// Gradients returns the checks of the twin's backward pass.
func Gradients() []check.Gradient {
	r := check.NewRand(13)
	s := Shape{Rows: 3, RowElems: 67, P: 0.3, Stream: 1}
	n := s.Rows * s.RowElems
	b := shaders.Batch{Row0: 2, Step: 5, Seed: 9}
	x, dY := r.Floats(n), r.Floats(n)
	y, dX := make([]float64, n), make([]float64, n)
	s.Ref(refArgs{b, dY, dX})
	return []check.Gradient{{
		Op: "dropout", Detail: "p=0.3 3x67", X: x, Grad: dX,
		Loss: func() float64 { s.Ref(refArgs{b, x, y}); return check.Dot(y, dY) },
		Step: 1, Terms: n + 1, Magnitude: 4 * float64(n), // |x| < 2, scaled by 1/0.7
	}}
}
