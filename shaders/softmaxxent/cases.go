package softmaxxent

import (
	"math"

	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	refArgs   = Args[[]float64, []uint32, shaders.Batch]
	totalArgs = TotalArgs[[]float64, shaders.Batch]
)

// magnitude is what the errors of the kernel are relative to. With d = x -
// max, WGSL allows exp(d) an error of 3+2|d| units in the last place and log 3
// (or 2^-21 near 1), and x, max and the sum of exponentials pass through.
func (s Shape) magnitude(a refArgs) {
	clear(a.DX)
	for n := range s.N {
		x := a.X[n*s.Stride:][:s.Classes]
		largest := 0.0
		for _, v := range x {
			largest = max(largest, v)
		}
		for c := range x {
			a.DX[n*s.Stride+c] = float64(a.Batch.InvImages)
		}
		a.Row[2*n] = 2*largest + math.Log(float64(s.Classes)) + 1
		a.Row[2*n+1] = 1
	}
}

// Cases are the conformance cases: whole and partial batches, small and huge
// logits, all logits equal.
func Cases() []check.Case {
	r := check.NewRand(4)
	var cs []check.Case
	for _, c := range []struct {
		s     Shape
		rows  int
		scale float64
		first uint32
	}{
		{Shape{1, 1, 4}, 1, 1, 1}, {Shape{8, 10, 12}, 8, 0, 1}, {Shape{65, 10, 12}, 33, 3, 0},
		{Shape{128, 100, 100}, 127, 30, 1}, {Shape{3, 7, 8}, 1, 1000, 0}, {Shape{2, 1000, 1000}, 2, 5, 1},
	} {
		x := r.Tensor(c.s.N, c.s.Classes, c.s.Stride)
		largest := 0.0
		for i := range x {
			x[i] = float64(float32(x[i] * c.scale))
			largest = max(largest, math.Abs(x[i]))
		}
		label := make([]uint32, c.s.N)
		for i := range label {
			label[i] = uint32(r.IntN(c.s.Classes))
		}
		b := shaders.Batch{Rows: uint32(c.rows), InvImages: 1 / float32(c.rows), First: c.first}
		row := r.Floats(2 * c.s.N)
		cs = append(cs,
			check.Of(c.s.Kernel(), refArgs{Batch: b, X: x, Label: label, DX: make([]float64, len(x)), Row: make([]float64, 2*c.s.N)},
				c.s.Ref, check.Bound[refArgs]{Terms: c.s.Classes, Magnitude: c.s.magnitude, Ulps: 16}),
			check.Of(c.s.Total(), totalArgs{b, row, r.Floats(4)}, c.s.TotalRef, check.Bound[totalArgs]{Terms: c.s.N + 1}))
	}
	return cs
}
