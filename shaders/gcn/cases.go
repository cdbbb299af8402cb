package gcn

import (
	"math"

	"wgnin/shaders/check"
	"wgnin/shaders/gcn/contrast"
)

type refArgs = Args[[]float64]

// Cases returns the conformance cases: one value, more and fewer values than lanes, an image of
// CIFAR-10's size, and a flat image among others. Values are in [0,1], like pixels.
func Cases() []check.Case {
	r := check.NewRand(19)
	var cs []check.Case
	for _, s := range []Shape{{N: 1, Elems: 1}, {N: 3, Elems: 63}, {N: 4, Elems: 65}, {N: 2, Elems: 3072}} {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	x := r.Floats(s.N * s.Elems)
	for i := range x {
		x[i] = math.Abs(x[i])
	}
	for e := range s.Elems { // the last image is flat
		if s.N > 1 {
			x[(s.N-1)*s.Elems+e] = 0.3
		}
	}
	for i := range x {
		x[i] = float64(float32(x[i]))
	}
	// WGSL allows the square root an error of 2.5 units in the last place, and the same for each
	// division: that of the mean and that of the factor.
	return []check.Case{check.Of(s.Kernel(), refArgs{X: x, Y: make([]float64, len(x))}, s.Ref,
		check.Bound[refArgs]{Terms: s.Elems + 4, Magnitude: s.magnitude, Ulps: 7.5})}
}

// magnitude computes a bound on the error of y, in units of the relative error of one sum. Let d be
// x - x[0], and a the sum of its absolute terms. The error of d's mean is that of A, the mean of a.
// The error of r = d - mean is that of B = a + A. The error of the sum of r^2 is that of 2 r.B +
// r.r, so the norm's is that of ||B|| + ||r||/2, and the error of y = r scale/norm is that of (B +
// |r| (||B||/norm + 1)) scale/norm.
func (s Shape) magnitude(a refArgs) {
	for n := range s.N {
		x, y := a.X[n*s.Elems:][:s.Elems], a.Y[n*s.Elems:][:s.Elems]
		mean, norm := contrast.Moments(x)
		sum, squares := 0.0, 0.0
		for _, v := range x {
			sum += (v + x[0]) / float64(len(x))
		}
		for _, v := range x {
			squares += (v + x[0] + sum) * (v + x[0] + sum)
		}
		for e, v := range x {
			y[e] = 0
			if norm > Least {
				y[e] = (v + x[0] + sum + math.Abs(v-x[0]-mean)*(math.Sqrt(squares)/norm+1)) * Scale / norm
			}
		}
	}
}
