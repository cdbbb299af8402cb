package gather

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type refArgs = Args[[]float64, []uint32, shaders.Batch]

// Cases returns the conformance cases: whole and partial batches that begin in the middle of an
// order.
func Cases() []check.Case {
	r := check.NewRand(15)
	var cs []check.Case
	for _, c := range []struct {
		s            Shape
		images, rows int
		offset       uint32
	}{{Shape{1, 1}, 1, 1, 0}, {Shape{7, 3}, 9, 7, 2}, {Shape{13, 5}, 30, 11, 19}, {Shape{3, 129}, 8, 2, 1}} {
		cs = append(cs, of(check.Checked(c.s), c.images, shaders.Batch{Rows: uint32(c.rows), Offset: c.offset}, r))
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	return []check.Case{of(s, s.N, shaders.Batch{Rows: uint32(s.N)}, r)}
}

func of(s Shape, images int, b shaders.Batch, r check.Rand) check.Case {
	values := r.Floats(images * s.K)
	order := make([]uint32, images)
	for i, v := range r.Perm(images) {
		order[i] = uint32(v)
	}
	return check.Of(s.Kernel(), refArgs{b, values, order, r.Zeros(s.N * s.K)}, s.Ref, check.Bound[refArgs]{})
}
