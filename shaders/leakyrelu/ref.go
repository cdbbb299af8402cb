package leakyrelu

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	for i, x := range a.X {
		a.Y[i] = float64(s.Slope) * x
		if x > 0 {
			a.Y[i] = x
		}
	}
}

// BackwardRef is the twin of [Shape.Backward].
func (s Shape) BackwardRef(a BackwardArgs[[]float64]) {
	for i, x := range a.X {
		a.DX[i] = float64(s.Slope) * a.DY[i]
		if x > 0 {
			a.DX[i] = a.DY[i]
		}
	}
}
