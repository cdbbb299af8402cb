package check

import (
	"fmt"
	"math"
)

// Gradient is the backward pass of a twin, to be compared with central differences of its forward
// pass, all in float64. For y = f(x), take random dY, let Loss compute y from X and return Dot(y,
// dY), and let Grad be what the backward twin makes of X and dY. The values need not be exact in
// float32.
type Gradient struct {
	Op     string // op, and the argument that the gradient is of, such as conv2d/dw
	Detail string // shape

	X, Grad []float64      // the argument, and the gradient of Loss at it
	Loss    func() float64 // of what is in X
	// Step is how far elements of X are moved, at most. No kink of Loss may lie within Step of X:
	// [Rand.Distinct] makes an X away from kinks at 0 and at ties, and [Avoid] moves one away from
	// others. Where Loss is linear between its kinks, any Step gives exact differences. Elsewhere
	// 1e-4 suits values of about 1: the error of rounding grows as 1 / Step, and that of the
	// differences as Third * Step^2.
	Step float64
	// Terms is the number of products that Loss sums in a row, those of f and of Dot, and Magnitude
	// bounds the sum of their absolute values, with X moved by Step. For n values of at most m
	// each, and dY in [-1,1), that is n + the roundings of f, and n * m.
	Terms     int
	Magnitude float64
	// Third bounds the third derivative of Loss along any line on which no element of X moves
	// faster than 1. It is 0 for a function that is linear or quadratic between its kinks. For n
	// values that are each a function of one element, it is n times the bound of the function's
	// own.
	Third float64
}

// Run moves all of X at once along a random line, since one wrong element of
// the gradient shows there too; when it does, elements are moved one by one to
// name it.
//
// A difference over 2h of two losses, each wrong by Terms u times Magnitude (u
// = 2^-53; one more term for the rounding of X), is off by that over h, and by
// Third h^2/6 from the derivative (Taylor's theorem).
func (g Gradient) Run() Result {
	const u = 0x1p-53
	at := append([]float64(nil), g.X...)
	defer copy(g.X, at)
	line := NewRand(11).Floats(len(at))
	difference := func(only int) (difference, derivative, tolerance float64) {
		move := func(h float64) float64 {
			copy(g.X, at)
			for i := range at {
				if only < 0 || i == only {
					g.X[i] += h * line[i]
				}
			}
			return g.Loss()
		}
		difference = (move(g.Step) - move(-g.Step)) / (2 * g.Step)
		sum := 0.0 // of absolute values
		for i := range at {
			if only < 0 || i == only {
				derivative += g.Grad[i] * line[i]
				sum += math.Abs(g.Grad[i] * line[i])
			}
		}
		tolerance = float64(g.Terms+1)*u*g.Magnitude/g.Step + float64(len(at))*u*sum + g.Third*g.Step*g.Step/6
		return difference, derivative, tolerance
	}
	d, want, tol := difference(-1)
	res := Result{Worst: math.Abs(d-want) / tol,
		Where: fmt.Sprintf("along a random line it is %g; differences give %g", want, d)}
	if res.Worst <= 1 {
		return res
	}
	for i := range at {
		if d, want, tol := difference(i); !(math.Abs(d-want) <= tol) {
			res.Where = fmt.Sprintf("gradient[%d] is %g; differences give %g", i, want/line[i], d/line[i])
			break
		}
	}
	return res
}

// Dot is the sum of a[i] * b[i]: with b the gradient of y = f(x), Dot(y, b) is
// a loss of x.
func Dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// Distinct are n values in [-1,1), no two nearer than 2/n to each other and
// none nearer than 1/(2n) to zero, in random order.
func (r Rand) Distinct(n int) []float64 {
	x := make([]float64, n)
	for i, p := range r.Perm(n) {
		x[i] = (2*float64(p) + 1.5 - float64(n)) / float64(n)
	}
	return x
}

// Avoid moves the values of x that are nearer than distance to a kink as far away from it. The
// kinks must be more than two distances apart. Twice the Step of a [Gradient] is a good distance.
func Avoid(x []float64, distance float64, kinks ...float64) {
	for i, v := range x {
		for _, k := range kinks {
			if math.Abs(v-k) < distance {
				x[i] = k + math.Copysign(distance, v-k)
			}
		}
	}
}
