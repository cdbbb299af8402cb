package conv2d

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) {
	checktest.Run(t, Cases(gputest.Device(t)))
}

// A convolution is linear in x and, bias included, in w: with L = <dY, y>, the
// twins' gradients must satisfy L(x+h) - L(x-h) = 2 <dX, h> for any h, exactly
// but for float64 rounding, and the same for w. This is the central difference
// of all elements at once.
func TestRefGradients(t *testing.T) {
	r := check.NewRand(9)
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	for _, s := range shapes()[5:] {
		s.Lanes = 8
		t.Run(s.String(), func(t *testing.T) {
			inPixels, outPixels := s.N*s.InH*s.InW, s.N*s.OutH()*s.OutW()
			x, hx := r.Tensor(inPixels, s.InC, s.InStride), r.Tensor(inPixels, s.InC, s.InStride)
			w, hw := r.Tensor(s.Rows(), s.OutC, s.OutStride()), r.Tensor(s.Rows(), s.OutC, s.OutStride())
			dY := r.Tensor(outPixels, s.OutC, s.OutStride())
			loss := func(scaleX, scaleW float64) float64 {
				px, pw := make([]float64, len(x)), make([]float64, len(w))
				for i := range x {
					px[i] = x[i] + scaleX*hx[i]
				}
				for i := range w {
					pw[i] = w[i] + scaleW*hw[i]
				}
				y := make([]float64, s.Out())
				s.ForwardRef(false)(ForwardArgs[[]float64]{px, pw, y})
				return dot(y, dY)
			}
			wT, dX := make([]float64, s.Transposed()), make([]float64, s.In())
			s.TransposeRef(TransposeArgs[[]float64]{w, wT})
			s.DXRef(DXArgs[[]float64]{dY, wT, dX})
			part, dW := make([]float64, s.Part()), make([]float64, s.Weights())
			s.DWRef(DWArgs[[]float64]{x, dY, part})
			for i, v := range part {
				dW[i%len(dW)] += v
			}
			tol := 1e-12 * float64(len(dY)*s.Rows())
			assert.InDelta(t, loss(1, 0)-loss(-1, 0), 2*dot(dX, hx), tol)
			assert.InDelta(t, loss(0, 1)-loss(0, -1), 2*dot(dW, hw), tol)
		})
	}
}
