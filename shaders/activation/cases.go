package activation

import (
	"math"

	"wgnin/shaders/check"
)

type (
	forwardArgs  = ForwardArgs[[]float64]
	backwardArgs = BackwardArgs[[]float64]
)

var functions = []Function{Sigmoid, Tanh, SiLU, GELU}

// special are inputs for which a careless formula overflows, cancels or loses its digits.
var special = []float64{
	0, 1e-30, -1e-30, 1e-4, -1e-4, 0.625, -0.625, 0.62, -0.63, 9, -9, 20, -20, 80, -80, 1e4, -1e4, 1e20, -1e20,
	3e38, -3e38,
	math.NaN(),
}

// Cases returns the conformance cases: one value, padded channels, strides that are not multiples
// of 4, one below and one above a workgroup, and special values.
func Cases() []check.Case {
	r := check.NewRand(61)
	var cs []check.Case
	for _, f := range functions {
		for _, s := range []Shape{{f, 1, 1, 4}, {f, 13, 3, 4}, {f, 20, 3, 3}, {f, 63, 4, 4}, {f, 33, 5, 8},
			{f, 41, 29, 32}} {
			cs = append(cs, Sized(check.Checked(s), r)...)
		}
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	x, dY := r.Tensor(s.Pixels, s.C, s.Stride), r.Tensor(s.Pixels, s.C, s.Stride)
	for i := range x {
		x[i] *= 8
	}
	if s.C == s.Stride {
		for i, v := range special[:min(len(special), len(x))] {
			x[i] = float64(float32(v))
		}
	}
	zeros := func() []float64 { return r.Zeros(s.Len()) }
	return []check.Case{
		check.Of(s.Forward(), forwardArgs{x, zeros()}, s.ForwardRef,
			check.Bound[forwardArgs]{Terms: 4, Ulps: ulps, Magnitude: func(a forwardArgs) {
				for i := range a.Y {
					a.Y[i], _ = s.magnitude(x[i])
				}
			}}),
		check.Of(s.Backward(), backwardArgs{x, dY, zeros()}, s.BackwardRef,
			check.Bound[backwardArgs]{Terms: 4, Ulps: ulps, Magnitude: func(a backwardArgs) {
				for i := range a.DX {
					_, slope := s.magnitude(x[i])
					a.DX[i] = a.DY[i] * slope
				}
			}}),
	}
}

// ulps is the error that the functions may have, in units in the last place of their magnitude.
// WGSL allows an exponential of -a an error of 3 + 2a such units, and a division 2.5. The longest
// formula has an exponential, two divisions and a polynomial of 9 terms. None cancels by more than
// a factor of 2.
const ulps = 20

// magnitude returns the sums of the absolute values of the terms of value and slope at x, times 1 +
// a if they contain the exponential of -a.
func (f Function) magnitude(x float64) (value, slope float64) {
	v, d := f.at(x)
	a := math.Abs(x)
	switch f {
	case Sigmoid:
		return math.Abs(v) * (1 + a), math.Abs(d) * (1 + a)
	case Tanh: // its exponential is far below 1 for large a
		return math.Abs(v), math.Abs(d) * (1 + 2*a)
	case SiLU:
		s, _ := Sigmoid.at(x)
		t, _ := Sigmoid.at(-x)
		return math.Abs(v) * (1 + a), s * (1 + a*t) * (1 + a)
	default:
		p := math.Erfc(-x/math.Sqrt2) / 2
		return math.Abs(v) * (1 + x*x/2), (p + a*math.Exp(-x*x/2)/2) * (1 + x*x/2)
	}
}

// Gradients returns the checks of the twins' backward passes. No third derivative is above 2.
func Gradients() []check.Gradient {
	r := check.NewRand(62)
	var gs []check.Gradient
	for _, f := range functions {
		s := Shape{f, 51, 5, 5}
		x, dY := r.Floats(s.Len()), r.Floats(s.Len())
		for i := range x {
			x[i] *= 4
		}
		y, dX := make([]float64, s.Len()), make([]float64, s.Len())
		s.BackwardRef(backwardArgs{x, dY, dX})
		gs = append(gs, check.Gradient{
			Op: "activation", Detail: s.String(), X: x, Grad: dX,
			Loss: func() float64 { s.ForwardRef(forwardArgs{x, y}); return check.Dot(y, dY) },
			Step: 1e-4, Terms: s.Len() + 8, Magnitude: 4 * float64(s.Len()), Third: 2 * float64(s.Len()),
		})
	}
	return gs
}
