package pool

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// torch.nn.MaxPool2d(k, s, p, ceil_mode=c)(torch.zeros(1,1,n,n)).shape[-1]
func TestOutputSizes(t *testing.T) {
	for _, c := range []struct {
		in, k, s, p int
		ceil        bool
		out         int
	}{
		{54, 3, 2, 0, false, 26}, {32, 3, 2, 0, true, 16}, {32, 3, 2, 0, false, 15}, {16, 3, 2, 0, true, 8},
		{7, 2, 3, 1, true, 3}, {5, 2, 2, 1, true, 3}, {3, 2, 2, 1, true, 2}, {5, 3, 2, 1, true, 3}, {1, 1, 1, 0, true, 1},
	} {
		w := square(c.in, c.k, c.s, c.p, c.ceil)
		assert.Equal(t, c.out, w.OutH(), "%+v", c)
	}
}

// Pooling is linear in x as long as no window changes its largest pixel, so
// central differences of L = <dY, y> are exact but for float64 rounding.
func TestRefGradients(t *testing.T) {
	r := check.NewRand(10)
	for _, s := range shapes {
		s.ReLU = false // its floor is tested with the kernel
		t.Run(s.String(), func(t *testing.T) {
			x, dY := r.Floats(s.In()), r.Floats(s.Out())
			forward := map[string]func(x, y []float64){
				"max": func(x, y []float64) {
					s.MaxForwardRef(MaxForwardArgs[[]float64, []uint32]{x, y, make([]uint32, s.Out())})
				},
				"avg": func(x, y []float64) { s.AvgForwardRef(AvgForwardArgs[[]float64]{x, y}) },
			}
			index, y := make([]uint32, s.Out()), make([]float64, s.Out())
			s.MaxForwardRef(MaxForwardArgs[[]float64, []uint32]{x, y, index})
			dX := map[string][]float64{"max": make([]float64, s.In()), "avg": make([]float64, s.In())}
			s.MaxBackwardRef(MaxBackwardArgs[[]float64, []uint32]{dY, index, dX["max"]})
			s.AvgBackwardRef(AvgBackwardArgs[[]float64]{dY, dX["avg"]})
			for name, f := range forward {
				loss := func() (sum float64) {
					f(x, y)
					for i := range y {
						sum += y[i] * dY[i]
					}
					return sum
				}
				const h = 1e-7 // far below the distance of two random values
				for i := 0; i < len(x); i += 1 + len(x)/50 {
					old := x[i]
					x[i] = old + h
					up := loss()
					x[i] = old - h
					down := loss()
					x[i] = old
					// Rounding: 1e-16 times the sum of |y dY|, over 2h.
					assert.InDelta(t, (up-down)/(2*h), dX[name][i], 1e-9*float64(len(y)), "%s[%d]", name, i)
				}
			}
		})
	}
}
