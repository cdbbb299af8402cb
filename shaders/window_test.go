package shaders_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders"
)

// The output sizes are those of torch.nn.Conv2d(1, 1, (3, 2), (2, 1), 1, dilation) on an image of
// 11x9.
func TestWindowDilation(t *testing.T) {
	w := shaders.Window{InH: 11, InW: 9, KH: 3, KW: 2, StrideH: 2, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1,
		PadRight: 1}
	for _, c := range []struct {
		h, w, spanH, spanW, outH, outW int
		says                           string
	}{
		{0, 0, 3, 2, 6, 10, "11x9 3x2 s2,1 p1"},
		{1, 1, 3, 2, 6, 10, "11x9 3x2 s2,1 p1"},
		{2, 2, 5, 3, 5, 9, "11x9 3x2 s2,1 p1 d2"},
		{6, 5, 13, 6, 1, 6, "11x9 3x2 s2,1 p1 d6,5"},
	} {
		w.DilationH, w.DilationW = c.h, c.w
		assert.NoError(t, w.Check())
		spanH, spanW := w.Span()
		assert.Equal(t, []int{c.spanH, c.spanW, c.outH, c.outW}, []int{spanH, spanW, w.OutH(), w.OutW()})
		assert.Equal(t, c.says, w.String())
	}
	w.DilationH = 7
	assert.ErrorContains(t, w.Check(), "kernel 15x6 does not fit the padded image of 13x11")
	w.DilationH = -1
	assert.ErrorContains(t, w.Check(), "dilation is -1x5; want at least 1x1")
}
