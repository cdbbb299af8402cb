package gather

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type refArgs = Args[[]float64, []uint32, shaders.Batch]

// Cases are the conformance cases: whole and partial batches, in the middle of an order.
func Cases() []check.Case {
	r := check.NewRand(15)
	var cs []check.Case
	for _, c := range []struct {
		s            Shape
		images, rows int
		offset       uint32
	}{{Shape{1, 1}, 1, 1, 0}, {Shape{7, 3}, 9, 7, 2}, {Shape{13, 5}, 30, 11, 19}, {Shape{3, 129}, 8, 2, 1}} {
		order := make([]uint32, c.images)
		for i, v := range r.Perm(c.images) {
			order[i] = uint32(v)
		}
		b := shaders.Batch{Rows: uint32(c.rows), Offset: c.offset}
		a := refArgs{b, r.Floats(c.images * c.s.K), order, make([]float64, c.s.N*c.s.K)}
		cs = append(cs, check.Of(check.Checked(c.s).Kernel(), a, c.s.Ref, check.Bound[refArgs]{}))
	}
	return cs
}
