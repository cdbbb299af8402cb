package shaders

import "math"

// unitRoundoff is half the distance between 1 and the next float32.
const unitRoundoff = 1.0 / (1 << 24)

// Tolerance returns a bound on the error of a float32 sum of n rounded products, in any order,
// fused or not. The absolute values of the products add up to magnitude. Built-in functions may add
// an error of ulps units in the last place.
//
// With the unit round-off u, each term gets one factor (1+d), |d| <= u, from its product, and at
// most n more from the partial sums that contain it. So the error is at most ((1+u)^(n+1) - 1) *
// magnitude (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.1). A
// fused multiply-add drops a factor. The bound is reached only if all errors have the same sign. If
// they are independent variables of mean zero, n+1 becomes 8*sqrt(n+1) with a probability of
// failure below 2(n+1)exp(-32), 3e-10 for 10^4 terms (Higham and Mary, "A New Approach to
// Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 41(5), 2019, theorem 3.1). Tolerance
// uses the smaller bound: the first below 63 terms, the second above.
//
// A unit in the last place of v is at most 2u|v|. A built-in function with an error of k such units
// therefore adds a factor of at most (1+u)^2k.
//
// The bound assumes rounding to the nearest float32. WGSL also allows rounding to the other
// neighbour. An adapter that does so has twice the u and errors of one sign, and fails the checks.
//
// A device may flush results below the smallest normal float32 to zero, once in each operation.
func Tolerance(n int, ulps, magnitude float64) float64 {
	steps := min(float64(n+1), 8*math.Sqrt(float64(n+1)))
	return math.Expm1((steps+2*ulps)*math.Log1p(unitRoundoff))*magnitude + float64(n+1)*0x1p-126
}
