package relu

import (
	"testing"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "relu/forward", Kind: "sign", Right: "rectify(x[i]", Wrong: "rectify(-x[i]"},
	{Kernel: "relu/forward", Kind: "index", Right: "rectify(x[i]", Wrong: "rectify(x[i + 1u]"},
	{Kernel: "relu/forward", Kind: "unwritten", Right: "i < Count", Wrong: "i + 1u < Count"},
	{Kernel: "relu/forward", Kind: "nan", Right: "rectify(x[i])",
		Wrong: "select(vec4<f32>(), x[i], x[i] > vec4<f32>())"},
	{Kernel: "relu/backward", Kind: "sign", Right: " dY[i]", Wrong: " -dY[i]"},
	{Kernel: "relu/backward", Kind: "index", Right: "y[i] > ", Wrong: "y[i + 1u] > "},
	{Kernel: "relu/backward", Kind: "unwritten", Right: "i < Count", Wrong: "i < Count && i != Count / 2u"},
	{Kernel: "relu/backward", Kind: "zero", Right: "y[i] > ", Wrong: "y[i] >= "},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
