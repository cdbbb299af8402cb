package batchnorm

import (
	"testing"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// mutants have a changed sign, an index that is off by one and an element that is not written
// in each kernel, and mistakes of their own.
var mutants = []checktest.Mutant{
	{Kernel: "batchnorm/stats", Kind: "sign", Right: "x[p * C4 + c] - mean", Wrong: "x[p * C4 + c] + mean"},
	{Kernel: "batchnorm/stats", Kind: "index", Right: "mean = mean + x[p * C4 + c]", Wrong: "mean = mean + x[p * C4 + c + 1u]"},
	{Kernel: "batchnorm/stats", Kind: "unwritten", Right: "at >= Chunks * C4", Wrong: "at + 1u >= Chunks * C4"},
	{Kernel: "batchnorm/stats", Kind: "masked", Right: "batch.rows * P)", Wrong: "Elems / C4)"},
	{Kernel: "batchnorm/stats", Kind: "count", Right: "f32(end - first)", Wrong: "f32(Size)"},
	{Kernel: "batchnorm/combine", Kind: "sign", Right: "[k * 2u * C4 + c] - mean", Wrong: "[k * 2u * C4 + c] + mean"},
	{Kernel: "batchnorm/combine", Kind: "index", Right: "part[(k * 2u + 1u) * C4 + c]", Wrong: "part[(k * 2u) * C4 + c]"},
	{Kernel: "batchnorm/combine", Kind: "unwritten", Right: "c >= C4", Wrong: "c + 1u >= C4"},
	{Kernel: "batchnorm/combine", Kind: "masked", Right: "let pixels = batch.rows * P", Wrong: "let pixels = Elems / C4"},
	{Kernel: "batchnorm/combine", Kind: "between", Right: " + d * d * (n * more / (n + more))", Wrong: ""},
	{Kernel: "batchnorm/combine", Kind: "unbiased", Right: "max(pixels, 2u) - 1u", Wrong: "pixels"},
	{Kernel: "batchnorm/combine", Kind: "eps", Right: "f32(pixels) + Eps", Wrong: "f32(pixels)"},
	{Kernel: "batchnorm/combine", Kind: "momentum", Right: "Rest * state[C4 + c]", Wrong: "state[C4 + c]"},
	{Kernel: "batchnorm/fixed", Kind: "sign", Right: "+ Eps", Wrong: "- Eps"},
	{Kernel: "batchnorm/fixed", Kind: "index", Right: "= state[c]", Wrong: "= state[c + 1u]"},
	{Kernel: "batchnorm/fixed", Kind: "unwritten", Right: "c >= C4", Wrong: "c + 1u >= C4"},
	{Kernel: "batchnorm/forward", Kind: "sign", Right: "x[i] - moments", Wrong: "x[i] + moments"},
	{Kernel: "batchnorm/forward", Kind: "index", Right: "* w[c]", Wrong: "* w[c + 1u]"},
	{Kernel: "batchnorm/forward", Kind: "unwritten", Right: "i >= Elems", Wrong: "i + 1u >= Elems"},
	{Kernel: "batchnorm/forward", Kind: "padding", Right: " * w[c] + w[C4 + c]", Wrong: " + w[C4 + c]"},
	{Kernel: "batchnorm/sums", Kind: "sign", Right: "plain + d", Wrong: "plain - d"},
	{Kernel: "batchnorm/sums", Kind: "index", Right: "let d = dY[p * C4 + c]", Wrong: "let d = dY[p * C4 + c + 1u]"},
	{Kernel: "batchnorm/sums", Kind: "unwritten", Right: "at >= Chunks * C4", Wrong: "at + 1u >= Chunks * C4"},
	{Kernel: "batchnorm/sums", Kind: "masked", Right: "batch.rows * P)", Wrong: "Elems / C4)"},
	{Kernel: "batchnorm/gradients", Kind: "sign", Right: "plain + part", Wrong: "plain - part"},
	{Kernel: "batchnorm/gradients", Kind: "index", Right: "part[(k * 2u + 1u) * C4 + c]", Wrong: "part[(k * 2u) * C4 + c]"},
	{Kernel: "batchnorm/gradients", Kind: "unwritten", Right: "c >= C4", Wrong: "c + 1u >= C4"},
	{Kernel: "batchnorm/gradients", Kind: "first", Right: "batch.first == 1u", Wrong: "batch.first != 1u"},
	{Kernel: "batchnorm/backward", Kind: "sign", Right: "d - total[c]", Wrong: "d + total[c]"},
	{Kernel: "batchnorm/backward", Kind: "index", Right: "total[C4 + c] * share", Wrong: "total[c] * share"},
	{Kernel: "batchnorm/backward", Kind: "unwritten", Right: "i >= Elems", Wrong: "i + 1u >= Elems"},
	{Kernel: "batchnorm/backward", Kind: "masked", Right: "i < pixels * C4", Wrong: "true"},
	{Kernel: "batchnorm/backward", Kind: "count", Right: "let pixels = batch.rows * P", Wrong: "let pixels = Elems / C4"},
	{Kernel: "batchnorm/backward", Kind: "running", Right: "!Running", Wrong: "Running"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
