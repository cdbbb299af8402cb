package sgd

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// w = torch.tensor([1.], requires_grad=True)
// o = torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.01)
// for g in (1., -2., .5): w.grad = torch.tensor([g]); o.step(); print(w.item())
func TestRefIsPyTorchs(t *testing.T) {
	c := Config{Count: 1, Momentum: 0.9, Decay: 0.01}
	a := momentumArgs{shaders.Batch{Rate: 0.1}, []float64{0}, []float64{1}, []float64{0}, make([]float64, 4)}
	for i, g := range []float64{1, -2, 0.5} {
		a.G[0] = g
		c.MomentumRef(a)
		assert.InDelta(t, []float64{0.899, 1.007201, 1.0535747}[i], a.W[0], 1e-6)
	}
}
