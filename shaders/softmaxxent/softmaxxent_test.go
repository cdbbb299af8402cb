package softmaxxent

import (
	"testing"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// mutants have a changed sign, an index that is off by one and an element that
// is not written in each kernel, a padding error where there is padding, one
// without each barrier, and mistakes of their own.
var mutants = []checktest.Mutant{
	{Kernel: "softmaxxent", Kind: "sign", Right: "/ sum - select", Wrong: "/ sum + select"},
	{Kernel: "softmaxxent", Kind: "index", Right: "c == label[n]", Wrong: "c + 1u == label[n]"},
	{Kernel: "softmaxxent", Kind: "index", Right: "var c = 1u", Wrong: "var c = 2u"},
	{Kernel: "softmaxxent", Kind: "unwritten", Right: "c < Stride", Wrong: "c < Stride - 1u"},
	{Kernel: "softmaxxent", Kind: "padding", Right: "c < Classes) {\n", Wrong: "c <= Classes) {\n"},
	{Kernel: "softmaxxent", Kind: "masked", Right: "n < batch.rows", Wrong: "n <= batch.rows"},
	{Kernel: "softmaxxent", Kind: "ties", Right: "v > largest", Wrong: "v >= largest"},
	{Kernel: "softmaxxent", Kind: "overflow", Right: "exp(x[at + c] - largest);", Wrong: "exp(x[at + c]);"},
	{Kernel: "softmaxxent/total", Kind: "sign", Right: "sum + row", Wrong: "sum - row"},
	{Kernel: "softmaxxent/total", Kind: "index", Right: "row[n]", Wrong: "row[n + 1u]"},
	{Kernel: "softmaxxent/total", Kind: "unwritten", Right: "metrics.correct = now.y;", Wrong: ""},
	{Kernel: "softmaxxent/total", Kind: "diverged", Right: "overflows(now.xxxx) || ", Wrong: ""},
	{Kernel: "softmaxxent/total", Kind: "diverged", Right: " || atomicLoad(&metrics.overflow) != 0u", Wrong: ""},
	{Kernel: "softmaxxent/total", Kind: "diverged", Right: "overflows(now.xxxx)", Wrong: "overflows(sum.xxxx)"},
	{Kernel: "softmaxxent/total", Kind: "diverged", Right: "metrics.correct = now.y;", Wrong: "metrics.correct = now.y;\n  metrics.diverged = 0.0;"},
	{Kernel: "softmaxxent/total", Kind: "first", Right: "batch.first == 1u", Wrong: "true"},
	{Kernel: "softmaxxent/total", Kind: "first", Right: "batch.first == 1u", Wrong: "false"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
