package shaders

import "math"

// unitRoundoff is half the distance between 1 and the next float32.
const unitRoundoff = 1.0 / (1 << 24)

// Tolerance bounds the error of a float32 sum of n rounded products whose
// absolute values add up to magnitude, in any order, fused or not, of which
// built-in functions add ulps units in the last place.
//
// With u the unit round-off, each term meets one factor (1+d), |d| <= u, from
// its product and at most n more from the partial sums it is in, so the error
// is at most ((1+u)^(n+1) - 1) * magnitude (Higham, "Accuracy and Stability of
// Numerical Algorithms", 2nd ed., section 3.1). A fused multiply-add drops a
// factor. The bound is reached only if all errors have one sign: with them as
// independent variables of mean zero, n+1 becomes 8*sqrt(n+1) with a
// probability of failure below 2(n+1)exp(-32), 3e-10 for 10^4 terms (Higham and
// Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci.
// Comput. 41(5), 2019, theorem 3.1). The smaller of the two is used; they part
// at 63 terms.
//
// A unit in the last place of v is at most 2u|v|, so a built-in function that
// is off by k of them is a factor of at most (1+u)^2k more.
//
// Rounding is to the nearest float32. WGSL allows an adapter the other
// neighbour; one that takes it has twice u and errors of one sign, and is
// reported.
//
// A device may flush results below the smallest normal float32 to zero, once a
// step.
func Tolerance(n int, ulps, magnitude float64) float64 {
	steps := min(float64(n+1), 8*math.Sqrt(float64(n+1)))
	return math.Expm1((steps+2*ulps)*math.Log1p(unitRoundoff))*magnitude + float64(n+1)*0x1p-126
}
