package ceiling

// Ref is the twin of [Copy.Kernel].
func (c Copy) Ref(a CopyArgs[[]float64]) { copy(a.Y, a.X) }

// Ref is the twin of [FMA.Kernel].
func (f FMA) Ref(a FMAArgs[[]float64]) {
	for i := range a.Y {
		lane, part := i/4%64, i%4
		m, v := a.X[part], a.X[4*(1+lane%4)+part]
		a.Y[i] = 0
		for k := range 8 {
			s := v + float64(k)
			for range 8 * f.Rounds {
				s = s*m + v
			}
			a.Y[i] += s
		}
	}
}
