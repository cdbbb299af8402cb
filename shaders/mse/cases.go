package mse

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type refArgs = Args[[]float64, shaders.Batch]

// magnitude is the twin with the sum of the absolute values in place of each difference.
func (s Shape) magnitude(a refArgs) {
	for i := range a.Target_ {
		a.Target_[i] = -a.Target_[i]
	}
	s.Ref(a)
}

// bound returns the error bound of the kernel. A difference has an error of 1u of its terms, and
// its square 3u. There are C*Pixels sums, and the product with the mean adds one more. The gradient
// has three products.
func (s Shape) bound() check.Bound[refArgs] {
	return check.Bound[refArgs]{Terms: s.C*s.Pixels + 4, Magnitude: s.magnitude}
}

// Cases returns the conformance cases: vectors and images, whole and partial batches, with padding
// and without.
func Cases() []check.Case {
	r := check.NewRand(16)
	var cs []check.Case
	for _, c := range []struct {
		s    Shape
		rows int
	}{
		{Shape{1, 1, 1, 4}, 1}, {Shape{8, 10, 1, 12}, 8}, {Shape{65, 3, 1, 4}, 33}, {Shape{3, 257, 1, 260}, 2},
		{Shape{128, 4, 1, 4}, 127},
		{Shape{2, 3, 35, 4}, 2}, {Shape{65, 1, 12, 4}, 64},
	} {
		cs = append(cs, of(check.Checked(c.s), c.rows, r))
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case { return []check.Case{of(s, s.N, r)} }

func of(s Shape, rows int, r check.Rand) check.Case {
	b := shaders.Batch{Rows: uint32(rows), InvImages: 1 / float32(rows)}
	x := r.Tensor(s.N*s.Pixels, s.C, s.Stride)
	a := refArgs{b, x, r.Floats(s.N * s.C * s.Pixels), make([]float64, len(x)), r.Zeros(2 * s.N)}
	return check.Of(s.Kernel(), a, s.Ref, s.bound())
}

// Gradients returns the checks of the twin's gradient. The loss is quadratic, so finite differences
// are exact for any step.
func Gradients() []check.Gradient {
	r := check.NewRand(17)
	s := Shape{4, 5, 2, 8}
	a := refArgs{shaders.Batch{Rows: 3, InvImages: 0.25}, r.Tensor(8, 5, 8), r.Floats(40), make([]float64, 64),
		make([]float64, 8)}
	s.Ref(a)
	grad := append([]float64(nil), a.DX...)
	return []check.Gradient{{
		Op: "mse", Detail: "4x5x2, 3 rows", X: a.X, Grad: grad,
		Loss: func() float64 {
			s.Ref(a)
			return (a.Row[0] + a.Row[2] + a.Row[4]) * float64(a.Batch.InvImages)
		},
		Step: 1, Terms: 44, Magnitude: 3 * 0.25 * 9, // differences of at most 3
	}}
}
