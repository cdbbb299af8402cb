package relu

import "wgnin/shaders/check"

// Cases are the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(1)
	var cs []check.Case
	// One vec4, primes, and one below and above a workgroup.
	for _, n := range []int{4, 4 * 13, 4 * 63, 4 * 65, 4 * 1021} {
		x := r.Floats(n)
		x[n/2] = 0
		cs = append(cs,
			check.Of(Forward(n), ForwardArgs[[]float64]{X: x, Y: make([]float64, n)}, ForwardRef, check.Bound[ForwardArgs[[]float64]]{}),
			check.Of(Backward(n), BackwardArgs[[]float64]{Y: x, DY: r.Floats(n), DX: make([]float64, n)}, BackwardRef, check.Bound[BackwardArgs[[]float64]]{}))
	}
	return cs
}
