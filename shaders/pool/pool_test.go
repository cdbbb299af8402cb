package pool

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// The expected sizes are PyTorch's, or 0 if PyTorch raises an error:
//
//	torch.nn.MaxPool2d(k, s, p, ceil_mode=c)(torch.zeros(1, 1, n, n)).shape[-1]
func TestOutputSizes(t *testing.T) {
	for _, c := range []struct {
		in, k, s, p int
		ceil        bool
		out         int
	}{
		{54, 3, 2, 0, false, 26}, {32, 3, 2, 0, true, 16}, {32, 3, 2, 0, false, 15}, {16, 3, 2, 0, true, 8},
		{7, 2, 3, 1, true, 3}, {5, 2, 2, 1, true, 3}, {3, 2, 2, 1, true, 2}, {5, 3, 2, 1, true, 3},
		{1, 1, 1, 0, true, 1},
		{2, 5, 2, 0, true, 0}, {2, 4, 2, 0, true, 0}, {2, 3, 2, 0, true, 1}, {2, 3, 1, 0, true, 0},
		{2, 5, 3, 0, true, 0},
		{2, 5, 4, 0, true, 1}, {1, 5, 2, 1, true, 0}, {3, 5, 2, 1, true, 1}, {2, 3, 2, 0, false, 0},
		{1, 2, 3, 1, true, 1},
	} {
		w := square(c.in, c.k, c.s, c.p, c.ceil)
		assert.Equal(t, c.out, w.OutH(), "%+v", c)
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "pool/max_forward", Kind: "sign", Right: "v > best", Wrong: "v < best"},
	{Kernel: "pool/max_forward", Kind: "ties", Right: "v > best", Wrong: "v >= best"},
	{Kernel: "pool/max_forward", Kind: "index", Right: "u32(r) * KW + u32(s)", Wrong: "u32(r) * KW + u32(s) + 1u"},
	{Kernel: "pool/max_forward", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "pool/max_forward", Kind: "padding", Right: "max(0, -h0)", Wrong: "0"},
	{Kernel: "pool/max_forward", Kind: "padding", Right: "min(i32(KW), i32(InW) - w0)", Wrong: "i32(KW)"},
	{Kernel: "pool/max_forward", Kind: "relu", Right: "best <= Elem(0.0)", Wrong: "best < Elem(0.0)"},
	{Kernel: "pool/max_forward", Kind: "nan", Right: " | (magnitude(v) > UElem(Infinity))", Wrong: ""},
	{Kernel: "pool/max_forward", Kind: "nan", Right: "(v > best) & (magnitude(best) <= UElem(Infinity))",
		Wrong: "(v > best) | (magnitude(best) > UElem(Infinity))"},
	{Kernel: "pool/max_forward", Kind: "infinite", Right: "  var at = UElem",
		Wrong: "  best = Elem(-3.4028234e38);\n  var at = UElem"},
	{Kernel: "pool/max_backward", Kind: "sign", Right: "sum + select", Wrong: "sum - select"},
	{Kernel: "pool/max_backward", Kind: "index", Right: "(w - ow * StrideW)", Wrong: "(w - ow * StrideW + 1u)"},
	{Kernel: "pool/max_backward", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "pool/max_backward", Kind: "padding", Right: "p.w + PadLeft", Wrong: "p.w"},
	{Kernel: "pool/avg_forward", Kind: "sign", Right: "sum + x", Wrong: "sum - x"},
	{Kernel: "pool/avg_forward", Kind: "index", Right: "h0 + i32(KH)", Wrong: "h0 + i32(KH) - 1"},
	{Kernel: "pool/avg_forward", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "pool/avg_forward", Kind: "padding", Right: "before + size + after) - start",
		Wrong: "before + size) - start"},
	{Kernel: "pool/avg_forward", Kind: "padding", Right: "max(0, w0)", Wrong: "w0"},
	{Kernel: "pool/avg_backward", Kind: "sign", Right: "sum + dY", Wrong: "sum - dY"},
	{Kernel: "pool/avg_backward", Kind: "index", Right: "min(OutH, h / StrideH + 1u)", Wrong: "min(OutH, h / StrideH)"},
	{Kernel: "pool/avg_backward", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "pool/avg_backward", Kind: "padding", Right: " - max(start, before)", Wrong: " - start"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
