package dropout

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type refArgs = Args[[]float64, shaders.Batch]

// Cases are the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(2)
	var cs []check.Case
	for _, c := range []Config{
		{Rows: 1, RowElems: 1, P: 0.5}, {Rows: 3, RowElems: 7, P: 0}, {Rows: 5, RowElems: 63, P: 0.25, Stream: 1},
		{Rows: 2, RowElems: 65, P: 0.9, Stream: 2}, {Rows: 16, RowElems: 384, P: 0.5, Stream: 3},
	} {
		k, err := Kernel(c)
		if err != nil {
			panic(err)
		}
		n := c.Rows * c.RowElems
		cs = append(cs, check.Of(k, refArgs{
			Batch: shaders.Batch{Row0: 37, Step: 11, Seed: 5}, X: r.Floats(n), Y: make([]float64, n),
		}, c.Ref, check.Bound[refArgs]{Terms: 1}))
	}
	return cs
}
