package add

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	clear(a.Y)
	for p := range s.Pixels {
		for c := range s.C {
			a.Y[p*s.YStride+c] = a.A[p*s.AStride+c] + a.B[p*s.BStride+c]
		}
	}
}

// AccumulateRef is the twin of [Shape.Accumulate].
func (s Shape) AccumulateRef(a AccumulateArgs[[]float64]) {
	for i, x := range a.X {
		a.Acc[i] += x
	}
}

// Ref is the twin of [Tree.Kernel].
func (t Tree) Ref(a TreeArgs[[]float64]) {
	for j := range t.Count {
		a.Sum[j] = 0
		for i := range t.Parts {
			a.Sum[j] += a.Part[i*t.Count+j]
		}
	}
}
