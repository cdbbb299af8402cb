package augment

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// TestRefIsUniform puts a mark into the middle of many images: it comes to each
// place that Pad allows, mirrored or not, about equally often.
func TestRefIsUniform(t *testing.T) {
	const n, size, pad = 20000, 7, 2
	c := Config{N: n, H: size, W: size, C: 1, Pad: pad, Mirror: true}
	a := refArgs{Batch: shaders.Batch{Seed: 3, Step: 9}, X: make([]float64, n*size*size), Y: make([]float64, n*size*size)}
	for i := range n { // the mark, and one to its right
		a.X[i*size*size+3*size+3], a.X[i*size*size+3*size+4] = 1, 2
	}
	c.Ref(a)
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
		_, err := Kernel(Config{N: 1, H: 5, W: 3, C: 1, Pad: pad})
		assert.ErrorContains(t, err, "less than a side")
	}
}
