package mse

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// The expected values are PyTorch's:
//
//	x = torch.tensor([[1., -2., .5], [0., 3., -1.]], requires_grad=True)
//	l = torch.nn.MSELoss()(x, torch.tensor([[2., 0., .5], [1., 1., 1.]]))
//	l.backward(); print(l, x.grad)
func TestRefIsPyTorchs(t *testing.T) {
	s := Shape{2, 3, 1, 3}
	a := refArgs{shaders.Batch{Rows: 2, InvImages: 0.5}, []float64{1, -2, 0.5, 0, 3, -1}, []float64{2, 0, 0.5, 1, 1, 1},
		make([]float64, 6), make([]float64, 4)}
	s.Ref(a)
	assert.InDelta(t, 2.33333333, (a.Row[0]+a.Row[2])/2, 1e-6)
	assert.InDeltaSlice(t, []float64{-0.33333333, -0.66666667, 0, -0.33333333, 0.66666667, -0.66666667}, a.DX, 1e-6)
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding, and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "mse", Kind: "sign", Right: "x[at] - target", Wrong: "x[at] + target"},
	{Kernel: "mse", Kind: "index", Right: "(n * C + c) * Pixels + p", Wrong: "(n * Pixels + p) * C + c"},
	{Kernel: "mse", Kind: "unwritten", Right: "c < Stride", Wrong: "c < C"},
	{Kernel: "mse", Kind: "padding", Right: "c < C &&", Wrong: "c <= C &&"},
	{Kernel: "mse", Kind: "pixels", Right: "p < Pixels", Wrong: "p < Pixels - 1u"},
	{Kernel: "mse", Kind: "pixels", Right: "(n * Pixels + p) * Stride", Wrong: "(n + p) * Stride"},
	{Kernel: "mse", Kind: "masked", Right: "n < batch.rows", Wrong: "n <= batch.rows"},
	{Kernel: "mse", Kind: "mean", Right: "sum * Mean", Wrong: "sum"},
	{Kernel: "mse", Kind: "mean", Right: "(2.0 * Mean", Wrong: "(2.0"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
