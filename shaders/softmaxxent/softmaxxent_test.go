package softmaxxent

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// The twin's gradient against central differences of its loss.
func TestRefGradient(t *testing.T) {
	s := Shape{N: 3, Classes: 5, Stride: 8}
	r := check.NewRand(5)
	a := refArgs{
		Batch: shaders.Batch{Rows: 3, InvImages: 0.25}, X: r.Tensor(3, 5, 8), Label: []uint32{0, 4, 2},
		DX: make([]float64, 24), Row: make([]float64, 6),
	}
	s.Ref(a)
	const h = 1e-5
	loss := func() float64 {
		b := a
		b.DX, b.Row = make([]float64, 24), make([]float64, 6)
		s.Ref(b)
		return (b.Row[0] + b.Row[2] + b.Row[4]) * 0.25
	}
	for i := range a.X {
		x := a.X[i]
		a.X[i] = x + h
		up := loss()
		a.X[i] = x - h
		down := loss()
		a.X[i] = x
		// Truncation is h^2/6 times the third derivative, which is below 1.
		assert.InDelta(t, (up-down)/(2*h), a.DX[i], 1e-9)
	}
}
