package groupconv

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

func TestCheck(t *testing.T) {
	change := func(f func(*Shape)) error {
		s := shapes[6]
		f(&s)
		return s.Check()
	}
	assert.ErrorContains(t, change(func(s *Shape) { s.Groups = 2 }), "want groups of equal size")
	assert.ErrorContains(t, change(func(s *Shape) { s.InStride = 4 }), "want at least the 6 channels")
	assert.ErrorContains(t, change(func(s *Shape) { s.DilationH = -1 }), "want at least 1")
	assert.ErrorContains(t, change(func(s *Shape) { s.Groups = 0 }), "want at least 1")
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written; an error in the padding if there is padding; and mistakes in groups, dilation,
// strides and shares.
var mutants = []checktest.Mutant{
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "sign", Right: "sum + v * x", Wrong: "sum - v * x"},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "index", Right: "s5 = mac(s5, x5, v)",
		Wrong: "s5 = mac(s5, x6, v)"},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "index", Right: "x4 = x5;", Wrong: ""},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "unwritten",
		Right: "store(line, first + 6 * OutStep, c, s6 + b);", Wrong: ""},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "unwritten", Right: "if (line >= Lines)",
		Wrong: "if (line + 1u >= Lines)"},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "padding", Right: " - i32(PadLeft)", Wrong: ""},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "padding", Right: "u32(w) < InW", Wrong: "u32(w) <= InW"},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "bias", Right: "s3 + b", Wrong: "s3"},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "bias", Right: "if (Bias)", Wrong: "if (!Bias)"},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "dilation", Right: "s * DilationW", Wrong: "s"},
	{Kernel: "groupconv/forward", Variant: "depthwise", Kind: "stride", Right: "phase = phase + 1u",
		Wrong: "phase = phase + 2u"},
	{Kernel: "groupconv/forward", Variant: "by fours", Kind: "sign", Right: "+ v.k2 * x.z", Wrong: "- v.k2 * x.z"},
	{Kernel: "groupconv/forward", Variant: "by fours", Kind: "group", Right: "/ GroupOut * GroupIn / 4u",
		Wrong: "* 0u"},
	{Kernel: "groupconv/forward", Variant: "by fours", Kind: "index", Right: "channel + k", Wrong: "channel"},
	{Kernel: "groupconv/forward", Variant: "by fours", Kind: "padding", Right: "h >= InH", Wrong: "h > InH"},
	{Kernel: "groupconv/forward", Variant: "one by one", Kind: "group", Right: "co / vec4<u32>(GroupOut)", Wrong: "co"},
	{Kernel: "groupconv/forward", Variant: "one by one", Kind: "index", Right: "in_[at + channel.z]",
		Wrong: "in_[at + channel.y]"},
	{Kernel: "groupconv/forward", Variant: "one by one", Kind: "padding",
		Right: "return select(vec4<f32>(), v, inside)", Wrong: "return v"},
	{Kernel: "groupconv/dx", Variant: "depthwise", Kind: "sign", Right: "ow + i32(PadLeft)",
		Wrong: "ow - i32(PadLeft)"},
	{Kernel: "groupconv/dx", Variant: "depthwise", Kind: "index", Right: "column - 7 * OutStep",
		Wrong: "column - 6 * OutStep"},
	{Kernel: "groupconv/dx", Variant: "depthwise", Kind: "unwritten", Right: "store(line, first, c, s0 + b);",
		Wrong: ""},
	{Kernel: "groupconv/dx", Variant: "depthwise", Kind: "padding", Right: "oh + PadTop", Wrong: "oh"},
	{Kernel: "groupconv/dx", Variant: "depthwise", Kind: "stride", Right: "h % StrideH == 0u", Wrong: "true"},
	{Kernel: "groupconv/dx", Variant: "depthwise", Kind: "stride", Right: "w % i32(StrideW) == 0", Wrong: "true"},
	{Kernel: "groupconv/dx", Variant: "depthwise", Kind: "dilation", Right: "r * DilationH", Wrong: "r"},
	{Kernel: "groupconv/dx", Variant: "by fours", Kind: "group", Right: "/ GroupOut * GroupIn / 4u", Wrong: "* 0u"},
	{Kernel: "groupconv/dx", Variant: "one by one", Kind: "group", Right: "* vec4<u32>(GroupIn)", Wrong: ""},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "sign", Right: "sum + d * x", Wrong: "sum - d * x"},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "index", Right: "x1 = x2;", Wrong: ""},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "unwritten", Right: "if (s + 2u * TapStep < KW)",
		Wrong: "if (s + 3u * TapStep < KW)"},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "unwritten", Right: "share >= Shares",
		Wrong: "share + 1u >= Shares"},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "padding", Right: " - i32(PadLeft)", Wrong: ""},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "padding", Right: " - PadTop", Wrong: ""},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "dilation", Right: "ow = ow + Spread", Wrong: "ow = ow + 1u"},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "stride", Right: "4u * TapStep", Wrong: "5u * TapStep"},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "bias", Right: "p < end * OutW", Wrong: "p + 1u < end * OutW"},
	{Kernel: "groupconv/dw", Variant: "depthwise", Kind: "bias", Right: "block == TapBlocks",
		Wrong: "block + 1u == TapBlocks"},
	{Kernel: "groupconv/dw", Variant: "by fours", Kind: "sign", Right: "sum.k1 + d * x.y", Wrong: "sum.k1 - d * x.y"},
	{Kernel: "groupconv/dw", Variant: "by fours", Kind: "index", Right: "part[(row + 2u) * OutVecs + c] = v.k2",
		Wrong: "part[(row + 2u) * OutVecs + c] = v.k1"},
	{Kernel: "groupconv/dw", Variant: "by fours", Kind: "share", Right: "line = line + 1u", Wrong: "line = line + 2u"},
	{Kernel: "groupconv/dw", Variant: "one by one", Kind: "unwritten", Right: "{ part[row",
		Wrong: "{ if (row == 1u) { return; } part[row"},
	{Kernel: "groupconv/dw", Variant: "one by one", Kind: "index", Right: "InStride + k", Wrong: "InStride + k + 1u"},
	{Kernel: "groupconv/transpose", Kind: "sign", Right: "return w[", Wrong: "return -w["},
	{Kernel: "groupconv/transpose", Kind: "index", Right: "ci + 2u, co", Wrong: "ci + 1u, co"},
	{Kernel: "groupconv/transpose", Kind: "unwritten", Right: "i >= Taps", Wrong: "i + 1u >= Taps"},
	{Kernel: "groupconv/transpose", Kind: "padding", Right: "if (ci >= InC) { return 0.0; }", Wrong: ""},
	{Kernel: "groupconv/transpose", Kind: "group", Right: "ci / GroupIn * GroupOut", Wrong: "ci / GroupIn"},
	{Kernel: "groupconv/sum", Kind: "sign", Right: "sum + part", Wrong: "sum - part"},
	{Kernel: "groupconv/sum", Kind: "index", Right: "share * Size + i", Wrong: "share * Size + i + 1u"},
	{Kernel: "groupconv/sum", Kind: "unwritten", Right: "i >= Size", Wrong: "i + 1u >= Size"},
	{Kernel: "groupconv/sum", Kind: "first", Right: "batch.first == 1u", Wrong: "true"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
