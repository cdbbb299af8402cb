package normalise

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// The expected values are torchvision's:
//
//	x = torch.tensor([[0.2, 0.4], [1.0, 0.0]]).reshape(2, 1, 2)  # [C,H,W]
//	print(torchvision.transforms.Normalize([0.5, 0.25], [0.5, 0.125])(x))
func TestRefIsTorchvisions(t *testing.T) {
	a := refArgs{X: []float64{0.2, 1, 0.4, 0}, Mean: []float64{0.5, 0.25}, Deviation: []float64{0.5, 0.125},
		Y: make([]float64, 4)}
	Shape{Elems: 4, C: 2}.Ref(a)
	assert.InDeltaSlice(t, []float64{-0.6, 6, -0.2, -2}, a.Y, 1e-12)
}

func TestCheck(t *testing.T) {
	assert.ErrorContains(t, Shape{Elems: 0, C: 1}.Check(), "want at least 1")
	assert.ErrorContains(t, Shape{Elems: 4, C: 0}.Check(), "want at least 1")
	assert.ErrorContains(t, Shape{Elems: 4, C: 3}.Check(), "want a multiple of the channels")
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "normalise", Kind: "sign", Right: "x[i] - ", Wrong: "x[i] + "},
	{Kernel: "normalise", Kind: "index", Right: "mean[i % C]", Wrong: "mean[(i + 1u) % C]"},
	{Kernel: "normalise", Kind: "index", Right: "deviation[i % C]", Wrong: "deviation[0]"},
	{Kernel: "normalise", Kind: "unwritten", Right: "i < Elems", Wrong: "i + 1u < Elems"},
	{Kernel: "normalise", Kind: "reciprocal", Right: ") / ", Wrong: ") * "},
	{Kernel: "normalise", Kind: "order", Right: "(x[i] - mean[i % C]) / deviation[i % C]",
		Wrong: "x[i] / deviation[i % C] - mean[i % C]"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
