package normalise

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64]) {
	for i, x := range a.X {
		a.Y[i] = (x - a.Mean[i%s.C]) / a.Deviation[i%s.C]
	}
}
