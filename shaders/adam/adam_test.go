package adam

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// The expected values are PyTorch's:
//
//	for cls in torch.optim.Adam, torch.optim.AdamW:
//	    w = torch.tensor([1.], dtype=torch.float64, requires_grad=True)
//	    o = cls([w], lr=0.1, weight_decay=0.1)
//	    for g in (1., -2., .5): w.grad = torch.tensor([g], dtype=torch.float64); o.step(); print(w.item())
func TestRefIsPyTorchs(t *testing.T) {
	for decoupled, want := range map[bool][]float64{
		false: {0.900000001, 0.931064295, 0.937642155},
		true:  {0.890000001, 0.917710353, 0.922202316},
	} {
		s := Shape{Count: 4, Decay: 0.1, Decoupled: decoupled}
		require.NoError(t, s.Check())
		a := refArgs{shaders.Batch{}, []float64{0}, []float64{1}, []float64{0}, []float64{0}, make([]float64, 4)}
		for i, g := range []float64{1, -2, 0.5} {
			a.Batch = shaders.Batch{Rate: 0.1}
			a.Batch.Correction1, a.Batch.Correction2 = Corrections(i + 1)
			a.G[0] = g
			s.Ref(a)
			assert.InDelta(t, want[i], a.W[0], 1e-6)
		}
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "adam", Kind: "sign", Right: "decayed - batch", Wrong: "decayed + batch"},
	{Kernel: "adam", Kind: "sign", Right: "before - batch", Wrong: "before + batch"},
	{Kernel: "adam", Kind: "index", Right: "select(g[i] +", Wrong: "select(g[i + 1u] +"},
	{Kernel: "adam", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
	{Kernel: "adam", Kind: "mean", Right: "m[i] = mean;", Wrong: ""},
	{Kernel: "adam", Kind: "mean", Right: "Rest1 * slope", Wrong: "slope"},
	{Kernel: "adam", Kind: "square", Right: "v[i] = square;", Wrong: ""},
	{Kernel: "adam", Kind: "square", Right: "(slope * slope)", Wrong: "slope"},
	{Kernel: "adam", Kind: "correction", Right: "batch.correction1 * mean", Wrong: "mean"},
	{Kernel: "adam", Kind: "correction", Right: " * batch.correction2", Wrong: ""},
	{Kernel: "adam", Kind: "decay", Right: "g[i], Decoupled", Wrong: "g[i], !Decoupled"},
	{Kernel: "adam", Kind: "diverged", Right: " || metrics.diverged != 0.0", Wrong: ""},
	{Kernel: "adam", Kind: "overflow", Right: "if (overflows(w[i]))", Wrong: "if (false)"},
	{Kernel: "adam", Kind: "overflow", Right: "any(", Wrong: "all("},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
