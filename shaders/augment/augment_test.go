package augment

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// TestRefIsUniform puts a mark into the middle of many images. The mark moves to each place that
// Pad allows, mirrored or not, about equally often.
func TestRefIsUniform(t *testing.T) {
	const n, size, pad = 20000, 7, 2
	s := Shape{N: n, H: size, W: size, C: 1, Pad: pad, Mirror: true}
	a := refArgs{Batch: shaders.Batch{Seed: 3, Step: 9}, X: make([]float64, n*size*size),
		Y: make([]float64, n*size*size)}
	for i := range n { // the mark, and one to its right
		a.X[i*size*size+3*size+3], a.X[i*size*size+3*size+4] = 1, 2
	}
	s.Ref(a)
	places := map[[3]int]int{}
	for i := range n {
		for h := range size {
			for w := range size {
				if at := i*size*size + h*size + w; a.Y[at] == 1 {
					mirrored := 0
					if w > 0 && a.Y[at-1] == 2 {
						mirrored = 1
					}
					places[[3]int{h, w, mirrored}]++
				}
			}
		}
	}
	assert.Len(t, places, 2*(2*pad+1)*(2*pad+1))
	for place, count := range places {
		// The counts are binomial, with mean 400 and standard deviation 20.
		assert.InDelta(t, n/50, count, 100, "%v", place)
	}
}

func TestBadPad(t *testing.T) {
	for _, pad := range []int{-1, 3, 100} {
		assert.ErrorContains(t, Shape{N: 1, H: 5, W: 3, C: 1, Pad: pad}.Check(), "less than a side")
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if there is padding, a missing barrier for each barrier,
// and mistakes particular to the op.
var mutants = []checktest.Mutant{
	{Kernel: "augment", Kind: "sign", Right: "value = x[", Wrong: "value = -x["},
	{Kernel: "augment", Kind: "index", Right: " * C + i % C]", Wrong: " * C]"},
	{Kernel: "augment", Kind: "index", Right: "W - 1u - w", Wrong: "W - w"},
	{Kernel: "augment", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "augment", Kind: "padding", Right: "r < H && ", Wrong: ""},
	{Kernel: "augment", Kind: "padding", Right: "s < W", Wrong: "s <= W"},
	{Kernel: "augment", Kind: "padding", Right: "draw(n, 1u) % (2u * Pad + 1u)", Wrong: "draw(n, 1u) % (2u * Pad)"},
	{Kernel: "augment", Kind: "random", Right: "batch.row0 + n", Wrong: "n"},
	{Kernel: "augment", Kind: "random", Right: "draw(n, 1u)", Wrong: "draw(n, 0u)"},
	{Kernel: "augment", Kind: "mirror", Right: "Mirror && ", Wrong: ""},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
