package leakyrelu

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// The expected values are PyTorch's:
//
//	x = torch.tensor([-2., 0., 3.], requires_grad=True)
//	y = torch.nn.functional.leaky_relu(x, 0.25)
//	y.backward(torch.tensor([1., 2., 4.])); print(y, x.grad)
func TestRefIsPyTorchs(t *testing.T) {
	s := Shape{Elems: 3, Slope: 0.25}
	x, y, dX := []float64{-2, 0, 3}, make([]float64, 3), make([]float64, 3)
	s.ForwardRef(forwardArgs{x, y})
	s.BackwardRef(backwardArgs{x, []float64{1, 2, 4}, dX})
	assert.Equal(t, []float64{-0.5, 0, 3}, y)
	assert.Equal(t, []float64{0.25, 0.5, 4}, dX)
}

func TestCheck(t *testing.T) {
	assert.ErrorContains(t, Shape{Elems: 0}.Check(), "want at least 1")
	assert.ErrorContains(t, Shape{Elems: 1, Slope: float32(math.Inf(1))}.Check(), "want a finite number")
	assert.ErrorContains(t, Shape{Elems: 1, Slope: float32(math.NaN())}.Check(), "want a finite number")
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "leakyrelu/forward", Kind: "sign", Right: "(Slope", Wrong: "(-Slope"},
	{Kernel: "leakyrelu/forward", Kind: "index", Right: "Slope * x[i]", Wrong: "Slope * x[i + 1u]"},
	{Kernel: "leakyrelu/forward", Kind: "unwritten", Right: "i < Count", Wrong: "i + 1u < Count"},
	{Kernel: "leakyrelu/forward", Kind: "slope", Right: "Slope * x[i]", Wrong: "x[i]"},
	{Kernel: "leakyrelu/backward", Kind: "sign", Right: ", dY[i]", Wrong: ", -dY[i]"},
	{Kernel: "leakyrelu/backward", Kind: "index", Right: "x[i] > ", Wrong: "x[i + 1u] > "},
	{Kernel: "leakyrelu/backward", Kind: "unwritten", Right: "i < Count", Wrong: "i < Count && i != Count / 2u"},
	{Kernel: "leakyrelu/backward", Kind: "zero", Right: "x[i] > ", Wrong: "x[i] >= "},
	{Kernel: "leakyrelu/backward", Kind: "slope", Right: "Slope * dY[i]", Wrong: "dY[i]"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
