package leakyrelu

import "wgnin/shaders/check"

type (
	forwardArgs  = ForwardArgs[[]float64]
	backwardArgs = BackwardArgs[[]float64]
)

// Cases returns the conformance cases: one vec4, primes, one below and one above a workgroup;
// PyTorch's slope, 0, a negative slope and 1. One x is zero. Slopes are at most 1, so that the twin
// of the absolute inputs bounds the result.
func Cases() []check.Case {
	r := check.NewRand(23)
	var cs []check.Case
	for _, s := range []Shape{{4, 0.01}, {4 * 13, 0}, {4 * 63, -0.5}, {4 * 65, 1}, {4 * 1021, 0.01}} {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	x := r.Floats(s.Elems)
	x[s.Elems/2] = 0
	return []check.Case{
		check.Of(s.Forward(), forwardArgs{x, make([]float64, s.Elems)}, s.ForwardRef,
			check.Bound[forwardArgs]{Terms: 1}),
		check.Of(s.Backward(), backwardArgs{x, r.Floats(s.Elems), make([]float64, s.Elems)}, s.BackwardRef,
			check.Bound[backwardArgs]{Terms: 1}),
	}
}

// Gradients returns the checks of the twins' backward passes.
func Gradients() []check.Gradient {
	r := check.NewRand(24)
	s := Shape{Elems: 257, Slope: 0.1}
	x, dY := r.Distinct(s.Elems), r.Floats(s.Elems)
	y, dX := make([]float64, s.Elems), make([]float64, s.Elems)
	s.BackwardRef(backwardArgs{x, dY, dX})
	return []check.Gradient{{
		Op: "leakyrelu", Detail: "257 slope=0.1", X: x, Grad: dX,
		Loss: func() float64 { s.ForwardRef(forwardArgs{x, y}); return check.Dot(y, dY) },
		Step: 1 / (4 * float64(s.Elems)), Terms: s.Elems + 1, Magnitude: float64(s.Elems), // no x changes its sign
	}}
}
