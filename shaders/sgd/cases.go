package sgd

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	plainArgs    = PlainArgs[[]float64, shaders.Batch]
	momentumArgs = MomentumArgs[[]float64, shaders.Batch]
)

// Cases are the conformance cases. The rates are negative so that the terms of
// the absolute inputs add up, as the tolerance asks.
func Cases() []check.Case {
	r := check.NewRand(6)
	var cs []check.Case
	for _, n := range []int{4, 4 * 13, 4 * 63, 4 * 65, 4 * 1021} {
		c := Config{Count: n, Momentum: 0.9, Decay: 1e-2}
		b := shaders.Batch{Rate: -0.05}
		cs = append(cs,
			check.Of(c.Plain(), plainArgs{b, r.Floats(n), r.Floats(n)}, c.PlainRef, check.Bound[plainArgs]{Terms: 4}),
			check.Of(c.WithMomentum(), momentumArgs{b, r.Floats(n), r.Floats(n), r.Floats(n)}, c.MomentumRef, check.Bound[momentumArgs]{Terms: 5}))
	}
	return cs
}
