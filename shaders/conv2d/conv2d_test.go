package conv2d

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/gpu/gputest"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases(gputest.Device(t))) }

func TestEveryPass(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute of compilation")
	}
	checktest.Run(t, EveryPass(gputest.Device(t)))
}

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

// Every variant meets several sizes, with and without the relu of a store.
func TestVariants(t *testing.T) {
	d := gputest.Device(t)
	variants := map[string]int{}
	for _, c := range Cases(d) {
		variants[strings.TrimSuffix(c.Kernel, "+relu")+": "+c.Variant]++
	}
	for v, n := range variants {
		t.Logf("%-48s %d", v, n)
	}
	for _, v := range sample {
		if !(Shape{}).runs(d, Forward, v) { // as tiles where the compiler takes too long for them
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

// A tile's lanes always bring in the same rows, and each has 8 x 8 of it.
func TestTilesDivide(t *testing.T) {
	for _, v := range tiles {
		assert.Zero(t, v.Lanes%(v.Rows/4), v)
		assert.Equal(t, v.Rows*v.Columns, 64*v.Lanes, v)
		assert.LessOrEqual(t, v.sharedBytes(), 16384, "%s: the workgroup memory that every adapter has", v)
	}
}
