package run

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The loss of guessing is ln(classes) only of classes that are as frequent.
func TestEntropy(t *testing.T) {
	assert.InDelta(t, math.Ln2, entropy([]byte{0, 7, 7, 0}), 1e-15)
	assert.InDelta(t, 2*math.Ln2-0.75*math.Log(3), entropy([]byte{1, 1, 0, 1}), 1e-15)
	assert.Zero(t, entropy([]byte{2, 2}))
}
