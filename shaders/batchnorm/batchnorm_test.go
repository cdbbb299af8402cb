package batchnorm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// The expected values are PyTorch's:
//
//	x = torch.tensor([[[[1., 2.]], [[-1., 4.]]], [[[3., 6.]], [[0.5, 0.5]]]],
//	    dtype=torch.float64, requires_grad=True)
//	m = torch.nn.BatchNorm2d(2, eps=0.5, momentum=0.25).double()
//	with torch.no_grad(): m.weight[:] = torch.tensor([2., -1.]); m.bias[:] = torch.tensor([0.5, 3.])
//	y = m(x)
//	y.backward(torch.tensor([[[[1., -2.]], [[0.5, 1.]]], [[[3., 0.]], [[-1., 2.]]]],
//	    dtype=torch.float64))
//	for v in y, x.grad, m.weight.grad, m.bias.grad, m.running_mean, m.running_var:
//	    print(v.detach().numpy().tolist())
//	print(m.eval()(x).detach().numpy().tolist())
func TestRefIsPyTorchs(t *testing.T) {
	s := Shape{N: 2, P: 2, C: 2, Stride: 4, Eps: 0.5, Momentum: 0.25}
	b := shaders.Batch{Rows: 2, First: 1}
	same := func(want, got []float64) {
		t.Helper()
		assert.InDeltaSlice(t, want, got, 1e-14) // some roundings of float64, of numbers below 8
	}
	zeros := func(n int) []float64 { return make([]float64, n) }
	x := []float64{1, -1, 0, 0, 2, 4, 0, 0, 3, 0.5, 0, 0, 6, 0.5, 0, 0}
	dY := []float64{1, 0.5, 0, 0, -2, 1, 0, 0, 3, -1, 0, 0, 0, 2, 0, 0}
	w := []float64{2, -1, 0, 0, 0.5, 3, 0, 0}
	state := []float64{0, 0, 0, 0, 1, 1, 1, 1}
	part, moments, total, dW := zeros(s.Part()), zeros(s.Moments()), zeros(s.Moments()), zeros(s.Weights())
	y, dX := zeros(s.Len()), zeros(s.Len())

	s.StatsRef(statsArgs{b, x, part})
	s.CombineRef(combineArgs{b, part, state, moments})
	s.ForwardRef(forwardArgs{x, moments, w, y})
	same([]float64{-1.5, 4.016001016001524, 0, 0, -0.5, 1.4759984759977138, 0, 0, 0.5, 3.2540002540003807, 0, 0, 3.5,
		3.2540002540003807, 0, 0}, y)
	same([]float64{0.75, 0.25, 1.9166666666666667, 1.875}, []float64{state[0], state[1], state[4], state[5]})

	s.SumsRef(sumsArgs{b, x, dY, moments, part})
	s.GradientsRef(gradientsArgs{b, part, total, dW})
	s.BackwardRef(backwardArgs{b, x, dY, moments, total, w, dX})
	same([]float64{0, 0.7620007620011431, 0, 0, 2, 2.5, 0, 0}, dW)
	same([]float64{0.5, -0.03482261546779418, 0, 0, -2.5, -0.0430161720484516, 0, 0, 2.5, 0.8009201557592659, 0, 0,
		-0.5, -0.7230813682430202, 0, 0}, dX)

	s.FixedRef(fixedArgs{state, moments})
	s.ForwardRef(forwardArgs{x, moments, w, y})
	same([]float64{0.8216337604513384, 3.8111071056538126, 0, 0, 2.1081688022566922, 0.5666786830385617, 0, 0,
		3.394703844062046, 2.837778578869237, 0, 0, 7.254308969478107, 2.837778578869237, 0, 0}, y)
}

