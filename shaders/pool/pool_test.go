package pool

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

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
