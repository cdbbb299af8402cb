package ceiling

import (
	"testing"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// mutants have a changed sign, an index that is off by one and an element that
// is not written in each kernel, a padding error where there is padding, one
// without each barrier, and mistakes of their own.
var mutants = []checktest.Mutant{
	{Kernel: "ceiling/copy", Kind: "sign", Right: "= x[i]", Wrong: "= -x[i]"},
	{Kernel: "ceiling/copy", Kind: "index", Right: "= x[i]", Wrong: "= x[i + 1u]"},
	{Kernel: "ceiling/copy", Kind: "unwritten", Right: "i < Count", Wrong: "i + 1u < Count"},
	{Kernel: "ceiling/fma", Kind: "sign", Right: "(s * m + v)", Wrong: "(s * m - v)"},
	{Kernel: "ceiling/fma", Kind: "index", Right: "x[1u + lane % 4u]", Wrong: "x[lane % 4u]"},
	{Kernel: "ceiling/fma", Kind: "unwritten", Right: "  y[i] = ", Wrong: "  if (lane == 5u) { return; }\n  y[i] = "},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
