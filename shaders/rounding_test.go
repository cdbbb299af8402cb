package shaders

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Tolerance uses the certain bound for few terms and the probable one for many, without a jump
// between them.
func TestTolerance(t *testing.T) {
	const u = unitRoundoff
	assert.InEpsilon(t, 11*u, Tolerance(10, 0, 1), 1e-5)
	assert.InEpsilon(t, 64*u, Tolerance(63, 0, 1), 1e-5)
	assert.InEpsilon(t, 8*100*u, Tolerance(9999, 0, 1), 1e-4)
	assert.InEpsilon(t, 6*u, Tolerance(0, 2.5, 1), 1e-5)
	assert.Greater(t, Tolerance(5, 0, 0), 0.0)
}
