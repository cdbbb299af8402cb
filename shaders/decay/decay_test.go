package decay

import (
	"testing"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "decay/coupled", Kind: "sign", Right: "g[i] + decay", Wrong: "g[i] - decay"},
	{Kernel: "decay/coupled", Kind: "index", Right: "decay[i]", Wrong: "decay[i + 1u]"},
	{Kernel: "decay/coupled", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
	{Kernel: "decay/decoupled", Kind: "sign", Right: "w[i] - batch", Wrong: "w[i] + batch"},
	{Kernel: "decay/decoupled", Kind: "index", Right: "decay[i]", Wrong: "decay[i + 1u]"},
	{Kernel: "decay/decoupled", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
	{Kernel: "decay/decoupled", Kind: "diverged", Right: " || metrics.diverged != 0.0", Wrong: ""},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
