package session_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/nin/session"
)

// The shares let the slowest rank finish as early as possible, and each rank gets at least one
// image.
func TestApportion(t *testing.T) {
	for _, c := range []struct {
		n       int
		seconds []float32
		want    []int
	}{
		{16, []float32{1, 1}, []int{8, 8}},
		{16, []float32{1, 3}, []int{12, 4}},
		{16, []float32{1, 1000}, []int{15, 1}},
		{8, []float32{3, 1, 2, 6}, []int{1, 4, 2, 1}},
		{4, []float32{0, 0}, []int{3, 1}}, // too quick to measure
	} {
		assert.Equal(t, c.want, session.Apportion(c.n, c.seconds), "%v", c.seconds)
	}
}
