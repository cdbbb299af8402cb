package mse

import "wgnin/shaders"

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, shaders.Batch]) {
	clear(a.DX)
	clear(a.Row)
	mean := float64(s.consts().Mean)
	for n := range int(a.Batch.Rows) {
		for k := range s.K {
			d := a.X[n*s.Stride+k] - a.Target_[n*s.K+k]
			a.Row[2*n] += d * d * mean
			a.DX[n*s.Stride+k] = 2 * mean * d * float64(a.Batch.InvImages)
		}
	}
}
