package check

import (
	"fmt"
	"math"
)

// Gradient is the backward of a twin, to be compared with central differences
// of its forward, all in float64.
type Gradient struct {
	Op     string // op, and the argument that the gradient is of, such as conv2d/dw
	Detail string // shape

	X, Grad []float64      // the argument, and the gradient of Loss at it
	Loss    func() float64 // of what is in X
	// Step is how far X is moved. A loss that is linear between kinks, of
	// which none is within Step, has exact differences for any Step.
	Step float64
	// Loss sums so many products in a row, of absolute values that add up to
	// at most Magnitude.
	Terms     int
	Magnitude float64
	// Third bounds the third derivative of Loss along any line on which no
	// element of X moves faster than 1.
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
