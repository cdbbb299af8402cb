package check

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Run detects a gradient whose element is wrong by a thousandth, and names the element.
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

// Run accepts the gradient of |x+3| + |x-2| if no value is near a kink, and refuses it if one is.
func TestAvoid(t *testing.T) {
	const step = 0.25
	x := []float64{-4, -3, -2.9, 0, 1.75, 2, 2.1}
	grad := make([]float64, len(x))
	g := Gradient{X: x, Grad: grad, Loss: func() float64 {
		sum := 0.0
		for i, v := range x {
			sum += math.Abs(v+3) + math.Abs(v-2)
			grad[i] = math.Copysign(1, v+3) + math.Copysign(1, v-2)
		}
		return sum
	}, Step: step, Terms: 2 * len(x), Magnitude: 100}
	g.Loss()
	g.Grad = slices.Clone(grad)
	assert.Greater(t, g.Run().Worst, 1.0)
	Avoid(x, 2*step, -3, 2)
	assert.Equal(t, []float64{-4, -2.5, -2.5, 0, 1.5, 2.5, 2.5}, x)
	g.Loss()
	g.Grad = slices.Clone(grad)
	assert.LessOrEqual(t, g.Run().Worst, 1.0)
}
