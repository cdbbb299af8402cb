package relu

import (
	"math"

	"wgnin/shaders/check"
)

// Cases returns the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(1)
	var cs []check.Case
	// One vec4, primes, and one below and above a workgroup.
	for _, n := range []int{4, 4 * 13, 4 * 63, 4 * 65, 4 * 1021} {
		cs = append(cs, Sized(check.Checked(Shape{n}), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	n := s.Elems
	x := r.Floats(n)
	x[n/2] = 0
	for i, v := range []float64{math.NaN(), math.Copysign(math.NaN(), -1), math.Inf(1), math.Inf(-1),
		math.Copysign(0, -1)} {
		if n > 12 {
			x[8+i] = v
		}
	}
	return []check.Case{
		check.Of(s.Forward(), ForwardArgs[[]float64]{X: x, Y: make([]float64, n)}, s.ForwardRef,
			check.Bound[ForwardArgs[[]float64]]{}),
		check.Of(s.Backward(), BackwardArgs[[]float64]{Y: x, DY: r.Floats(n), DX: make([]float64, n)}, s.BackwardRef,
			check.Bound[BackwardArgs[[]float64]]{}),
	}
}

// Gradients returns the checks of the twins' backward passes.
func Gradients() []check.Gradient {
	r := check.NewRand(12)
	const n = 257
	s := Shape{n}
	x, dY := r.Distinct(n), r.Floats(n)
	y, dX := make([]float64, n), make([]float64, n)
	forward := func() { s.ForwardRef(ForwardArgs[[]float64]{x, y}) }
	forward()
	s.BackwardRef(BackwardArgs[[]float64]{y, dY, dX})
	return []check.Gradient{{
		Op: "relu", Detail: "257", X: x, Grad: dX,
		Loss: func() float64 { forward(); return check.Dot(y, dY) },
		Step: 1.0 / (4 * n), Terms: n, Magnitude: n,
	}}
}
