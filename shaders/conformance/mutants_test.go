package conformance

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/gpu/gputest"
	"wgnin/shaders/checktest"
)

// mutants has for each op, and for each kernel of conv2d, a changed sign, an
// index that is off by one, an element that is not written, and a padding error
// where there is padding; and one without each barrier.
var mutants = []checktest.Mutant{
	{"augment", "", "sign", "value = x[", "value = -x["},
	{"augment", "", "index", " * C + i % C]", " * C]"},
	{"augment", "", "index", "W - 1u - w", "W - w"},
	{"augment", "", "unwritten", "i >= N *", "i + 1u >= N *"},
	{"augment", "", "padding", "r < H && ", ""},
	{"augment", "", "padding", "s < W", "s <= W"},
	{"augment", "", "padding", "draw(n, 1u) % (2u * Pad + 1u)", "draw(n, 1u) % (2u * Pad)"},
	{"augment", "", "random", "batch.row0 + n", "n"},
	{"augment", "", "random", "draw(n, 1u)", "draw(n, 0u)"},
	{"augment", "", "mirror", "Mirror && ", ""},

	{"ceiling/copy", "", "sign", "= x[i]", "= -x[i]"},
	{"ceiling/copy", "", "index", "= x[i]", "= x[i + 1u]"},
	{"ceiling/copy", "", "unwritten", "i < Count", "i + 1u < Count"},
	{"ceiling/fma", "", "sign", "(s * m + v)", "(s * m - v)"},
	{"ceiling/fma", "", "index", "x[1u + lane % 4u]", "x[lane % 4u]"},
	{"ceiling/fma", "", "unwritten", "  y[i] = ", "  if (lane == 5u) { return; }\n  y[i] = "},

	{"conv2d/forward", "block", "sign", "sum.b + x * w.b", "sum.b - x * w.b"},
	{"conv2d/forward", "block", "index", "load(a3, k)", "load(a3, k + 1u)"},
	{"conv2d/forward", "block", "unwritten", "c + 2u < OutVecs", "c + 3u < OutVecs"},
	{"conv2d/forward", "block", "unwritten", "p >= Pixels", "p + 1u >= Pixels"},
	{"conv2d/forward", "block", "padding", " - i32(PadLeft)", ""},
	{"conv2d/forward", "block", "padding", "h < i32(InH)", "h <= i32(InH)"},
	{"conv2d/forward", "block", "padding", "+ k], 0.0, address == NoTap", "+ k], 1.0, address == NoTap"},
	{"conv2d/forward", "block", "bias", "v + b;", "v;"},
	{"conv2d/forward", "block", "relu", "select(sum, max", "select(max(sum, vec4<f32>()), max"},
	{"conv2d/forward", "block 8, pointwise", "index", "min(p, Pixels - 1u)", "min(p + 1u, Pixels - 1u)"},
	{"conv2d/forward", "block 8, raw", "index", "* InC + k) * OutVecs", "* InC + k + 1u) * OutVecs"},
	{"conv2d/forward+relu", "block", "relu", "max(sum, vec4<f32>())", "abs(sum)"},
	{"conv2d/forward+relu", "block", "index", "KH * KW * InC * OutVecs + c", "(KH * KW * InC - 1u) * OutVecs + c"},

	{"conv2d/forward", "broadcast, by 1", "sign", "sum + v * x", "sum - v * x"},
	{"conv2d/forward", "broadcast, by 1", "index", "load(a.p5, k)", "load(a.p4, k)"},
	{"conv2d/forward", "broadcast, by 1", "unwritten", "store1(p + 6u, c, t.p6, b);", ""},
	{"conv2d/forward", "broadcast, by 1", "padding", "0.0, address == NoTap", "1.0, address == NoTap"},
	{"conv2d/forward", "broadcast, by 1, pointwise", "index", "first + 16u", "first + 15u"},
	{"conv2d/forward+relu", "broadcast, by 1, raw", "index", "in_[address + k]", "in_[address + k + 1u]"},
	{"conv2d/forward", "broadcast, by 4", "sign", "+ v.k3 * x.w", "- v.k3 * x.w"},
	{"conv2d/forward", "broadcast, by 4", "index", "w[i + 2u * OutVecs]", "w[i + OutVecs]"},
	{"conv2d/forward", "broadcast, by 4", "unwritten", "if (p < Pixels)", "if (p + 1u < Pixels)"},
	{"conv2d/forward", "broadcast, by 4", "padding", "- i32(PadTop)", "- i32(PadTop) + 1"},
	{"conv2d/forward", "broadcast, by 4, pointwise", "unwritten", "if (c < OutVecs)", "if (c + 1u < OutVecs)"},
	{"conv2d/forward+relu", "broadcast, by 4", "padding", "w >= 0", "w >= -1"},

	{"conv2d/forward", "tile", "sign", "t.s5 + v * b.y", "t.s5 - v * b.y"},
	{"conv2d/forward", "tile", "index", "i % ColumnQuads, OutVecs", "i % ColumnQuads + 1u, OutVecs"},
	{"conv2d/forward", "tile", "index", "min(k, K - 1u)", "min(k + 1u, K - 1u)"},
	{"conv2d/forward", "tile", "unwritten", "store_row(share, row + TileRows / 2u + 1u, c, t.s5);", ""},
	{"conv2d/forward", "tile", "unwritten", "if (p < Pixels)", "if (p + 1u < Pixels)"},
	{"conv2d/forward", "tile", "barrier", "    }\n    workgroupBarrier();\n    for (var k", "    }\n    for (var k"},
	{"conv2d/forward", "tile", "barrier", "    }\n    workgroupBarrier();\n  }\n  store8", "    }\n  }\n  store8"},
	{"conv2d/forward", "tile 64x64x16, by 4", "index", "k % InC / 4u", "k % InC / 4u + 1u"},
	{"conv2d/forward", "tile 64x64x16, by 1", "padding", "&& k < K", ""},
	{"conv2d/forward", "tile 64x64x16, by 1", "padding", " - i32(PadLeft)", ""},

	{"conv2d/dx", "block", "sign", "sum.c + x * w.c", "sum.c - x * w.c"},
	{"conv2d/dx", "block", "index", "p.h - r;", "p.h - r - 1u;"},
	{"conv2d/dx", "block", "unwritten", "store3(p + 7u, c, s7, b);", ""},
	{"conv2d/dx", "block", "padding", " + PadLeft)", ")"},
	{"conv2d/dx", "block", "padding", "ow < InW", "ow <= InW"},
	{"conv2d/dx", "block", "stride", " && oh * StrideH == h", ""},
	{"conv2d/dx", "block 8, pointwise", "index", "r * KW + s) * InC + k", "r * KW + s) * InC + k + 1u"},
	{"conv2d/dx", "broadcast, by 1", "sign", "sum + v * x", "sum - v * x"},
	{"conv2d/dx", "broadcast, by 1", "index", "tap(q.p2, r, s)", "tap(q.p3, r, s)"},
	{"conv2d/dx", "broadcast, by 1", "unwritten", "store8(p + 16u, c, t2, b);", ""},
	{"conv2d/dx", "broadcast, by 1", "padding", "+ PadTop", ""},
	{"conv2d/dx", "broadcast, by 4", "sign", "+ v.k1 * x.y", "- v.k1 * x.y"},
	{"conv2d/dx", "broadcast, by 4", "index", "pixel_at(p + 4u)", "pixel_at(p + 5u)"},
	{"conv2d/dx", "broadcast, by 4", "padding", "oh < InH", "oh <= InH"},
	{"conv2d/dx+relu", "block", "sign", "x[i] > ", "-x[i] > "},
	{"conv2d/dx+relu", "block", "relu", "x[i] > ", "x[i] >= "},
	{"conv2d/dx+relu", "block", "index", "x[i] > ", "x[i + 1u] > "},
	{"conv2d/dx+relu", "broadcast", "relu", "x[i] > ", "x[i] >= "},
	{"conv2d/dx+relu", "broadcast", "unwritten", "  out[i] = ", "  if (i == 3u) { return; }\n  out[i] = "},

	{"conv2d/dx", "tile", "index", "row + 4u * y, column", "row + 4u * y + 1u, column"},
	{"conv2d/dx", "tile", "padding", " + PadLeft)", ")"},
	{"conv2d/dx+relu", "tile", "padding", "ow < InW", "ow <= InW"},
	{"conv2d/dx+relu", "tile", "unwritten", "store8(share, row + 4u * y, column + x, left);", ""},

	{"conv2d/dw", "block", "sign", "sum.a + x * w.a", "sum.a - x * w.a"},
	{"conv2d/dw", "block", "index", "tap_at(k + 3u)", "tap_at(k + 2u)"},
	{"conv2d/dw", "block", "unwritten", "store3(rows, k + 5u, c, s5);", ""},
	{"conv2d/dw", "block", "padding", " && u32(w + t.w) < InW", ""},
	{"conv2d/dw", "block", "padding", " - i32(PadTop)", ""},
	{"conv2d/dw", "block", "bias", "k >= Rows - 1u", "k >= Rows"},
	{"conv2d/dw", "block 8, raw", "index", "(k / InC) % KW", "(k / InC + 1u) % KW"},
	{"conv2d/dw", "tile", "sign", "t.s0 + v * a.x", "t.s0 - v * a.x"},
	{"conv2d/dw", "tile", "index", "k * RowQuads + y + RowQuads / 2u", "k * RowQuads + y + RowQuads / 2u - 1u"},
	{"conv2d/dw", "tile", "index", "min(share * PixelsPerShare + k, ", "min(share * PixelsPerShare + k + 1u, "},
	{"conv2d/dw", "tile", "unwritten", "if (k < Rows)", "if (k + 1u < Rows)"},
	{"conv2d/dw", "tile", "padding", "first + i < PixelsPerShare && ", ""},
	{"conv2d/dw", "tile", "barrier", "    }\n    workgroupBarrier();\n    for (var k", "    }\n    for (var k"},
	{"conv2d/dw", "tile 64x64x16, by 1", "bias", "1.0, t.one", "2.0, t.one"},
	{"conv2d/dw", "tile 64x64x16, by 1", "padding", " && u32(w + t.w) < InW", ""},
	{"conv2d/dw", "tile 64x64x16, by 4", "bias", "vec4<f32>(1.0, 0.0", "vec4<f32>(0.0, 0.0"},
	{"conv2d/dw", "tile 64x64x16, by 4", "padding", " - i32(PadTop)", ""},
	{"conv2d/dw", "broadcast", "sign", "sum.k2 + d * x.z", "sum.k2 - d * x.z"},
	{"conv2d/dw", "broadcast", "index", "x[at + q3]", "x[at + q2]"},
	{"conv2d/dw", "broadcast", "unwritten", "store4(row, ci + 12u, c, s3);", ""},
	{"conv2d/dw", "broadcast", "padding", "(max(size + pad, t) - t + stride - 1u)", "(max(size + pad, t) - t + stride)"},
	{"conv2d/dw", "broadcast", "padding", "return (max(pad, t) - t + stride - 1u) / stride", "return (max(pad, t) - t) / stride"},
	{"conv2d/dw", "broadcast", "padding", " + s - PadLeft", " + s"},
	{"conv2d/dw", "broadcast", "bias", "p < images * OutH * OutW", "p + 1u < images * OutH * OutW"},
	{"conv2d/dw_sum", "", "sign", "sum + part", "sum - part"},
	{"conv2d/dw_sum", "", "index", "part[j * Count + i]", "part[j * Count + i + 1u]"},
	{"conv2d/dw_sum", "", "index", "j < Shares", "j + 1u < Shares"},
	{"conv2d/dw_sum", "", "unwritten", "i >= Count", "i + 1u >= Count"},
	{"conv2d/dw_sum", "", "first", "batch.first == 1u", "true"},
	{"conv2d/dw_sum", "", "first", "batch.first == 1u", "false"},
	{"conv2d/transpose", "", "sign", "v[k] = w", "v[k] = -w"},
	{"conv2d/transpose", "", "index", "ci + k) * OutStride", "ci + k + 1u) * OutStride"},
	{"conv2d/transpose", "", "unwritten", "i >= Taps", "i + 1u >= Taps"},
	{"conv2d/transpose", "", "padding", "ci + k < InC", "true"},

	{"dropout", "", "sign", "x[i] * Scale", "-x[i] * Scale"},
	{"dropout", "", "index", "i % RowElems)", "i % RowElems + 1u)"},
	{"dropout", "", "index", "batch.row0 + i / RowElems", "i / RowElems"},
	{"dropout", "", "unwritten", "i >= Rows", "i + 1u >= Rows"},
	{"dropout", "", "mask", "bits >= Threshold", "bits < Threshold"},
	{"dropout", "", "random", "hash(seed) + step", "hash(seed)"},
	{"dropout", "", "random", " + stream", ""},

	{"gcn", "", "sign", "base - mean) * factor", "base + mean) * factor"},
	{"gcn", "", "sign", "let d = x[first + e] - base - mean", "let d = x[first + e] - base + mean"},
	{"gcn", "", "index", "group * Elems", "group"},
	{"gcn", "", "index", "x[first + e] - base);", "x[first] - base);"},
	{"gcn", "", "unwritten", "var e = lane; e < Elems", "var e = lane; e + 1u < Elems"},
	{"gcn", "", "norm", "sqrt(squares)", "squares"},
	{"gcn", "", "flat", "let base = x[first];", "let base = 0.0;"},

	{"input", "", "sign", "row + pixel", "row - pixel"},
	{"input", "", "index", "pixel(line + s)", "pixel(line + s + 1u)"},
	{"input", "", "index", " - First;", ";"},
	{"input", "", "index", "batch.offset + n", "n"},
	{"input", "", "index", "i % 4u))) & 255u", "i % 4u) + 1u)) & 255u"},
	{"input", "", "unwritten", "i >= N *", "i + 1u >= N *"},
	{"input", "", "unwritten", "x[i] = 0.0;", ""},
	{"input", "", "unwritten", "if (first) { target_[n] = 0u; }", ""},
	{"input", "", "rounding", "sum + Half", "sum"},

	{"pool/max_forward", "", "sign", "v > best", "v < best"},
	{"pool/max_forward", "", "ties", "v > best", "v >= best"},
	{"pool/max_forward", "", "index", "u32(r) * KW + u32(s)", "u32(r) * KW + u32(s) + 1u"},
	{"pool/max_forward", "", "unwritten", "i >= N *", "i + 1u >= N *"},
	{"pool/max_forward", "", "padding", "max(0, -h0)", "0"},
	{"pool/max_forward", "", "padding", "min(i32(KW), i32(InW) - w0)", "i32(KW)"},
	{"pool/max_forward", "", "relu", "best <= Elem(Floor)", "best < Elem(Floor)"},
	{"pool/max_backward", "", "sign", "sum + select", "sum - select"},
	{"pool/max_backward", "", "index", "(w - ow * StrideW)", "(w - ow * StrideW + 1u)"},
	{"pool/max_backward", "", "unwritten", "i >= N *", "i + 1u >= N *"},
	{"pool/max_backward", "", "padding", "p.w + PadLeft", "p.w"},
	{"pool/avg_forward", "", "sign", "sum + x", "sum - x"},
	{"pool/avg_forward", "", "index", "h0 + i32(KH)", "h0 + i32(KH) - 1"},
	{"pool/avg_forward", "", "unwritten", "i >= N *", "i + 1u >= N *"},
	{"pool/avg_forward", "", "padding", "before + size + after) - start", "before + size) - start"},
	{"pool/avg_forward", "", "padding", "max(0, w0)", "w0"},
	{"pool/avg_backward", "", "sign", "sum + dY", "sum - dY"},
	{"pool/avg_backward", "", "index", "min(OutH, h / StrideH + 1u)", "min(OutH, h / StrideH)"},
	{"pool/avg_backward", "", "unwritten", "i >= N *", "i + 1u >= N *"},
	{"pool/avg_backward", "", "padding", " - max(start, before)", " - start"},

	{"relu/forward", "", "sign", "max(x[i]", "max(-x[i]"},
	{"relu/forward", "", "index", "max(x[i]", "max(x[i + 1u]"},
	{"relu/forward", "", "unwritten", "i < Count", "i + 1u < Count"},
	{"relu/backward", "", "sign", " dY[i]", " -dY[i]"},
	{"relu/backward", "", "index", "y[i] > ", "y[i + 1u] > "},
	{"relu/backward", "", "unwritten", "i < Count", "i < Count && i != Count / 2u"},
	{"relu/backward", "", "zero", "y[i] > ", "y[i] >= "},

	{"sgd", "", "sign", "w[i] - batch.rate", "w[i] + batch.rate"},
	{"sgd", "", "sign", "+ Decay", "- Decay"},
	{"sgd", "", "index", "g[i]", "g[i + 1u]"},
	{"sgd", "", "unwritten", "i >= Count", "i + 1u >= Count"},
	{"sgd/momentum", "", "sign", "v[i] + (", "v[i] - ("},
	{"sgd/momentum", "", "index", "g[i]", "g[i + 1u]"},
	{"sgd/momentum", "", "unwritten", "v[i] = step;", ""},
	{"sgd", "", "diverged", " || metrics.diverged != 0.0", ""},
	{"sgd/momentum", "", "diverged", " || metrics.diverged != 0.0", ""},
	{"sgd", "", "overflow", "if (overflows(w[i]))", "if (false)"},
	{"sgd", "", "overflow", "any(", "all("},
	{"sgd/momentum", "", "overflow", "overflows(w[i])", "overflows(v[i])"},
	{"sgd/momentum", "", "overflow", "0x7f800000u)) ==", "0x7f800000u)) !="},

	{"softmaxxent", "", "sign", "/ sum - select", "/ sum + select"},
	{"softmaxxent", "", "index", "c == label[n]", "c + 1u == label[n]"},
	{"softmaxxent", "", "index", "var c = 1u", "var c = 2u"},
	{"softmaxxent", "", "unwritten", "c < Stride", "c < Stride - 1u"},
	{"softmaxxent", "", "padding", "c < Classes) {\n", "c <= Classes) {\n"},
	{"softmaxxent", "", "masked", "n < batch.rows", "n <= batch.rows"},
	{"softmaxxent", "", "ties", "v > largest", "v >= largest"},
	{"softmaxxent", "", "overflow", "exp(x[at + c] - largest);", "exp(x[at + c]);"},
	{"softmaxxent/total", "", "sign", "sum + row", "sum - row"},
	{"softmaxxent/total", "", "index", "row[n]", "row[n + 1u]"},
	{"softmaxxent/total", "", "unwritten", "metrics.correct = now.y;", ""},
	{"softmaxxent/total", "", "diverged", "overflows(now.xxxx) || ", ""},
	{"softmaxxent/total", "", "diverged", " || atomicLoad(&metrics.overflow) != 0u", ""},
	{"softmaxxent/total", "", "diverged", "overflows(now.xxxx)", "overflows(sum.xxxx)"},
	{"softmaxxent/total", "", "diverged", "metrics.correct = now.y;", "metrics.correct = now.y;\n  metrics.diverged = 0.0;"},
	{"softmaxxent/total", "", "first", "batch.first == 1u", "true"},
	{"softmaxxent/total", "", "first", "batch.first == 1u", "false"},
}

