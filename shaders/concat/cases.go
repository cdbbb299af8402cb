package concat

import (
	"slices"

	"wgnin/shaders/check"
)

type (
	forwardArgs  = ForwardArgs[[]float64]
	backwardArgs = BackwardArgs[[]float64]
)

// joins are whole concatenations: of one tensor; of channels that are multiples of 4, with odd ones
// before and after them; of tensors whose strides are not multiples of 4; into a y without padding,
// with padding, and with more than four channels of padding.
var joins = [][]Shape{
	Parts(1, 1, X{1, 1}),
	Parts(7, 4, X{3, 4}),
	Parts(65, 12, X{4, 4}, X{8, 8}),
	Parts(21, 24, X{8, 12}, X{4, 4}, X{10, 12}),
	Parts(13, 16, X{4, 8}, X{3, 4}, X{5, 8}),
	Parts(5, 20, X{7, 8}, X{4, 4}, X{1, 4}),
	Parts(63, 6, X{2, 3}, X{3, 3}),
	Parts(9, 8, X{1, 1}, X{4, 5}, X{2, 2}),
	Parts(3, 160, X{64, 64}, X{96, 96}),
}

// Cases returns the conformance cases. The padding of the inputs is not zero, and neither is y
// before the run.
func Cases() []check.Case {
	r := check.NewRand(26)
	var cs []check.Case
	for _, s := range slices.Concat(joins...) {
		cs = append(cs, Sized(check.Checked(s), r)...)
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	x, y := r.Floats(s.Pixels*s.XStride), r.Floats(s.Pixels*s.YStride)
	f := check.Of(s.Forward(), forwardArgs{x, y}, s.ForwardRef, check.Bound[forwardArgs]{})
	f.Variant = s.forwardElem().Variant()
	b := check.Of(s.Backward(), backwardArgs{y, make([]float64, len(x))}, s.BackwardRef, check.Bound[backwardArgs]{})
	b.Variant = s.backwardElem().Variant()
	return []check.Case{f, b}
}

// Gradients returns the checks of the twins' backward passes.
func Gradients() []check.Gradient {
	r := check.NewRand(27)
	var gs []check.Gradient
	for _, parts := range joins {
		n := parts[0].Pixels * parts[0].YStride
		y, dY := make([]float64, n), r.Floats(n)
		xs := make([][]float64, len(parts))
		for i, s := range parts {
			xs[i] = r.Floats(s.Pixels * s.XStride)
		}
		for i, s := range parts {
			dX := make([]float64, len(xs[i]))
			s.BackwardRef(backwardArgs{dY, dX})
			gs = append(gs, check.Gradient{
				Op: "concat", Detail: s.Forward().Detail, X: xs[i], Grad: dX,
				Loss: func() float64 {
					for i, s := range parts {
						s.ForwardRef(forwardArgs{xs[i], y})
					}
					return check.Dot(y, dY)
				},
				Step: 1, Terms: n, Magnitude: 2 * float64(n), // |x| < 2
			})
		}
	}
	return gs
}
