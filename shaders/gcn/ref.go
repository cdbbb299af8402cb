package gcn

import "wgnin/shaders/gcn/contrast"

// Ref is the twin of [Shape.Kernel]. X and Y may be the same.
func (s Shape) Ref(a Args[[]float64]) {
	for n := range s.N {
		contrast.Normalise(a.Y[n*s.Elems:][:s.Elems], a.X[n*s.Elems:][:s.Elems])
	}
}