func TestMutantsAreCaught(t *testing.T) { checktest.Mutants(t, Cases(gputest.Device(t)), mutants) }

func TestMutantsCoverEveryOp(t *testing.T) {
	d := gputest.Device(t)
	kinds := map[string]map[string]bool{} // by op
	kernels := map[string]bool{}
	for _, m := range mutants {
		kernel, kind := m[0], m[2]
		op, _, _ := strings.Cut(kernel, "/")
		if kinds[op] == nil {
			kinds[op] = map[string]bool{}
		}
		kinds[op][kind] = true
		kernels[kernel] = true
	}
	for _, op := range Ops {
		for _, kind := range []string{"sign", "index", "unwritten"} {
			assert.True(t, kinds[op.Name][kind], "%s: no mutant of kind %s", op.Name, kind)
		}
		for _, c := range op.Cases(d) {
			assert.True(t, kernels[c.Kernel], "no mutant of %s", c.Kernel)
			if strings.Contains(c.WGSL, "Pad") {
				assert.True(t, kinds[op.Name]["padding"], "%s: no mutant of kind padding", op.Name)
			}
			if strings.Contains(c.WGSL, "Barrier(") {
				assert.True(t, kinds[op.Name]["barrier"], "%s has barriers and no mutant without one", op.Name)
			}
		}
	}
}
