package softmaxxent

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// The expected values are PyTorch's:
//
//	f = torch.nn.CrossEntropyLoss(weight=torch.tensor([1., 2., .5], dtype=torch.float64),
//	    label_smoothing=0.1)
//	x = torch.tensor([[1., -2., .5], [0., 3., -1.]], dtype=torch.float64, requires_grad=True)
//	l = f(x, torch.tensor([2, 1])); l.backward(); print(l, x.grad)
func TestWeightedIsPyTorchs(t *testing.T) {
	w := Weighted{Shape{2, 3, 3}, 0.1}
	a := weightedArgs{
		shaders.Batch{Rows: 2, InvImages: 1 / 2.5}, []float64{1, -2, 0.5, 0, 3, -1}, []uint32{2, 1},
		[]float64{1, 2, 0.5}, make([]float64, 6), make([]float64, 4),
	}
	w.Ref(a)
	assert.InDelta(t, 0.404886291, (a.Row[0]+a.Row[2])/2.5, 1e-7)
	assert.InDeltaSlice(t, []float64{0.123516416, -0.019853319, -0.103663098, 0.022403011, -0.028883010, 0.006480000},
		a.DX, 1e-7)
}

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "softmaxxent", Kind: "sign", Right: "/ sum) - share", Wrong: "/ sum) + share"},
	{Kernel: "softmaxxent", Kind: "index", Right: "share(c, label[n])", Wrong: "share(c + 1u, label[n])"},
	{Kernel: "softmaxxent", Kind: "index", Right: "var c = 1u", Wrong: "var c = 2u"},
	{Kernel: "softmaxxent", Kind: "unwritten", Right: "c < Stride", Wrong: "c < Stride - 1u"},
	{Kernel: "softmaxxent", Kind: "padding", Right: "c < Classes) {\n", Wrong: "c <= Classes) {\n"},
	{Kernel: "softmaxxent", Kind: "masked", Right: "n < batch.rows", Wrong: "n <= batch.rows"},
	{Kernel: "softmaxxent", Kind: "ties", Right: "v > largest", Wrong: "v >= largest"},
	{Kernel: "softmaxxent", Kind: "overflow", Right: "exp(x[at + c] - largest);", Wrong: "exp(x[at + c]);"},
	{Kernel: "softmaxxent/weighted", Kind: "sign", Right: "largest - x[at + c])", Wrong: "largest + x[at + c])"},
	{Kernel: "softmaxxent/weighted", Kind: "index", Right: "weight[c]", Wrong: "weight[label]"},
	{Kernel: "softmaxxent/weighted", Kind: "unwritten", Right: "c < Stride", Wrong: "c < Stride - 1u"},
	{Kernel: "softmaxxent/weighted", Kind: "padding", Right: "c < Classes) {\n      g",
		Wrong: "c <= Classes) {\n      g"},
	{Kernel: "softmaxxent/weighted", Kind: "smoothing", Right: "Each + select", Wrong: "select"},
	{Kernel: "softmaxxent/weighted", Kind: "smoothing", Right: "(0.0, Rest,", Wrong: "(0.0, 1.0,"},
	{Kernel: "softmaxxent/weighted", Kind: "mass", Right: "total * (exp", Wrong: "(exp"},
	{Kernel: "softmaxxent/weighted", Kind: "masked", Right: "n < batch.rows", Wrong: "n <= batch.rows"},
	{Kernel: "softmaxxent/total", Kind: "sign", Right: "sum + row", Wrong: "sum - row"},
	{Kernel: "softmaxxent/total", Kind: "index", Right: "row[n]", Wrong: "row[n + 1u]"},
	{Kernel: "softmaxxent/total", Kind: "unwritten", Right: "metrics.correct = now.y;", Wrong: ""},
	{Kernel: "softmaxxent/total", Kind: "diverged", Right: "overflows(now.xxxx) || ", Wrong: ""},
	{Kernel: "softmaxxent/total", Kind: "diverged", Right: " || atomicLoad(&metrics.overflow) != 0u", Wrong: ""},
	{Kernel: "softmaxxent/total", Kind: "diverged", Right: "overflows(now.xxxx)", Wrong: "overflows(sum.xxxx)"},
	{Kernel: "softmaxxent/total", Kind: "diverged", Right: "metrics.correct = now.y;",
		Wrong: "metrics.correct = now.y;\n  metrics.diverged = 0.0;"},
	{Kernel: "softmaxxent/total", Kind: "first", Right: "batch.first == 1u", Wrong: "true"},
	{Kernel: "softmaxxent/total", Kind: "first", Right: "batch.first == 1u", Wrong: "false"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
