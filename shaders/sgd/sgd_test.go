package sgd

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// The expected values are PyTorch's:
//
//	w = torch.tensor([1.], requires_grad=True)
//	o = torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.01)
//	for g in (1., -2., .5): w.grad = torch.tensor([g]); o.step(); print(w.item())
func TestRefIsPyTorchs(t *testing.T) {
	s := Shape{Count: 1, Momentum: 0.9, Decay: 0.01}
	a := momentumArgs{shaders.Batch{Rate: 0.1}, []float64{0}, []float64{1}, []float64{0}, make([]float64, 4)}
	for i, g := range []float64{1, -2, 0.5} {
		a.G[0] = g
		s.WithMomentumRef(a)
		assert.InDelta(t, []float64{0.899, 1.007201, 1.0535747}[i], a.W[0], 1e-6)
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "sgd", Kind: "sign", Right: "w[i] - batch.rate", Wrong: "w[i] + batch.rate"},
	{Kernel: "sgd", Kind: "sign", Right: "+ Decay", Wrong: "- Decay"},
	{Kernel: "sgd", Kind: "index", Right: "g[i]", Wrong: "g[i + 1u]"},
	{Kernel: "sgd", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
	{Kernel: "sgd/momentum", Kind: "sign", Right: "v[i] + slope", Wrong: "v[i] - slope"},
	{Kernel: "sgd/momentum", Kind: "index", Right: "g[i]", Wrong: "g[i + 1u]"},
	{Kernel: "sgd/momentum", Kind: "unwritten", Right: "v[i] = step;", Wrong: ""},
	{Kernel: "sgd/momentum", Kind: "nesterov", Right: "slope + Momentum * step", Wrong: "slope + step"},
	{Kernel: "sgd/momentum", Kind: "nesterov", Right: "Momentum * step, Nesterov", Wrong: "Momentum * step, !Nesterov"},
	{Kernel: "sgd", Kind: "diverged", Right: " || metrics.diverged != 0.0", Wrong: ""},
	{Kernel: "sgd/momentum", Kind: "diverged", Right: " || metrics.diverged != 0.0", Wrong: ""},
	{Kernel: "sgd", Kind: "overflow", Right: "if (overflows(w[i]))", Wrong: "if (false)"},
	{Kernel: "sgd", Kind: "overflow", Right: "any(", Wrong: "all("},
	{Kernel: "sgd/momentum", Kind: "overflow", Right: "overflows(w[i])", Wrong: "overflows(v[i])"},
	{Kernel: "sgd/momentum", Kind: "overflow", Right: "0x7f800000u)) ==", Wrong: "0x7f800000u)) !="},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
