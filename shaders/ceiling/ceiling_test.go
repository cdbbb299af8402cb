package ceiling

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestCheck(t *testing.T) {
	assert.ErrorContains(t, Memory{4, 4}.Check(), "4 values; want a multiple of 4096")
	assert.ErrorContains(t, Memory{4096, 2}.Check(), "2 values at a time; want 1 or 4")
	assert.Error(t, Memory{0, 4}.Check())
	assert.Error(t, FMA{1, 1, 0}.Check())
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "ceiling/read", Kind: "sign", Right: "sum + x", Wrong: "sum - x"},
	{Kernel: "ceiling/read", Kind: "index", Right: "* Turns + k)", Wrong: "* Turns + k + 1u)"},
	{Kernel: "ceiling/read", Kind: "unwritten", Right: "  y[group", Wrong: "  if (lane == 5u) { return; }\n  y[group"},
	{Kernel: "ceiling/copy", Kind: "sign", Right: "= x[i]", Wrong: "= -x[i]"},
	{Kernel: "ceiling/copy", Kind: "index", Right: "= x[i]", Wrong: "= x[i + 1u]"},
	{Kernel: "ceiling/copy", Kind: "unwritten", Right: "  y[i] = ", Wrong: "  if (lane == 5u) { return; }\n  y[i] = "},
	{Kernel: "ceiling/blend", Kind: "sign", Right: "+ 0.25", Wrong: "- 0.25"},
	{Kernel: "ceiling/blend", Kind: "index", Right: "* b[i]", Wrong: "* b[i + 1u]"},
	{Kernel: "ceiling/blend", Kind: "unwritten", Right: "  y[i] = ", Wrong: "  if (lane == 5u) { return; }\n  y[i] = "},
	{Kernel: "ceiling/fma", Kind: "sign", Right: "(s * f + g)", Wrong: "(s * f - g)"},
	{Kernel: "ceiling/fma", Kind: "index", Right: "x[1u + lane % 4u]", Wrong: "x[lane % 4u]"},
	{Kernel: "ceiling/fma", Kind: "unwritten", Right: "  y[i] = ", Wrong: "  if (lane == 5u) { return; }\n  y[i] = "},
	{Kernel: "ceiling/fma", Kind: "chains", Right: "s1 = eight", Wrong: "s0 = eight"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
