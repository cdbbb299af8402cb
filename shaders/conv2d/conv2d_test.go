package conv2d

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/gpu/gputest"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, checktest.Sample(Cases(gputest.Device(t)))) }

func TestEveryPass(t *testing.T) {
	if !gputest.Long() {
		t.Skip("compiles for minutes the kernels that TestConformance runs at other sizes; NIN_LONG=1 runs it")
	}
	checktest.Run(t, EveryPass(gputest.Device(t)))
}

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// Every variant runs at several sizes, with and without the relu of a store.
func TestVariants(t *testing.T) {
	d := gputest.Device(t)
	variants := map[string]int{}
	for _, c := range Cases(d) {
		variants[strings.TrimSuffix(c.Kernel, "+relu")+": "+c.Variant]++
	}
	for v, n := range variants {
		t.Logf("%-48s %d", v, n)
	}
	for _, v := range sampleVariants {
		if !(Shape{}).runs(d, Forward, v) { // such as tiles, if the compiler takes too long for them
			continue
		}
		for p := range Pass(Passes) {
			n := 0
			for name, count := range variants {
				if strings.HasPrefix(name, "conv2d/"+p.String()+": "+v.String()) {
					n += count
				}
			}
			assert.GreaterOrEqual(t, n, 3, "%s of %s", p, v)
		}
	}
}

