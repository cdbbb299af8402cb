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

// Every variant meets several sizes. The relu of a store is no part of a
// variant, but each kernel with and without it meets each family. Kernels for
// another class of device meet one.
func TestVariants(t *testing.T) {
	d := gputest.Device(t)
	variants, families := map[string]int{}, map[string]int{}
	for _, c := range Cases(d) {
		family, _, _ := strings.Cut(c.Variant, ",")
		families[c.Kernel+": "+family]++
		variants[strings.TrimSuffix(c.Kernel, "+relu")+": "+c.Variant]++
	}
	for f, n := range families {
		assert.GreaterOrEqual(t, n, 3, f)
	}
	for v, n := range variants {
		t.Logf("%-40s %d", v, n)
		if !strings.HasSuffix(v, ", 64") {
			assert.GreaterOrEqual(t, n, 2, v)
		}
	}
}
