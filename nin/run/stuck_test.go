package run

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/nn/data"
)

// The loss of guessing is ln(classes) only of classes that are as frequent.
func TestEntropy(t *testing.T) {
	set := func(labels ...int) *data.Images {
		im := &data.Images{Classes: make([]string, 300), C: 1, H: 1, W: 1}
		im.SetLabels(labels...)
		return im
	}
	assert.InDelta(t, math.Ln2, entropy(set(0, 7, 7, 0)), 1e-15)
	assert.InDelta(t, 2*math.Ln2-0.75*math.Log(3), entropy(set(1, 299, 1, 1)), 1e-15)
	assert.Zero(t, entropy(set(2, 2)))
}
