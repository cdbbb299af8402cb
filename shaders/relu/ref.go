package relu

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	for i, x := range a.X {
		a.Y[i] = max(x, 0)
	}
}

// BackwardRef is the twin of [Shape.Backward].
func (s Shape) BackwardRef(a BackwardArgs[[]float64]) {
	for i, y := range a.Y {
		a.DX[i] = 0
		if y > 0 {
			a.DX[i] = a.DY[i]
		}
	}
}
