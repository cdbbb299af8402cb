package mse

import "wgnin/shaders"

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, shaders.Batch]) {
	clear(a.DX)
	clear(a.Row)
	mean := float64(s.consts().Mean)
	for n := range int(a.Batch.Rows) {
		for p := range s.Pixels {
			for c := range s.C {
				at := (n*s.Pixels+p)*s.Stride + c
				d := a.X[at] - a.Target_[(n*s.C+c)*s.Pixels+p]
				a.Row[2*n] += d * d * mean
				a.DX[at] = 2 * mean * d * float64(a.Batch.InvImages)
			}
		}
	}
}
