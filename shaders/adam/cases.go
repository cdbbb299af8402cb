package adam

import (
	"math"

	"wgnin/shaders"
	"wgnin/shaders/check"
)

type refArgs = Args[[]float64, shaders.Batch]

// bound returns the error bound of the update. Let u be half a unit in the last place.
//
// The slope has an error of 2u of its magnitude |g| + decay |w|, so the mean has 5u and the square
// 8u of theirs. WGSL allows sqrt the error of 1/inverseSqrt, which is 4.5 units in the last place
// or 9u, and a division 5u. So the root has 4u + 9u, the denominator 2u more, the quotient 25u
// including the mean's 5u, and the product with rate and correction 2u more. The weight adds 3u of
// its own. For the square's error to be relative to the square, squares must not come only from
// slopes that cancel; see v below.
func (s Shape) bound() check.Bound[refArgs] {
	return check.Bound[refArgs]{Terms: 6, Ulps: 12, Magnitude: s.magnitude}
}

// magnitude computes the sums of the terms' absolute values, for [check.Bound]. The denominator is
// the twin's.
func (s Shape) magnitude(a refArgs) {
	if a.Metrics[shaders.MetricDiverged] != 0 {
		return
	}
	rate, decay := math.Abs(float64(a.Batch.Rate)), float64(s.Decay)
	for i, w := range a.W {
		slope := a.G[i]
		if s.Decoupled {
			a.W[i] += rate * decay * w
		} else {
			slope += decay * w
		}
		root := math.Sqrt(Beta2 * a.V[i]) // its smallest possible value
		if a.V[i] == 0 {
			root = math.Sqrt(1-Beta2) * a.G[i]
		}
		a.M[i] = Beta1*a.M[i] + (1-Beta1)*slope
		a.V[i] = Beta2*a.V[i] + (1-Beta2)*slope*slope
		a.W[i] += rate * float64(a.Batch.Correction1) * a.M[i] / (root*float64(a.Batch.Correction2) + Eps)
	}
}

// Cases returns the conformance cases: Adam and AdamW at the first update, when the means are zero,
// and at a later one; updates that make a weight infinite or NaN; and updates that are skipped
// because training has diverged.
func Cases() []check.Case {
	r := check.NewRand(9)
	var cs []check.Case
	for _, decoupled := range []bool{false, true} {
		for _, n := range []int{4, 4 * 13, 4 * 65, 4 * 1021} {
			s := Shape{Count: n, Decay: 0.25, Decoupled: decoupled}
			cs = append(cs, Sized(check.Checked(s), r)...)
			if !decoupled {
				s.Decay = 0 // so that slopes do not cancel
			}
			cs = append(cs, check.Of(check.Checked(s).Kernel(), refArgs{batch(1), r.Floats(n), r.Floats(n),
				make([]float64, n), make([]float64, n), make([]float64, 4)}, s.Ref, s.bound()))
		}
	}
	const n = 4 * 65
	for _, overflow := range []int{0, n/2 + 1, n - 1} {
		for diverged := range 2 {
			s := Shape{Count: n}
			b, g, w, m := batch(3), r.Floats(n), r.Floats(n), r.Floats(n)
			b.Rate, g[overflow], w[overflow], m[overflow] = 1e38, 1, -float64(float32(3.2e38)), 1
			metrics := []float64{2.5, 1, float64(diverged), 0}
			cs = append(cs, check.Of(check.Checked(s).Kernel(), refArgs{b, g, w, m, squares(r, n), metrics},
				s.Ref, s.bound()))
		}
	}
	return cs
}

// Sized returns the cases of a shape, at a later update.
func Sized(s Shape, r check.Rand) []check.Case {
	n := s.Count
	return []check.Case{check.Of(s.Kernel(),
		refArgs{batch(50), r.Floats(n), r.Floats(n), r.Floats(n), squares(r, n), make([]float64, 4)}, s.Ref, s.bound())}
}

// batch returns the batch of an update.
func batch(step int) shaders.Batch {
	b := shaders.Batch{Step: uint32(step), Rate: 0.05}
	b.Correction1, b.Correction2 = Corrections(step)
	return b
}

// squares returns n values in [0.25,1.25).
func squares(r check.Rand, n int) []float64 {
	v := r.Floats(n)
	for i := range v {
		v[i] = float64(float32(v[i]/2 + 0.75))
	}
	return v
}
