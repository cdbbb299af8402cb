package prelu

import "wgnin/shaders"

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	for i, x := range a.X {
		a.Y[i] = x
		if !(x > 0) {
			a.Y[i] = a.Slope[i%s.Stride] * x
		}
	}
}

// BackwardRef is the twin of [Shape.Backward].
func (s Shape) BackwardRef(a BackwardArgs[[]float64]) {
	for i, x := range a.X {
		a.DX[i] = a.DY[i]
		if !(x > 0) {
			a.DX[i] = a.Slope[i%s.Stride] * a.DY[i]
		}
	}
}

// SlopeRef is the twin of [Shape.SlopeGradient].
func (s Shape) SlopeRef(a SlopeArgs[[]float64, shaders.Batch]) {
	if a.Batch.First == 1 {
		clear(a.DSlope)
	}
	for i, x := range a.X {
		if !(x > 0) {
			a.DSlope[i%s.Stride] += x * a.DY[i]
		}
	}
}
