package check

import (
	"fmt"
	"math"
)

// Gradient compares the backward pass of a twin with central differences of its forward pass, in
// float64. For y = f(x), choose a random dY, let Loss compute y from X and return Dot(y, dY), and
// let Grad be the backward twin's result for X and dY. The values need not be exact in float32.
type Gradient struct {
	Op     string // the op and the gradient's argument, such as conv2d/dw
	Detail string // shape

	X, Grad []float64      // the argument, and the gradient of Loss at it
	Loss    func() float64 // computed from the current X
	// Step is the largest distance by which an element of X is moved. No kink of Loss may be within
	// Step of X: [Rand.Distinct] returns an X away from kinks at 0 and at ties, and [Avoid] moves X
	// away from other kinks. If Loss is linear between its kinks, any Step gives exact differences.
	// Otherwise 1e-4 suits values of about 1: the error of rounding grows as 1 / Step, and that of
	// the differences as Third * Step^2.
	Step float64
	// Terms is the number of products that Loss sums in a row, in f and in Dot. Magnitude bounds
	// the sum of their absolute values, with X moved by Step. For n values of at most m each, and
	// dY in [-1,1), Terms is n plus the roundings of f, and Magnitude is n * m.
	Terms     int
	Magnitude float64
	// Third bounds the third derivative of Loss along any line on which no element of X moves
	// faster than 1. It is 0 for a function that is linear or quadratic between its kinks. For n
	// values that are each a function of one element, it is n times the bound for that function.
	Third float64
}

// Run moves all of X at once along a random line, which reveals even a single wrong element of the
// gradient. If it does, Run moves the elements one by one to name the wrong one.
//
// Each loss is wrong by at most Terms * u * Magnitude, with u = 2^-53 and one more term for the
// rounding of X. The difference of two losses, divided by 2h, is then wrong by at most this bound
// divided by h, and differs from the derivative by at most Third * h^2 / 6 (Taylor's theorem).
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
		sum := 0.0 // sum of absolute values
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

// Dot returns the sum of a[i] * b[i]. If b is the gradient of y = f(x), Dot(y, b) is a loss of x.
func Dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// Distinct returns n values in [-1,1) in random order. They are at least 2/n from each other, and
// at least 1/(2n) from zero.
func (r Rand) Distinct(n int) []float64 {
	x := make([]float64, n)
	for i, p := range r.Perm(n) {
		x[i] = (2*float64(p) + 1.5 - float64(n)) / float64(n)
	}
	return x
}

// Avoid moves values of x that are nearer to a kink than distance, so that they are at that
// distance from it. The kinks must be more than two distances apart. Twice the Step of a [Gradient]
// is a good distance.
func Avoid(x []float64, distance float64, kinks ...float64) {
	for i, v := range x {
		for _, k := range kinks {
			if math.Abs(v-k) < distance {
				x[i] = k + math.Copysign(distance, v-k)
			}
		}
	}
}
