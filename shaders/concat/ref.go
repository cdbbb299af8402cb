package concat

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	for p := range s.Pixels {
		for c := range s.C {
			a.Y[p*s.YStride+s.First+c] = a.X[p*s.XStride+c]
		}
		if s.Last {
			clear(a.Y[p*s.YStride+s.First+s.C : (p+1)*s.YStride])
		}
	}
}

// BackwardRef is the twin of [Shape.Backward].
func (s Shape) BackwardRef(a BackwardArgs[[]float64]) {
	clear(a.DX)
	for p := range s.Pixels {
		for c := range s.C {
			a.DX[p*s.XStride+c] = a.DY[p*s.YStride+s.First+c]
		}
	}
}
