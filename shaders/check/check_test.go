package check

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A gradient with one element wrong by a thousandth is refused, and the element
// named.
func TestGradientNamesTheElement(t *testing.T) {
	r := NewRand(1)
	const n = 100
	x, w := r.Floats(n), r.Floats(n)
	g := Gradient{X: x, Grad: append([]float64(nil), w...), Loss: func() float64 {
		return Dot(x, w)
	}, Step: 1, Terms: n, Magnitude: 2 * n}
	assert.LessOrEqual(t, g.Run().Worst, 1.0)
	before := append([]float64(nil), x...)
	g.Grad[37] *= 1.001
	res := g.Run()
	assert.Greater(t, res.Worst, 1.0)
	assert.Contains(t, res.Where, "gradient[37] is")
	assert.Equal(t, before, x)
}

func TestDistinct(t *testing.T) {
	for _, n := range []int{1, 2, 101, 256} {
		x := NewRand(2).Distinct(n)
		for i, v := range x {
			assert.GreaterOrEqual(t, math.Abs(v), 0.499/float64(n))
			for _, w := range x[:i] {
				assert.GreaterOrEqual(t, math.Abs(v-w), 1.999/float64(n))
			}
		}
	}
}
