package dropout

import "wgnin/shaders"

// Ref is the twin of [Kernel].
func (c Config) Ref(a Args[[]float64, shaders.Batch]) {
	k := c.consts()
	for n := range c.Rows {
		for i := range c.RowElems {
			bits := shaders.RandomBits(a.Batch.Seed, a.Batch.Step, c.Stream, a.Batch.Row0+uint32(n), uint32(i))
			e := n*c.RowElems + i
			a.Y[e] = 0
			if bits >= k.Threshold {
				a.Y[e] = a.X[e] * float64(k.Scale)
			}
		}
	}
}
