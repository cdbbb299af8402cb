package concat

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// The parts of a concatenation write each element of y once.
func TestRefWritesOnce(t *testing.T) {
	for _, parts := range joins {
		writes := make([]int, parts[0].Pixels*parts[0].YStride)
		for _, s := range parts {
			y := make([]float64, len(writes))
			for i := range y {
				y[i] = math.NaN()
			}
			s.ForwardRef(forwardArgs{make([]float64, s.Pixels*s.XStride), y})
			for i, v := range y {
				if !math.IsNaN(v) {
					writes[i]++
				}
			}
		}
		for i, n := range writes {
			require.Equal(t, 1, n, "element %d of %v", i, parts)
		}
	}
}

// A temporary of a plan is composed of parts, in any order, and split again. The values are the
// same, and the padding of both is zero.
func TestPlan(t *testing.T) {
	d := gputest.Device(t)
	r := check.NewRand(28)
	for _, parts := range joins {
		rec := d.NewRecorder()
		y := rec.Temp("y", int64(4*parts[0].Pixels*parts[0].YStride))
		xs, dXs := make([][]float32, len(parts)), make([]gpu.View, len(parts))
		for i := len(parts) - 1; i >= 0; i-- {
			s := parts[i]
			for _, v := range r.Floats(s.Pixels * s.XStride) {
				xs[i] = append(xs[i], float32(v))
			}
			x, err := d.NewBuffer("x", int64(4*len(xs[i])))
			require.NoError(t, err)
			defer x.Release()
			require.NoError(t, gpu.Write(x.All(), xs[i]))
			s.Forward().Record(rec, ForwardArgs[gpu.View]{X: x.All(), Y: y})
		}
		rec.Keep(y)
		for i, s := range parts {
			dXs[i] = rec.Temp("dX", int64(4*len(xs[i])))
			s.Backward().Record(rec, BackwardArgs[gpu.View]{DY: y, DX: dXs[i]})
			rec.Keep(dXs[i])
		}
		plan, err := rec.Plan()
		require.NoError(t, err)
		defer plan.Release()
		require.NoError(t, d.Run(plan))
		joined := make([]float32, parts[0].Pixels*parts[0].YStride)
		require.NoError(t, gpu.Read(y, joined))
		last := parts[len(parts)-1]
		for p := range last.Pixels {
			for _, v := range joined[p*last.YStride:][last.First+last.C : last.YStride] {
				assert.Zero(t, v)
			}
		}
		for i, s := range parts {
			got := make([]float32, len(xs[i]))
			require.NoError(t, gpu.Read(dXs[i], got))
			for p := range s.Pixels { // the padding of x is not copied
				clear(xs[i][p*s.XStride:][s.C:s.XStride])
			}
			assert.Equal(t, xs[i], got)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, s := range Parts(3, 8, X{3, 4}, X{5, 5}) {
		assert.NoError(t, s.Check())
	}
	assert.ErrorContains(t, Shape{0, 1, 1, 0, 1, true}.Check(), "want at least 1 of each")
	for _, s := range []Shape{{1, 3, 2, 0, 4, false}, {1, 3, 4, -1, 4, false}, {1, 3, 4, 2, 4, false}} {
		assert.ErrorContains(t, s.Check(), "want strides of at least that")
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and padding that is not zero.
var mutants = []checktest.Mutant{
	{Kernel: "concat/forward", Kind: "sign", Right: "x[p", Wrong: "-x[p"},
	{Kernel: "concat/forward", Kind: "index", Right: "p * XElems + e", Wrong: "p * XElems + e + 1u"},
	{Kernel: "concat/forward", Kind: "index", Right: "p * YElems + FirstElem", Wrong: "p * YElems"},
	{Kernel: "concat/forward", Kind: "unwritten", Right: "i >= Pixels", Wrong: "i + 1u >= Pixels"},
	{Kernel: "concat/forward", Variant: "vec4", Kind: "padding", Right: "channels(c) < UElem(C)",
		Wrong: "channels(c) <= UElem(C)"},
	{Kernel: "concat/forward", Variant: "scalar", Kind: "padding", Right: "var v = Elem(0.0)",
		Wrong: "var v = Elem(1.0)"},
	{Kernel: "concat/backward", Kind: "sign", Right: "dY[p", Wrong: "-dY[p"},
	{Kernel: "concat/backward", Kind: "index", Right: "FirstElem + e", Wrong: "FirstElem + e + 1u"},
	{Kernel: "concat/backward", Kind: "index", Right: " + FirstElem", Wrong: ""},
	{Kernel: "concat/backward", Kind: "unwritten", Right: "i >= Pixels", Wrong: "i + 1u >= Pixels"},
	{Kernel: "concat/backward", Variant: "vec4", Kind: "padding", Right: "channels(c) < UElem(C)",
		Wrong: "channels(c) <= UElem(C)"},
	{Kernel: "concat/backward", Variant: "scalar", Kind: "padding", Right: "var v = Elem(0.0)",
		Wrong: "var v = Elem(1.0)"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
