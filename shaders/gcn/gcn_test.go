package gcn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// TestRef checks that the mean is zero and the norm 55, and that the brightness and the contrast of
// the image do not change the result.
func TestRef(t *testing.T) {
	s := Shape{N: 2, Elems: 100}
	x := check.NewRand(3).Floats(200)
	for e := range 100 {
		x[100+e] = 0.25*x[e] + 0.125
	}
	y := make([]float64, 200)
	s.Ref(refArgs{X: x, Y: y})
	sum, squares := 0.0, 0.0
	for e, v := range y[:100] {
		sum += v
		squares += v * v
		assert.InDelta(t, v, y[100+e], 1e-12)
	}
	assert.InDelta(t, 0, sum, 1e-10)
	assert.InDelta(t, 55, math.Sqrt(squares), 1e-10)
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "gcn", Kind: "sign", Right: "base - mean) * factor", Wrong: "base + mean) * factor"},
	{Kernel: "gcn", Kind: "sign", Right: "let d = x[first + e] - base - mean",
		Wrong: "let d = x[first + e] - base + mean"},
	{Kernel: "gcn", Kind: "index", Right: "group * Elems", Wrong: "group"},
	{Kernel: "gcn", Kind: "index", Right: "x[first + e] - base);", Wrong: "x[first] - base);"},
	{Kernel: "gcn", Kind: "unwritten", Right: "var e = lane; e < Elems", Wrong: "var e = lane; e + 1u < Elems"},
	{Kernel: "gcn", Kind: "norm", Right: "sqrt(squares)", Wrong: "squares"},
	{Kernel: "gcn", Kind: "flat", Right: "let base = x[first];", Wrong: "let base = 0.0;"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
