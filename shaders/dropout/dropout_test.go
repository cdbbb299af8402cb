package dropout

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// The share of zeros is binomial. For each stream and step it is within five standard deviations of
// p, and two streams differ.
func TestRefShare(t *testing.T) {
	const n = 1 << 16
	masks := map[[2]uint32][]float64{}
	for _, stream := range []uint32{0, 1} {
		for _, step := range []uint32{1, 2} {
			s := Shape{Rows: 1, RowElems: n, P: 0.3, Stream: stream}
			a := refArgs{Batch: shaders.Batch{Seed: 7, Step: step}, X: make([]float64, n), Y: make([]float64, n)}
			for i := range a.X {
				a.X[i] = 1
			}
			s.Ref(a)
			zeros := 0
			for _, y := range a.Y {
				if y == 0 {
					zeros++
				}
			}
			assert.InDelta(t, 0.3, float64(zeros)/n, 5*math.Sqrt(0.3*0.7/n))
			masks[[2]uint32{stream, step}] = a.Y
		}
	}
	same := 0
	for i := range n {
		if masks[[2]uint32{0, 1}][i] == masks[[2]uint32{1, 1}][i] {
			same++
		}
	}
	assert.InDelta(t, 0.3*0.3+0.7*0.7, float64(same)/n, 0.01)
}

func TestBadProbability(t *testing.T) {
	for _, p := range []float64{-0.1, 1, 2, math.NaN()} {
		assert.ErrorContains(t, Shape{Rows: 1, RowElems: 1, P: p}.Check(), "want 0 <= p < 1")
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "dropout", Kind: "sign", Right: "x[i] * Scale", Wrong: "-x[i] * Scale"},
	{Kernel: "dropout", Kind: "index", Right: "i % RowElems)", Wrong: "i % RowElems + 1u)"},
	{Kernel: "dropout", Kind: "index", Right: "batch.row0 + i / RowElems", Wrong: "i / RowElems"},
	{Kernel: "dropout", Kind: "unwritten", Right: "i >= Rows", Wrong: "i + 1u >= Rows"},
	{Kernel: "dropout", Kind: "mask", Right: "bits >= Threshold", Wrong: "bits < Threshold"},
	{Kernel: "dropout", Kind: "random", Right: "hash(seed) + step", Wrong: "hash(seed)"},
	{Kernel: "dropout", Kind: "random", Right: " + stream", Wrong: ""},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