func TestCheck(t *testing.T) {
	change := func(f func(*Shape)) error {
		s := runs[1].s
		f(&s)
		return s.Check()
	}
	assert.NoError(t, change(func(*Shape) {}))
	assert.ErrorContains(t, change(func(s *Shape) { s.N = 0 }), "want at least 1")
	assert.ErrorContains(t, change(func(s *Shape) { s.P = -1 }), "want at least 1")
	assert.ErrorContains(t, change(func(s *Shape) { s.Stride = 10 }), "want a multiple of 4")
	assert.ErrorContains(t, change(func(s *Shape) { s.Stride = 4 }), "at least the 6 channels")
	assert.ErrorContains(t, change(func(s *Shape) { s.N, s.P = 1<<14, 1<<14 }), "want at most 2147483647 elements")
	for _, eps := range []float32{0, -1, 1e-40, float32(math.Inf(1)), float32(math.NaN())} {
		assert.ErrorContains(t, change(func(s *Shape) { s.Eps = eps }), "want a number above 0")
	}
	for _, momentum := range []float32{-0.1, 1.5, float32(math.NaN())} {
		assert.ErrorContains(t, change(func(s *Shape) { s.Momentum = momentum }), "want a number from 0 to 1")
	}
}

// The chunks cover all pixels, none is empty, and the loop over a chunk is short.
func TestChunks(t *testing.T) {
	for _, pixels := range []int{1, 15, 16, 17, 1023, 1024, 1025, 99999, 1 << 20, 1<<20 + 1, 100_000_007} {
		s := Shape{N: 1, P: pixels, C: 1, Stride: 4}
		assert.GreaterOrEqual(t, s.Chunks()*s.length(), pixels)
		assert.Less(t, (s.Chunks()-1)*s.length(), pixels)
		assert.LessOrEqual(t, s.length(), 1<<14)
		if pixels <= 1<<20 {
			assert.LessOrEqual(t, s.Chunks(), 64)
		}
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and mistakes in masked images, in padding, in chunks and in First.
var mutants = []checktest.Mutant{
	{Kernel: "batchnorm/stats", Kind: "sign", Right: "] - mean", Wrong: "] + mean"},
	{Kernel: "batchnorm/stats", Kind: "index", Right: "chunk * Length * C4 + c", Wrong: "chunk * Length * C4 + c + 1u"},
	{Kernel: "batchnorm/stats", Kind: "unwritten", Right: "i >= Chunks", Wrong: "i + 1u >= Chunks"},
	{Kernel: "batchnorm/stats", Kind: "masked", Right: "batch.rows * P", Wrong: "(batch.rows + 1u) * P"},
	{Kernel: "batchnorm/stats", Kind: "chunk", Right: "- start, Length)", Wrong: "- start, Length - 1u)"},
	{Kernel: "batchnorm/stats", Kind: "empty", Right: "max(count, 1u)", Wrong: "Length"},
	{Kernel: "batchnorm/stats", Kind: "cancels", Right: "d * d", Wrong: "(d + mean) * (d + mean) - mean * mean"},
	{Kernel: "batchnorm/combine", Kind: "sign", Right: "mean + d", Wrong: "mean - d"},
	{Kernel: "batchnorm/combine", Kind: "index", Right: "(2u * chunk + 1u)", Wrong: "(2u * chunk)"},
	{Kernel: "batchnorm/combine", Kind: "unwritten", Right: "c >= C4", Wrong: "c + 1u >= C4"},
	{Kernel: "batchnorm/combine", Kind: "masked", Right: "batch.rows * P", Wrong: "(batch.rows + 1u) * P"},
	{Kernel: "batchnorm/combine", Kind: "between", Right: " + d * (d * (f32(seen) * share))", Wrong: ""},
	{Kernel: "batchnorm/combine", Kind: "weights", Right: "f32(count) / f32(seen + count)",
		Wrong: "1.0 / f32(chunk + 1u)"},
	{Kernel: "batchnorm/combine", Kind: "eps", Right: " + Eps", Wrong: ""},
	{Kernel: "batchnorm/combine", Kind: "unbiased", Right: "f32(max(seen, 2u) - 1u)", Wrong: "f32(max(seen, 1u))"},
	{Kernel: "batchnorm/combine", Kind: "one pixel", Right: "max(seen, 2u) - 1u", Wrong: "seen - 1u"},
	{Kernel: "batchnorm/combine", Kind: "momentum", Right: "(1.0 - Momentum) * state[c] + Momentum * mean",
		Wrong: "Momentum * state[c] + (1.0 - Momentum) * mean"},
	{Kernel: "batchnorm/combine", Kind: "no image", Right: "seen > 0u", Wrong: "true"},
	{Kernel: "batchnorm/fixed", Kind: "sign", Right: " + Eps", Wrong: " - Eps"},
	{Kernel: "batchnorm/fixed", Kind: "index", Right: "state[C4 + c]", Wrong: "state[C4 + c - 1u]"},
	{Kernel: "batchnorm/fixed", Kind: "unwritten", Right: "c >= C4", Wrong: "c + 1u >= C4"},
	{Kernel: "batchnorm/forward", Kind: "sign", Right: "x[i] - moments", Wrong: "x[i] + moments"},
	{Kernel: "batchnorm/forward", Kind: "index", Right: "i % C4", Wrong: "(i + 1u) % C4"},
	{Kernel: "batchnorm/forward", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
	{Kernel: "batchnorm/forward", Kind: "gamma", Right: " * w[c]", Wrong: ""},
	{Kernel: "batchnorm/forward", Kind: "padding", Right: "y[i] =",
		Wrong: "y[i] = select(vec4<f32>(), vec4<f32>(1e-30), w[c] == vec4<f32>()) +"},
	{Kernel: "batchnorm/sums", Kind: "sign", Right: "] - mean", Wrong: "] + mean"},
	{Kernel: "batchnorm/sums", Kind: "index", Right: "x[start + p * C4]", Wrong: "x[start + p * C4 + 1u]"},
	{Kernel: "batchnorm/sums", Kind: "unwritten", Right: "i >= Chunks", Wrong: "i + 1u >= Chunks"},
	{Kernel: "batchnorm/sums", Kind: "masked", Right: "batch.rows * P", Wrong: "(batch.rows + 1u) * P"},
	{Kernel: "batchnorm/sums", Kind: "inverse", Right: " * inverse", Wrong: ""},
	{Kernel: "batchnorm/gradients", Kind: "sign", Right: "product + part", Wrong: "product - part"},
	{Kernel: "batchnorm/gradients", Kind: "index", Right: "part[2u * chunk * C4 + c]",
		Wrong: "part[2u * chunk * C4 + c + 1u]"},
	{Kernel: "batchnorm/gradients", Kind: "unwritten", Right: "c >= C4", Wrong: "c + 1u >= C4"},
	{Kernel: "batchnorm/gradients", Kind: "first", Right: "batch.first == 1u", Wrong: "true"},
	{Kernel: "batchnorm/gradients", Kind: "first", Right: "batch.first == 1u", Wrong: "false"},
	{Kernel: "batchnorm/gradients", Kind: "chunk", Right: "chunk < Chunks", Wrong: "chunk + 1u < Chunks"},
	{Kernel: "batchnorm/gradients", Kind: "exchanged", Right: "start) + sum", Wrong: "start) + product"},
	{Kernel: "batchnorm/backward", Kind: "sign", Right: "d - total", Wrong: "d + total"},
	{Kernel: "batchnorm/backward", Kind: "index", Right: "x[i] -", Wrong: "x[i + 1u] -"},
	{Kernel: "batchnorm/backward", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
	{Kernel: "batchnorm/backward", Kind: "masked", Right: "i / C4 >= batch.rows * P", Wrong: "false"},
	{Kernel: "batchnorm/backward", Kind: "masked", Right: "let n = f32(batch.rows * P)",
		Wrong: "let n = f32(Count / C4)"},
	{Kernel: "batchnorm/backward", Kind: "running", Right: "!Running", Wrong: "true"},
	{Kernel: "batchnorm/backward", Kind: "gamma", Right: "w[c] * inverse", Wrong: "inverse"},
	{Kernel: "batchnorm/backward", Kind: "padding", Right: "  dX[i] = w[c]",
		Wrong: "  dX[i] = select(vec4<f32>(), vec4<f32>(1e-30), w[c] == vec4<f32>()) + w[c]"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
