package gcn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// TestRef: the mean is zero, the norm 55, and neither brightness nor contrast of
// the image changes the result.
func TestRef(t *testing.T) {
	c := Config{N: 2, Elems: 100}
	x := check.NewRand(3).Floats(200)
	for e := range 100 {
		x[100+e] = 0.25*x[e] + 0.125
	}
	y := make([]float64, 200)
	c.Ref(refArgs{X: x, Y: y})
	sum, squares := 0.0, 0.0
	for e, v := range y[:100] {
		sum += v
		squares += v * v
		assert.InDelta(t, v, y[100+e], 1e-12)
	}
	assert.InDelta(t, 0, sum, 1e-10)
	assert.InDelta(t, 55, math.Sqrt(squares), 1e-10)
}
