package dropout

import "wgnin/shaders"

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, shaders.Batch]) {
	k := s.consts()
	for n := range s.Rows {
		for i := range s.RowElems {
			bits := shaders.RandomBits(a.Batch.Seed, a.Batch.Step, s.Stream, a.Batch.Row0+uint32(n), uint32(i))
			e := n*s.RowElems + i
			a.Y[e] = 0
			if bits >= k.Threshold {
				a.Y[e] = a.X[e] * float64(k.Scale)
			}
		}
	}
}
