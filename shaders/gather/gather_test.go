package gather

import (
	"testing"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "gather", Kind: "sign", Right: "y[i] = v", Wrong: "y[i] = -v"},
	{Kernel: "gather", Kind: "index", Right: "K + i % K", Wrong: "K + (i + 1u) % K"},
	{Kernel: "gather", Kind: "unwritten", Right: "i >= N * K", Wrong: "i + 1u >= N * K"},
	{Kernel: "gather", Kind: "masked", Right: "n < batch.rows", Wrong: "n <= batch.rows"},
	{Kernel: "gather", Kind: "order", Right: "order[batch.offset + n]", Wrong: "order[n]"},
	{Kernel: "gather", Kind: "order", Right: "order[batch.offset + n]", Wrong: "(batch.offset + n)"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
