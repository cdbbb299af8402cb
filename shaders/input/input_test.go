package input

import (
	"testing"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "input", Kind: "sign", Right: "row + pixel", Wrong: "row - pixel"},
	{Kernel: "input", Kind: "index", Right: "pixel(line + s)", Wrong: "pixel(line + s + 1u)"},
	{Kernel: "input", Kind: "index", Right: " - First;", Wrong: ";"},
	{Kernel: "input", Kind: "index", Right: "batch.offset + n", Wrong: "n"},
	{Kernel: "input", Kind: "index", Right: "i % 4u))) & 255u", Wrong: "i % 4u) + 1u)) & 255u"},
	{Kernel: "input", Kind: "index", Right: "image % 2u))) & 65535u", Wrong: "image % 2u))) & 255u"},
	{Kernel: "input", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "input", Kind: "unwritten", Right: "x[i] = 0.0;", Wrong: ""},
	{Kernel: "input", Kind: "unwritten", Right: "if (first) { target_[n] = 0u; }", Wrong: ""},
	{Kernel: "input", Kind: "rounding", Right: "sum + Half", Wrong: "sum"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
