package input

import (
	"wgnin/shaders"
	"wgnin/shaders/check"
)

type refArgs = Args[[]float64, []uint32, []int32, shaders.Batch]

// Cases returns the conformance cases: growing, shrinking, unchanged, colour, odd sizes, a partial
// batch, the second of several pixel buffers.
func Cases() []check.Case {
	r := check.NewRand(7)
	var cs []check.Case
	for _, c := range []struct {
		s    Shape
		rows int
	}{
		{Shape{N: 3, C: 1, InH: 28, InW: 28, OutH: 224, OutW: 224, Count: 7}, 3},
		{Shape{N: 2, C: 3, InH: 32, InW: 32, OutH: 32, OutW: 32, Count: 5}, 1},
		{Shape{N: 4, C: 3, InH: 31, InW: 17, OutH: 13, OutW: 47, Count: 3}, 3},
		{Shape{N: 1, C: 1, InH: 1, InW: 1, OutH: 1, OutW: 5, Count: 1}, 1},
		{Shape{N: 5, C: 2, InH: 40, InW: 9, OutH: 7, OutW: 4, Count: 11}, 5},
		{Shape{N: 3, C: 1, InH: 6, InW: 5, OutH: 8, OutW: 5, First: 4, Count: 6}, 3},
	} {
		cs = append(cs, of(check.Checked(c.s), c.rows, r))
	}
	return cs
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case { return []check.Case{of(s, s.N, r)} }

func of(s Shape, rows int, r check.Rand) check.Case {
	x := r.Zeros(s.N * s.OutH * s.OutW * s.C)
	pixels := make([]uint8, r.Size(s.Count*s.C*s.InH*s.InW))
	for i := range pixels {
		pixels[i] = uint8(r.Uint32())
	}
	labels := make([]uint16, s.Count)
	for i := range labels {
		labels[i] = uint16(r.Uint32())
	}
	order := make([]uint32, 2+s.N)
	for i := range order {
		order[i] = uint32(s.First + r.IntN(s.Count))
	}
	return check.Of(s.Kernel(), refArgs{
		Batch:  shaders.Batch{Rows: uint32(rows), Offset: 2},
		Pixels: Pack(pixels), Labels: Pack(labels), Order: order, Taps: s.Taps(),
		X: x, Target_: make([]uint32, s.N),
		// WGSL allows the division by 255 an error of 2.5 units in the last place.
	}, s.Ref, check.Bound[refArgs]{Ulps: 2.5})
}
