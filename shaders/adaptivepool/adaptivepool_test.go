package adaptivepool

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// The expected values are PyTorch's:
//
//	x = torch.arange(5.).reshape(1, 1, 1, 5).requires_grad_()
//	y = torch.nn.AdaptiveAvgPool2d((1, 3))(x)
//	y.backward(torch.tensor([[[[2., 3., 4.]]]])); print(y, x.grad)
func TestRefIsPyTorchs(t *testing.T) {
	s := Shape{N: 1, C: 1, InH: 1, InW: 5, OutH: 1, OutW: 3}
	y, dX := make([]float64, 3), make([]float64, 5)
	s.ForwardRef(forwardArgs{[]float64{0, 1, 2, 3, 4}, y})
	s.BackwardRef(backwardArgs{[]float64{2, 3, 4}, dX})
	assert.Equal(t, []float64{0.5, 2, 3.5}, y)
	assert.Equal(t, []float64{1, 2, 1, 3, 2}, dX)
}

func TestCheck(t *testing.T) {
	assert.ErrorContains(t, Shape{1, 4, 7, 7, 0, 3}.Check(), "want at least 1")
	assert.ErrorContains(t, Shape{1, 4, 7, 7, 1 << 20, 3}.Check(), "want at most 32768")
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and windows that round the wrong way.
var mutants = []checktest.Mutant{
	{Kernel: "adaptivepool/forward", Kind: "sign", Right: "sum + x", Wrong: "sum - x"},
	{Kernel: "adaptivepool/forward", Kind: "index", Right: "InH + h)", Wrong: "InH + h + 1u)"},
	{Kernel: "adaptivepool/forward", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "adaptivepool/forward", Kind: "rounding", Right: "+ m - 1u", Wrong: ""},
	{Kernel: "adaptivepool/forward", Kind: "rounding", Right: "return o * n / m", Wrong: "return (o * n + m - 1u) / m"},
	{Kernel: "adaptivepool/backward", Kind: "sign", Right: "sum + dY", Wrong: "sum - dY"},
	{Kernel: "adaptivepool/backward", Kind: "index", Right: "OutW + ow)", Wrong: "OutW + ow + 1u)"},
	{Kernel: "adaptivepool/backward", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "adaptivepool/backward", Kind: "rounding", Right: "+ m - 1u", Wrong: ""},
	{Kernel: "adaptivepool/backward", Kind: "divisor", Right: "rows * columns", Wrong: "rows"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