// A lane of a tile always loads the same rows, and computes 8 x 8 results.
func TestTilesDivide(t *testing.T) {
	for _, v := range tiles {
		assert.Zero(t, v.Lanes%(v.Rows/4), v)
		assert.Equal(t, v.Rows*v.Columns, 64*v.Lanes, v)
		assert.LessOrEqual(t, v.SharedBytes(), 16384, "%s: every adapter has this much workgroup memory", v)
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written; an error in the padding if there is padding; a missing barrier for each barrier;
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "conv2d/forward", Variant: "block", Kind: "sign", Right: "sum.b + x * w.b", Wrong: "sum.b - x * w.b"},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "index", Right: "load(a3, k)", Wrong: "load(a3, k + 1u)"},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "unwritten", Right: "c + 2u < OutVecs",
		Wrong: "c + 3u < OutVecs"},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "unwritten", Right: "min(8u, max(Pixels",
		Wrong: "min(7u, max(Pixels"},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "padding", Right: " - i32(PadLeft)", Wrong: ""},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "padding", Right: "h < i32(InH)", Wrong: "h <= i32(InH)"},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "padding", Right: "+ k], 0.0, address == NoTap",
		Wrong: "+ k], 1.0, address == NoTap"},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "dilation", Right: "r * DilationH", Wrong: "r * DilationW"},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "bias", Right: "v + b;", Wrong: "v;"},
	{Kernel: "conv2d/forward", Variant: "block", Kind: "relu", Right: "select(sum, rectify",
		Wrong: "select(rectify(sum), rectify"},
	{Kernel: "conv2d/forward", Variant: "block 8, pointwise", Kind: "index", Right: "min(p, Pixels - 1u)",
		Wrong: "min(p + 1u, Pixels - 1u)"},
	{Kernel: "conv2d/forward", Variant: "block 8, raw", Kind: "index", Right: "* InC + k) * OutVecs",
		Wrong: "* InC + k + 1u) * OutVecs"},
	{Kernel: "conv2d/forward+relu", Variant: "block", Kind: "relu", Right: "rectify(sum)", Wrong: "abs(sum)"},
	{Kernel: "conv2d/forward+relu", Variant: "block", Kind: "nan", Right: "rectify(sum)",
		Wrong: "select(vec4<f32>(), sum, sum > vec4<f32>())"},
	{Kernel: "conv2d/forward+relu", Variant: "block", Kind: "index", Right: "KH * KW * InC * OutVecs + c",
		Wrong: "(KH * KW * InC - 1u) * OutVecs + c"},

	{Kernel: "conv2d/forward", Variant: "broadcast, by 1", Kind: "sign", Right: "sum + v * x", Wrong: "sum - v * x"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 1", Kind: "index", Right: "load(a.p5, k)",
		Wrong: "load(a.p4, k)"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 1", Kind: "unwritten", Right: "store1(p + 6u, c, t.p6, b);",
		Wrong: ""},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 1", Kind: "padding", Right: "0.0, address == NoTap",
		Wrong: "1.0, address == NoTap"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 1", Kind: "index", Right: "first + 16u", Wrong: "first + 15u"},
	{Kernel: "conv2d/forward+relu", Variant: "broadcast, by 1", Kind: "index", Right: "in_[address + k]",
		Wrong: "in_[address + k + 1u]"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 4", Kind: "sign", Right: "+ v.k3 * x.w", Wrong: "- v.k3 * x.w"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 4", Kind: "index", Right: "w[i + 2u * OutVecs]",
		Wrong: "w[i + OutVecs]"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 4", Kind: "unwritten", Right: "if (p < Pixels)",
		Wrong: "if (p + 1u < Pixels)"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 4", Kind: "padding", Right: "- i32(PadTop)",
		Wrong: "- i32(PadTop) + 1"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 4", Kind: "unwritten", Right: "if (c < OutVecs)",
		Wrong: "if (c + 1u < OutVecs)"},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded", Kind: "sign", Right: "s0 = s0 + kept(",
		Wrong: "s0 = s0 - kept("},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded", Kind: "index", Right: "same12(start / Step)",
		Wrong: "0u"},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded", Kind: "unwritten", Right: "i * 8u < OutVecs) { add(",
		Wrong: "i * 8u + 1u < OutVecs) { add("},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded", Kind: "unwritten",
		Right: "(group / ColumnBlocks) % RowBlocks", Wrong: "(group / ColumnBlocks) % RowBlocks / 2u"},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded", Kind: "rest", Right: "k >= block * BlockTerms",
		Wrong: "true"},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded", Kind: "bias", Right: "block == 0u", Wrong: "true"},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded, by 1", Kind: "index", Right: "offset(k + 2u)",
		Wrong: "offset(k + 1u)"},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded, by 1", Kind: "stride", Right: "q / OutW % OutH * StrideH",
		Wrong: "q / OutW % OutH"},
	{Kernel: "conv2d/forward", Variant: "broadcast, unpadded, by 1", Kind: "dilation",
		Right: "k / InC % KW * DilationW", Wrong: "k / InC % KW * DilationH"},
	{Kernel: "conv2d/forward+relu", Variant: "broadcast, unpadded", Kind: "relu", Right: "if (last)",
		Wrong: "if (true)"},
	{Kernel: "conv2d/forward+relu", Variant: "broadcast, by 4", Kind: "padding", Right: "w >= 0", Wrong: "w >= -1"},

	{Kernel: "conv2d/forward", Variant: "broadcast", Kind: "dilation", Right: "s * DilationW", Wrong: "s"},
	{Kernel: "conv2d/forward", Variant: "tile", Kind: "dilation", Right: "s * DilationW", Wrong: "s"},
	{Kernel: "conv2d/forward", Variant: "tile", Kind: "sign", Right: "t.s5 + v * b.y", Wrong: "t.s5 - v * b.y"},
	{Kernel: "conv2d/forward", Variant: "tile", Kind: "index", Right: "min(column + c, OutVecs",
		Wrong: "min(column + c + 1u, OutVecs"},
	{Kernel: "conv2d/forward", Variant: "tile", Kind: "index", Right: "clamp_k(k) *", Wrong: "clamp_k(k + 1u) *"},
	{Kernel: "conv2d/forward", Variant: "tile", Kind: "unwritten",
		Right: "store1(share, row + TileRows / 2u + 1u, c, t.s5);", Wrong: ""},
	{Kernel: "conv2d/forward", Variant: "tile", Kind: "unwritten", Right: "row < AllRows", Wrong: "row + 1u < AllRows"},
	{Kernel: "conv2d/forward", Variant: "tile", Kind: "barrier",
		Right: "    }\n    workgroupBarrier();\n    for (var k", Wrong: "    }\n    for (var k"},
	{Kernel: "conv2d/forward", Variant: "tile", Kind: "barrier", Right: "    }\n    workgroupBarrier();\n  }\n  store8",
		Wrong: "    }\n  }\n  store8"},
	{Kernel: "conv2d/forward", Variant: "tile 64x32x16 times 2", Kind: "index", Right: "group * Each + i",
		Wrong: "group * Each + i + 1u"},
	{Kernel: "conv2d/dw", Variant: "tile 64x32x16 times 2", Kind: "unwritten", Right: "i < Each",
		Wrong: "i + 1u < Each"},
	{Kernel: "conv2d/forward", Variant: "tile 64x64x16, by 4", Kind: "index", Right: "(k - t * InC) / 4u",
		Wrong: "(k - t * InC) / 4u + 1u"},
	{Kernel: "conv2d/forward", Variant: "tile 64x64x16, by 1", Kind: "padding",
		Right: " & (Whole | (k < K))", Wrong: ""},
	{Kernel: "conv2d/forward", Variant: "tile 64x64x16, by 1", Kind: "padding", Right: " - i32(PadLeft)", Wrong: ""},

	{Kernel: "conv2d/dx", Variant: "block", Kind: "sign", Right: "sum.c + x * w.c", Wrong: "sum.c - x * w.c"},
	{Kernel: "conv2d/dx", Variant: "block", Kind: "index", Right: "p.h - r;", Wrong: "p.h - r - 1u;"},
	{Kernel: "conv2d/dx", Variant: "block", Kind: "index", Right: "{ row = s7; }", Wrong: "{ row = s6; }"},
	{Kernel: "conv2d/dx", Variant: "block", Kind: "padding", Right: " + PadLeft)", Wrong: ")"},
	{Kernel: "conv2d/dx", Variant: "block", Kind: "padding", Right: "ow < InW", Wrong: "ow <= InW"},
	{Kernel: "conv2d/dx", Variant: "block", Kind: "stride", Right: " & (oh * StrideH == h)", Wrong: ""},
	{Kernel: "conv2d/dx", Variant: "block 8, pointwise", Kind: "index", Right: "r * KW + s) * InC + k",
		Wrong: "r * KW + s) * InC + k + 1u"},
	{Kernel: "conv2d/dx", Variant: "broadcast, by 1", Kind: "sign", Right: "sum + v * x", Wrong: "sum - v * x"},
	{Kernel: "conv2d/dx", Variant: "broadcast, by 1", Kind: "index", Right: "tap(q.p2, r, s)",
		Wrong: "tap(q.p3, r, s)"},
	{Kernel: "conv2d/dx", Variant: "broadcast, by 1", Kind: "unwritten", Right: "store8(p + 16u, c, t2, b);",
		Wrong: ""},
	{Kernel: "conv2d/dx", Variant: "broadcast, by 1", Kind: "padding", Right: "+ PadTop", Wrong: ""},
	{Kernel: "conv2d/dx", Variant: "broadcast, by 4", Kind: "sign", Right: "+ v.k1 * x.y", Wrong: "- v.k1 * x.y"},
	{Kernel: "conv2d/dx", Variant: "broadcast, by 4", Kind: "index", Right: "pixel_at(p + 4u)",
		Wrong: "pixel_at(p + 5u)"},
	{Kernel: "conv2d/dx", Variant: "broadcast, by 4", Kind: "padding", Right: "oh < InH", Wrong: "oh <= InH"},
	{Kernel: "conv2d/dx", Variant: "broadcast, unpadded", Kind: "sign", Right: "s0 = s0 + kept(",
		Wrong: "s0 = s0 - kept("},
	{Kernel: "conv2d/dx", Variant: "broadcast, unpadded", Kind: "index", Right: "w[k * OutVecs + c]",
		Wrong: "w[(k + 1u) * OutVecs + c]"},
	{Kernel: "conv2d/dx", Variant: "broadcast, unpadded", Kind: "unwritten",
		Right: "i < Vecs; i = i + 1u) {\n        if", Wrong: "i + 1u < Vecs; i = i + 1u) {\n        if"},
	{Kernel: "conv2d/dx", Variant: "block", Kind: "dilation", Right: "s * DilationW", Wrong: "s"},
	{Kernel: "conv2d/dx", Variant: "broadcast", Kind: "dilation", Right: "r * DilationH", Wrong: "r"},
	{Kernel: "conv2d/dx+relu", Variant: "block", Kind: "sign", Right: "x[i] > ", Wrong: "-x[i] > "},
	{Kernel: "conv2d/dx+relu", Variant: "block", Kind: "relu", Right: "x[i] > ", Wrong: "x[i] >= "},
	{Kernel: "conv2d/dx+relu", Variant: "block", Kind: "index", Right: "x[i] > ", Wrong: "x[i + 1u] > "},
	{Kernel: "conv2d/dx+relu", Variant: "broadcast", Kind: "relu", Right: "x[i] > ", Wrong: "x[i] >= "},
	{Kernel: "conv2d/dx+relu", Variant: "broadcast", Kind: "unwritten", Right: "  out[i] = ",
		Wrong: "  if (i == 3u) { return; }\n  out[i] = "},

	{Kernel: "conv2d/dx", Variant: "tile", Kind: "index", Right: "row + 4u * y, column",
		Wrong: "row + 4u * y + 1u, column"},
	{Kernel: "conv2d/dx", Variant: "tile", Kind: "padding", Right: " + PadLeft)", Wrong: ")"},
	{Kernel: "conv2d/dx+relu", Variant: "tile", Kind: "padding", Right: "ow < InW", Wrong: "ow <= InW"},
	{Kernel: "conv2d/dx+relu", Variant: "tile", Kind: "unwritten",
		Right: "store8(share, row + 4u * y, column + x, t.left);", Wrong: ""},

	{Kernel: "conv2d/dw", Variant: "block", Kind: "sign", Right: "sum.a + x * w.a", Wrong: "sum.a - x * w.a"},
	{Kernel: "conv2d/dw", Variant: "block", Kind: "index", Right: "tap_at(k + 3u)", Wrong: "tap_at(k + 2u)"},
	{Kernel: "conv2d/dw", Variant: "block", Kind: "unwritten", Right: "store3(rows, k + 5u, c, s5);", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "block", Kind: "padding", Right: " & (u32(w + t.w) < InW)", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "block", Kind: "padding", Right: " - i32(PadTop)", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "block", Kind: "bias", Right: "k >= Taps * InC", Wrong: "k > Taps * InC"},
	{Kernel: "conv2d/dw", Variant: "block", Kind: "dilation", Right: " * DilationW", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16, by 1", Kind: "dilation", Right: " * DilationW", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16, by 4", Kind: "dilation", Right: " * DilationH", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "broadcast", Kind: "dilation", Right: "tap % KW * DilationW",
		Wrong: "tap % KW * DilationH"},
	{Kernel: "conv2d/dw", Variant: "block 8, raw", Kind: "index", Right: "(k / InC) % KW",
		Wrong: "(k / InC + 1u) % KW"},
	{Kernel: "conv2d/dw", Variant: "tile", Kind: "sign", Right: "t.s0 + v * a.x", Wrong: "t.s0 - v * a.x"},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16", Kind: "index", Right: "tile_a[k][1][y2]",
		Wrong: "tile_a[k][2][y2]"},
	{Kernel: "conv2d/dw", Variant: "tile", Kind: "index", Right: "share * PixelsPerShare + k;",
		Wrong: "share * PixelsPerShare + k + 1u;"},
	{Kernel: "conv2d/dw", Variant: "tile", Kind: "unwritten", Right: "row < AllRows", Wrong: "row + 1u < AllRows"},
	{Kernel: "conv2d/dw", Variant: "tile", Kind: "padding", Right: "WholePixels | (p < Pixels)", Wrong: "true"},
	{Kernel: "conv2d/dw", Variant: "tile", Kind: "barrier", Right: "    }\n    workgroupBarrier();\n    for (var k",
		Wrong: "    }\n    for (var k"},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16, by 1", Kind: "bias", Right: "1.0, t.one", Wrong: "2.0, t.one"},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16, by 1", Kind: "padding", Right: " & (u32(w + t.w) < InW)", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16, by 4", Kind: "bias", Right: "vec4<f32>(1.0, 0.0",
		Wrong: "vec4<f32>(0.0, 0.0"},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16, by 4", Kind: "padding", Right: " - i32(PadTop)", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "broadcast", Kind: "sign", Right: "sum.k2 + d * x.z", Wrong: "sum.k2 - d * x.z"},
	{Kernel: "conv2d/dw", Variant: "broadcast", Kind: "index", Right: "x[at + q3]", Wrong: "x[at + q2]"},
	{Kernel: "conv2d/dw", Variant: "broadcast", Kind: "unwritten", Right: "store4(row, ci + 12u, c, s3);", Wrong: ""},
	{Kernel: "conv2d/dw", Variant: "broadcast", Kind: "padding", Right: "(max(size + pad, t) - t + stride - 1u)",
		Wrong: "(max(size + pad, t) - t + stride)"},
	{Kernel: "conv2d/dw", Variant: "broadcast", Kind: "padding",
		Right: "return (max(pad, t) - t + stride - 1u) / stride", Wrong: "return (max(pad, t) - t) / stride"},
	{Kernel: "conv2d/dw", Variant: "broadcast", Kind: "padding", Right: " + s - PadLeft", Wrong: " + s"},
	{Kernel: "conv2d/dw", Variant: "broadcast", Kind: "bias", Right: "p < images * OutH * OutW",
		Wrong: "p + 1u < images * OutH * OutW"},
	{Kernel: "conv2d/forward", Variant: "broadcast, by 4, nobias", Kind: "bias", Right: "return vec4<f32>(); }",
		Wrong: "return w[KH * KW * InC * OutVecs - OutVecs + c]; }"},
	{Kernel: "conv2d/forward", Variant: "block 8, raw, nobias", Kind: "bias", Right: "return vec4<f32>(); }",
		Wrong: "return vec4<f32>(1.0); }"},
	{Kernel: "conv2d/forward", Variant: "tile 64x64x16, by 4, pointwise, nobias", Kind: "bias",
		Right: "return vec4<f32>(); }", Wrong: "return vec4<f32>(1.0); }"},
	{Kernel: "conv2d/dw", Variant: "block 64, nobias", Kind: "bias", Right: "k >= Taps * InC",
		Wrong: "k + 1u >= Taps * InC"},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16, by 1, nobias", Kind: "bias", Right: "k >= Taps * InC",
		Wrong: "k + 1u >= Taps * InC"},
	{Kernel: "conv2d/dw", Variant: "tile 64x64x16, by 4, nobias", Kind: "bias", Right: "k >= Taps * InC",
		Wrong: "k + 4u >= Taps * InC"},
	{Kernel: "conv2d/dw", Variant: "broadcast, nobias", Kind: "bias", Right: "slice == Taps * Slices",
		Wrong: "slice + 1u == Taps * Slices"},
	{Kernel: "conv2d/dw", Variant: "broadcast, unpadded", Kind: "sign", Right: "s0 = s0 + kept(",
		Wrong: "s0 = s0 - kept("},
	{Kernel: "conv2d/dw", Variant: "broadcast, unpadded", Kind: "index", Right: "let i = at + k * step",
		Wrong: "let i = at + (k + 1u) * step"},
	{Kernel: "conv2d/dw", Variant: "broadcast, unpadded", Kind: "index", Right: "k / InC % KW", Wrong: "k / InC % 2u"},
	{Kernel: "conv2d/dw", Variant: "broadcast, unpadded", Kind: "stride", Right: "p / OutW % OutH * StrideH",
		Wrong: "p / OutW % OutH"},
	{Kernel: "conv2d/dw", Variant: "broadcast, unpadded", Kind: "dilation", Right: "(InC * KW) * DilationH",
		Wrong: "(InC * KW) * DilationW"},
	{Kernel: "conv2d/dw", Variant: "broadcast, unpadded", Kind: "unwritten", Right: "first == 0u && ",
		Wrong: "first > 0u && "},
	{Kernel: "conv2d/dw", Variant: "broadcast, unpadded", Kind: "rest", Right: "p >= share * Terms", Wrong: "true"},
	{Kernel: "conv2d/dw", Variant: "broadcast, unpadded", Kind: "bias", Right: "var k = i; k <",
		Wrong: "var k = i + Vecs; k <"},
	{Kernel: "conv2d/dw_sum", Kind: "sign", Right: "sum + part", Wrong: "sum - part"},
	{Kernel: "conv2d/dw_sum", Kind: "index", Right: "part[j * Count + i]", Wrong: "part[j * Count + i + 1u]"},
	{Kernel: "conv2d/dw_sum", Kind: "index", Right: "j < Shares", Wrong: "j + 1u < Shares"},
	{Kernel: "conv2d/dw_sum", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
	{Kernel: "conv2d/dw_sum", Kind: "first", Right: "batch.first == 1u", Wrong: "true"},
	{Kernel: "conv2d/dw_sum", Kind: "first", Right: "batch.first == 1u", Wrong: "false"},
	{Kernel: "conv2d/transpose", Kind: "sign", Right: "v[k] = w", Wrong: "v[k] = -w"},
	{Kernel: "conv2d/transpose", Kind: "index", Right: "ci + k) * OutStride", Wrong: "ci + k + 1u) * OutStride"},
	{Kernel: "conv2d/transpose", Kind: "unwritten", Right: "i >= Taps", Wrong: "i + 1u >= Taps"},
	{Kernel: "conv2d/transpose", Kind: "padding", Right: "ci + k < InC", Wrong: "true"},
	{Kernel: "conv2d/forward+relu", Variant: "tile", Kind: "sign", Right: "t.s2 + v * a.z", Wrong: "t.s2 - v * a.z"},
	{Kernel: "conv2d/forward+relu", Variant: "tile", Kind: "unwritten", Right: "store1(share, row + 2u, c, t.s2);",
		Wrong: ""},
	{Kernel: "conv2d/forward+relu", Variant: "tile", Kind: "barrier",
		Right: "    }\n    workgroupBarrier();\n    for (var k", Wrong: "    }\n    for (var k"},
	{Kernel: "conv2d/dx", Variant: "tile", Kind: "barrier", Right: "    }\n    workgroupBarrier();\n  }\n  store8",
		Wrong: "    }\n  }\n  store8"},
	{Kernel: "conv2d/dx+relu", Variant: "tile", Kind: "barrier",
		Right: "    }\n    workgroupBarrier();\n    for (var k", Wrong: "    }\n    for (var k"},
}

func TestMutants(t *testing.T) {
	if !gputest.Long() {
		t.Skip("compiles more than a hundred broken kernels, in minutes; NIN_LONG=1 runs it")
	}
	checktest.Mutants(t, Cases(gputest.Device(t)), mutants)
}
