package activation

import "math"

// at returns the function's value and slope at x. It computes the tail of the normal distribution
// by erfc, which does not cancel.
func (f Function) at(x float64) (value, slope float64) {
	switch f {
	case Sigmoid:
		s := 1 / (1 + math.Exp(-x))
		return s, s / (1 + math.Exp(x))
	case Tanh:
		c := math.Cosh(x)
		return math.Tanh(x), 1 / c / c
	case SiLU:
		s := 1 / (1 + math.Exp(-x))
		return x * s, s * (1 + x/(1+math.Exp(x)))
	default:
		p := math.Erfc(-x/math.Sqrt2) / 2
		return x * p, p + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}
}

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	for i, x := range a.X {
		a.Y[i] = 0
		if i%s.Stride < s.C {
			a.Y[i], _ = s.at(x)
		}
	}
}

// BackwardRef is the twin of [Shape.Backward].
func (s Shape) BackwardRef(a BackwardArgs[[]float64]) {
	for i, x := range a.X {
		_, slope := s.at(x)
		a.DX[i] = a.DY[i] * slope
	}
}
