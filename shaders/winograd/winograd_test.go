package winograd

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/shaders"
	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
	"wgnin/shaders/conv2d"
)

func TestConformance(t *testing.T) { checktest.Run(t, checktest.Sample(Cases(gputest.Device(t)))) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// The matrices compute a correlation. It is exact if all products are small integers over powers of
// 2; otherwise the matrices are rounded.
func TestMatrices(t *testing.T) {
	r := check.NewRand(3)
	for alpha := range finite {
		for _, taps := range []int{3, 5} {
			p := Points{Alpha: alpha, Taps: taps}
			require.NoError(t, p.Check())
			at, g, bt := p.Matrices()
			filter, d := r.Floats(taps), r.Floats(alpha)
			for i, row := range at {
				want, got := 0.0, 0.0
				for k, v := range filter {
					want += v * d[i+k]
				}
				for j, a := range row {
					got += a * check.Dot(g[j], filter) * check.Dot(bt[j], d)
				}
				assert.InDelta(t, want, got, 1e-11, "%v, output %d", p, i) // 2^-53 times terms of some hundreds
			}
			for _, m := range []Matrix{at, bt} {
				for _, row := range m {
					for _, v := range row {
						assert.Equal(t, v, float64(float32(v)))
					}
				}
			}
			for j, v := range at[0][:alpha-1] {
				assert.Equal(t, 1.0, v, "point %d", j)
			}
			t.Logf("%v: growth %.3g, of the weight gradient %.3g", p, p.Growth(false), p.Growth(true))
			for _, row := range at {
				assert.True(t, row[one] == 1, "the bias needs the sum of a tile")
			}
		}
	}
}

// A whole pass equals the sum over the taps, which the twins of package conv2d compute. The
// tolerance follows from the rounding of each step: it is that of the algorithm on absolute values,
// with the terms of all its sums. More shapes run with NIN_LONG=1.
func TestPasses(t *testing.T) {
	d := gputest.Device(t)
	unbiased := square(2, 8, 12, 7, 3, 1)
	unbiased.NoBias = true
	parted := square(98, 4, 4, 64, 5, 2) // several parts
	shapes := []conv2d.Shape{unbiased, square(1, 5, 7, 4, 5, 4), parted}
	if gputest.Long() {
		shapes = append(shapes, square(2, 24, 28, 9, 3, 1), square(3, 32, 24, 7, 5, 2), square(40, 6, 10, 5, 3, 0),
			square(4, 16, 32, 32, 3, 1)) // few channels, many tiles
	}
	for _, s := range shapes {
		for alpha := range finite {
			if s == parted && alpha < 8 && !gputest.Long() {
				continue // the twin takes seconds
			}
			t.Run(fmt.Sprintf("%s, %d points", s, alpha), func(t *testing.T) { passesAgree(t, d, s, alpha) })
		}
	}
}

// Every candidate with points can be planned on the device and shape it is a candidate for. Its
// products run, and the points of one image can be bound.
func TestCandidatesPlan(t *testing.T) {
	software := gpu.Guaranteed
	software.Class, software.Limits.OffsetAlign = gpu.Software, 32
	for _, d := range []*gpu.Device{gpu.Dry(software, true), gpu.Dry(gpu.Guaranteed, false)} {
		for _, s := range []conv2d.Shape{
			square(8, 16, 32, 32, 3, 1), square(1, 24, 24, 768, 3, 1), square(1, 16, 16, 768, 5, 2),
			square(1, 16, 16, 1024, 5, 2),
			square(2, 1024, 1024, 7, 3, 1), square(2, 24, 28, 511, 3, 1), square(1, 8, 32, 5, 5, 0),
			square(3, 32, 8, 127, 5, 2),
		} {
			for _, across := range []int{0, 6, 12} { // 16381 tiles and more
				s.InW = s.InH + across
				for p := range conv2d.Pass(conv2d.Passes) {
					for _, v := range s.Candidates(d, p) {
						if s.Variants[p] = v; v.Alpha > 0 {
							assert.NoError(t, plan(t, d, s, p), "%s %s %s", s, p, v)
						}
					}
				}
			}
		}
	}
}

// plan plans a pass of s on a dry device.
func plan(t *testing.T, d *gpu.Device, s conv2d.Shape, p conv2d.Pass) error {
	r := d.NewRecorder()
	temp := func(label string, values int) gpu.View { return r.Temp(label, int64(values)*4) }
	buffer := func(label string, values int) gpu.View {
		b, err := d.NewBuffer(label, int64(values)*4)
		require.NoError(t, err)
		t.Cleanup(b.Release)
		return b.All()
	}
	x, y, w := buffer("x", s.In()), buffer("y", s.Out()), buffer("w", max(s.Weights(), s.Transposed()))
	switch p {
	case conv2d.Forward:
		Forward(r, temp, s, true, conv2d.ForwardArgs[gpu.View]{In_: x, W: w, Out: y})
	case conv2d.InputGradient:
		InputGradient(r, temp, s, conv2d.DXReLUArgs[gpu.View]{In_: y, W: w, Out: x})
	case conv2d.WeightGradient:
		WeightGradient(r, temp, s, WeightGradientArgs{Batch: buffer("batch", shaders.BatchBytes/4), X: x, DY: y, DW: w})
	}
	plan, err := r.Plan()
	if err == nil {
		plan.Release()
	}
	return err
}

func square(n, inC, outC, in, k, pad int) conv2d.Shape {
	return conv2d.Shape{
		N: n, InC: inC, InStride: shaders.RoundUp(inC, 4), OutC: outC,
		Window: shaders.Window{InH: in, InW: in, KH: k, KW: k, StrideH: 1, StrideW: 1, PadTop: pad, PadBottom: pad,
			PadLeft: pad, PadRight: pad},
	}
}

// device runs the commands of record on the given values, and returns the output.
func device(t *testing.T, d *gpu.Device,
	record func(r *gpu.Recorder, temp Temp, buffer func([]float64) gpu.View) (out gpu.View, n int)) []float64 {
	r := d.NewRecorder()
	buffer := func(x []float64) gpu.View {
		b, err := d.NewBuffer("x", int64(len(x))*4)
		require.NoError(t, err)
		t.Cleanup(b.Release)
		f := make([]float32, len(x))
		for i, v := range x {
			f[i] = float32(v)
		}
		require.NoError(t, gpu.Write(b.All(), f))
		return b.All()
	}
	out, n := record(r, func(_ string, values int) gpu.View {
		return buffer(slices.Repeat([]float64{math.NaN()}, values)) // NaN reveals values that are not written
	}, buffer)
	plan, err := r.Plan()
	require.NoError(t, err)
	defer plan.Release()
	require.NoError(t, d.Run(plan))
	got := make([]float32, n)
	require.NoError(t, gpu.Read(out, got))
	y := make([]float64, n)
	for i, v := range got {
		y[i] = float64(v)
	}
	return y
}

func passesAgree(t *testing.T, d *gpu.Device, s conv2d.Shape, alpha int) {
	r := check.NewRand(5)
	zeros := func(n int) []float64 { return make([]float64, n) }
	absolute := func(x []float64) []float64 {
		a := zeros(len(x))
		for i, v := range x {
			a[i] = math.Abs(v)
		}
		return a
	}
	inPixels, outPixels := s.N*s.InH*s.InW, s.N*s.OutH()*s.OutW()
	x, dY, w := r.Tensor(inPixels, s.InC, s.InStride), r.Tensor(outPixels, s.OutC, s.OutStride()),
		r.Tensor(s.Rows(), s.OutC, s.OutStride())
	mask := r.Tensor(inPixels, s.InC, s.InStride)
	for p := range conv2d.Pass(conv2d.Passes) {
		all := s.Candidates(d, p)
		s.Variants[p] = all[slices.IndexFunc(all, func(v conv2d.Variant) bool { return v.Alpha == alpha })]
	}
	wT := zeros(s.Transposed())
	s.TransposeRef(conv2d.TransposeArgs[[]float64]{W: w, WT: wT})
	run := func(n int, record func(r *gpu.Recorder, temp Temp, buffer func([]float64) gpu.View,
		out gpu.View)) []float64 {
		return device(t, d, func(r *gpu.Recorder, temp Temp, buffer func([]float64) gpu.View) (gpu.View, int) {
			out := buffer(slices.Repeat([]float64{math.NaN()}, n))
			record(r, temp, buffer, out)
			return out, n
		})
	}
	near := func(name string, got, want, magnitude []float64, terms int) {
		at, g, bt := Points{Alpha: alpha, Taps: s.KH}.Matrices()
		worst := 0.0
		for i := range want {
			tolerance := shaders.Tolerance(terms+transforms(at)+transforms(g)+transforms(bt), 0, magnitude[i])
			if e := math.Abs(got[i]-want[i]) / tolerance; !(e <= worst) {
				worst = e
			}
		}
		assert.LessOrEqual(t, worst, 1.0, name)
		assert.Greater(t, worst, 1e-5, "%s: the tolerance is too large to detect anything", name)
		t.Logf("%s: largest error %.2g of its tolerance", name, worst)
	}

	abs, pass := twin{absolute: true}, newPass(d.NewRecorder(), nil, s, conv2d.Forward)
	tiles := pass.tiles(s.N, s.OutH(), s.OutW())
	in := Transform{Tiles: tiles, InH: s.InH, InW: s.InW, C: s.InStride, PadTop: s.PadTop, PadLeft: s.PadLeft}
	filter := Filter{tiles.Points, s.InC, s.OutStride(), false}
	v, u, m := zeros(tiles.Values(s.InStride)), zeros(filter.Values()), zeros(tiles.Values(s.OutStride()))
	in.ref(abs, TransformArgs[[]float64]{absolute(x), v})
	filter.ref(abs, FilterArgs[[]float64]{absolute(w), u})
	Product{Matrices: alpha * alpha, Rows: tiles.Count(), Terms: s.InStride,
		Columns: s.OutStride()}.Ref(ProductArgs[[]float64]{v, u, m})
	y, magnitude := zeros(s.Out()), zeros(s.Out())
	Output{Tiles: tiles, OutH: s.OutH(), OutW: s.OutW(), C: s.OutStride(), Bias: s.Rows() - 1,
		NoBias: s.NoBias}.forward(abs, false)(OutputArgs[[]float64]{m, absolute(w), magnitude})
	for _, relu := range []bool{false, true} {
		s.ForwardRef(relu)(conv2d.ForwardArgs[[]float64]{In_: x, W: w, Out: y})
		near("forward", run(len(y), func(r *gpu.Recorder, temp Temp, buffer func([]float64) gpu.View, out gpu.View) {
			Forward(r, temp, s, relu, conv2d.ForwardArgs[gpu.View]{In_: buffer(x), W: buffer(w), Out: out})
		}), y, magnitude, s.InC+1)
	}

	out := Transform{Tiles: tiles, InH: s.OutH(), InW: s.OutW(), C: s.OutStride(), Outputs: true}
	weights := Weights{filter, 1, true, s.NoBias}
	e, q, shares := zeros(tiles.Values(s.OutStride())), zeros(filter.Values()), zeros(s.OutStride())
	out.ref(abs, TransformArgs[[]float64]{absolute(dY), e})
	Product{Matrices: alpha * alpha, Rows: s.InStride, Terms: tiles.Count(), Columns: s.OutStride(),
		TermsFirst: true}.Ref(ProductArgs[[]float64]{v, e, q})
	Bias{tiles, s.OutStride(), 1}.Ref(BiasArgs[[]float64]{e, shares})
	dW, dWMagnitude, part := zeros(s.Weights()), zeros(s.Weights()), zeros(s.Part())
	weights.ref(abs, WeightsArgs[[]float64, shaders.Batch]{shaders.Batch{First: 1}, q, shares, dWMagnitude})
	s.DWRef(conv2d.DWArgs[[]float64]{X: x, DY: dY, Part: part})
	s.DWSumRef(conv2d.DWSumArgs[[]float64, shaders.Batch]{Batch: shaders.Batch{First: 1}, Part: part, DW: dW})
	near("weight gradient",
		run(len(dW), func(r *gpu.Recorder, temp Temp, buffer func([]float64) gpu.View, out gpu.View) {
			batch := buffer(zeros(shaders.BatchBytes / 4))
			require.NoError(t, gpu.Write(batch, shaders.Batch{First: 1}.Words()))
			WeightGradient(r, temp, s, WeightGradientArgs{Batch: batch, X: buffer(x), DY: buffer(dY), DW: out})
		}), dW, dWMagnitude, tiles.Count())

	tiles = pass.tiles(s.N, s.InH, s.InW)
	in = Transform{Tiles: tiles, InH: s.OutH(), InW: s.OutW(), C: s.OutStride(), PadTop: s.KH - 1 - s.PadTop,
		PadLeft: s.KW - 1 - s.PadLeft}
	filter = Filter{tiles.Points, s.OutC, s.InStride, true}
	v, u, m = zeros(tiles.Values(s.OutStride())), zeros(filter.Values()), zeros(tiles.Values(s.InStride))
	in.ref(abs, TransformArgs[[]float64]{absolute(dY), v})
	filter.ref(abs, FilterArgs[[]float64]{absolute(wT), u})
	Product{Matrices: alpha * alpha, Rows: tiles.Count(), Terms: s.OutStride(),
		Columns: s.InStride}.Ref(ProductArgs[[]float64]{v, u, m})
	dX, magnitude := zeros(s.In()), zeros(s.In())
	Output{Tiles: tiles, OutH: s.InH, OutW: s.InW, C: s.InStride}.dx(abs, OutputDXArgs[[]float64]{m, magnitude})
	s.DXReLURef(conv2d.DXReLUArgs[[]float64]{In_: dY, W: wT, X: mask, Out: dX})
	near("input gradient",
		run(len(dX), func(r *gpu.Recorder, temp Temp, buffer func([]float64) gpu.View, out gpu.View) {
			InputGradient(r, temp, s, conv2d.DXReLUArgs[gpu.View]{In_: buffer(dY), W: buffer(wT),
				X: buffer(mask), Out: out})
		}), dX, magnitude, s.OutC)
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written; an error in the padding if there is padding; a missing barrier for each barrier;
// and wrong matrices.
var mutants = []checktest.Mutant{
	{Kernel: "winograd/input", Kind: "sign", Right: "return select(0.0, v, inside);",
		Wrong: "return select(0.0, -v, inside);"},
	{Kernel: "winograd/input", Kind: "index", Right: "at.h + i", Wrong: "at.h + i + 1"},
	{Kernel: "winograd/input", Kind: "unwritten", Right: "i >= Tiles * C", Wrong: "i + 1u >= Tiles * C"},
	{Kernel: "winograd/input", Kind: "padding", Right: " - PadLeft", Wrong: ""},
	{Kernel: "winograd/input", Kind: "matrix", Right: "let c1_0 = ", Wrong: "let c1_0 = 0.0001 * d0_0 + "},
	{Kernel: "winograd/gradient", Kind: "sign", Right: "return select(0.0, v, inside);",
		Wrong: "return select(0.0, -v, inside);"},
	{Kernel: "winograd/gradient", Kind: "index", Right: "k * Alpha + l", Wrong: "l * Alpha + k"},
	{Kernel: "winograd/gradient", Kind: "unwritten", Right: "i >= Tiles * C", Wrong: "i + 1u >= Tiles * C"},
	{Kernel: "winograd/gradient", Kind: "padding", Right: "u32(w) < InW", Wrong: "u32(w) <= InW"},
	{Kernel: "winograd/filter", Kind: "sign", Right: "return select(0.0, v, at.inside);",
		Wrong: "return select(0.0, -v, at.inside);"},
	{Kernel: "winograd/filter", Kind: "index", Right: "R * R - 1u - tap", Wrong: "R * R - tap"},
	{Kernel: "winograd/filter", Kind: "unwritten", Right: "i < Terms * C", Wrong: "i + 1u < Terms * C"},
	{Kernel: "winograd/filter", Kind: "rest", Right: "i / C < Rows", Wrong: "true"},
	{Kernel: "winograd/forward", Kind: "sign", Right: "v + bias", Wrong: "v - bias"},
	{Kernel: "winograd/forward", Kind: "index", Right: "u32(i) * Alpha + u32(j)", Wrong: "u32(j) * Alpha + u32(i)"},
	{Kernel: "winograd/forward", Kind: "unwritten", Right: "h < OutH && w < OutW", Wrong: "h < OutH && w + 1u < OutW"},
	{Kernel: "winograd/forward", Kind: "edge", Right: "h < OutH && w < OutW", Wrong: "h < OutH"},
	{Kernel: "winograd/forward", Kind: "relu", Right: "select(sum, rectify(vec4<f32>(sum)).x, ReLU)",
		Wrong: "rectify(vec4<f32>(sum)).x"},
	{Kernel: "winograd/forward+relu", Kind: "sign", Right: "v + bias", Wrong: "v - bias"},
	{Kernel: "winograd/forward+relu", Kind: "index", Right: "w[Bias * C + c]", Wrong: "w[Bias * C + c + 1u]"},
	{Kernel: "winograd/forward+relu", Kind: "unwritten", Right: "i >= N * Down * Across * C",
		Wrong: "i + 1u >= N * Down * Across * C"},
	{Kernel: "winograd/forward+relu", Kind: "relu", Right: "select(sum, rectify(vec4<f32>(sum)).x, ReLU)",
		Wrong: "sum"},
	{Kernel: "winograd/dx", Kind: "sign", Right: "-> f32 { return v; }", Wrong: "-> f32 { return -v; }"},
	{Kernel: "winograd/dx", Kind: "index", Right: "* Tiles + at.tile", Wrong: "* Tiles + at.tile + 1u"},
	{Kernel: "winograd/dx", Kind: "unwritten", Right: "i >= N * Down * Across * C",
		Wrong: "i + 1u >= N * Down * Across * C"},
	{Kernel: "winograd/dx+relu", Kind: "sign", Right: "return select(0.0, v, x", Wrong: "return select(0.0, -v, x"},
	{Kernel: "winograd/dx+relu", Kind: "index", Right: "x[address]", Wrong: "x[address + 1u]"},
	{Kernel: "winograd/dx+relu", Kind: "unwritten", Right: "h < OutH && w < OutW", Wrong: "h + 1u < OutH && w < OutW"},
	{Kernel: "winograd/dw", Kind: "sign", Right: "sum + part", Wrong: "sum - part"},
	{Kernel: "winograd/dw", Kind: "index", Right: "part[j * C + c]", Wrong: "part[j * C + c + 1u]"},
	{Kernel: "winograd/dw", Kind: "index", Right: "(r * R + s) * Rows", Wrong: "(s * R + r) * Rows"},
	{Kernel: "winograd/dw", Kind: "bias", Right: "Biased && row", Wrong: "!Biased && row"},
	{Kernel: "winograd/forward", Kind: "bias", Right: "if (Biased)", Wrong: "if (!Biased)"},
	{Kernel: "winograd/dw", Kind: "unwritten", Right: "row < Rows", Wrong: "row + 1u < Rows"},
	{Kernel: "winograd/dw", Kind: "first", Right: "First & (batch.first == 1u)", Wrong: "First"},
	{Kernel: "winograd/dw", Kind: "first", Right: "First & (batch.first == 1u)", Wrong: "batch.first == 1u"},
	{Kernel: "winograd/bias", Kind: "sign", Right: "sum + e", Wrong: "sum - e"},
	{Kernel: "winograd/bias", Kind: "index", Right: "One * Tiles", Wrong: "(One - 1u) * Tiles"},
	{Kernel: "winograd/bias", Kind: "unwritten", Right: "i >= Shares * C", Wrong: "i + 1u >= Shares * C"},
	{Kernel: "winograd/product", Variant: "broadcast", Kind: "sign", Right: "s0 = s0 + kept(",
		Wrong: "s0 = s0 - kept("},
	{Kernel: "winograd/product", Variant: "broadcast", Kind: "index", Right: "+ i % Vecs * 8u, ",
		Wrong: "+ i % Vecs * 4u, "},
	{Kernel: "winograd/product", Variant: "broadcast", Kind: "unwritten", Right: "i * 8u < OutVecs) { add(",
		Wrong: "i * 8u + 1u < OutVecs) { add("},
	{Kernel: "winograd/product", Variant: "broadcast", Kind: "unwritten", Right: "min(first + BlockRows, Rows)",
		Wrong: "min(first + BlockRows, Rows - 1u)"},
	{Kernel: "winograd/product", Variant: "broadcast", Kind: "rest", Right: "k >= block * BlockTerms", Wrong: "true"},
	{Kernel: "winograd/product", Variant: "broadcast", Kind: "rest", Right: "block > 0u", Wrong: "block > 1u"},
	{Kernel: "winograd/product", Variant: "broadcast, rows first", Kind: "index", Right: "start / 4u", Wrong: "0u"},
	{Kernel: "winograd/product", Variant: "broadcast, terms first", Kind: "index", Right: "row % 4u",
		Wrong: "row % 2u"},
	{Kernel: "winograd/product", Variant: "block 8, rows first", Kind: "index", Right: "a[i + Terms / 2u]",
		Wrong: "a[i + Terms / 4u]"},
	{Kernel: "winograd/product", Variant: "block 8, terms first", Kind: "index", Right: "a[i + Rows / 2u]",
		Wrong: "a[i + Rows / 4u]"},
	{Kernel: "winograd/product", Variant: "block", Kind: "unwritten", Right: "c + j % 3u < Columns",
		Wrong: "c + j % 3u + 1u < Columns"},
	{Kernel: "winograd/product", Variant: "block", Kind: "rest", Right: "min(1u, quads - 1u - quad)", Wrong: "0u"},
	{Kernel: "winograd/product", Variant: "tile", Kind: "index", Right: "first + 4u * i", Wrong: "first + 4u * i + 4u"},
	{Kernel: "winograd/product", Variant: "tile", Kind: "rest", Right: "Whole | (k < K)", Wrong: "true"},
	{Kernel: "winograd/product", Variant: "tile", Kind: "unwritten", Right: "row < AllRows",
		Wrong: "row + 1u < AllRows"},
	{Kernel: "winograd/product", Variant: "tile", Kind: "barrier",
		Right: "    }\n    workgroupBarrier();\n    for (var k", Wrong: "    }\n    for (var k"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(gputest.Device(t)), mutants) }
