//go:build !noplot

package run

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/plotter"
)

// steps are the lines of metrics.jsonl of so many steps, whose loss is their
// number.
func steps(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"event":"step","step":%d,"epoch":0,"loss":%d,"images":2}`+"\n", i+1, i+1)
	}
	return b.String()
}

func TestCurves(t *testing.T) {
	// Half epochs of five steps: two, and three with the remainder.
	train, loss, accuracy, err := curves(strings.NewReader(steps(5)+
		`{"event":"epoch","epoch":1,"train_loss":3,"test_loss":0.5,"test_accuracy":0.75}`+"\n"), 5)
	require.NoError(t, err)
	assert.Equal(t, plotter.XYs{{X: 0.4, Y: 1.5}, {X: 1, Y: 4}}, train)
	assert.Equal(t, plotter.XYs{{X: 1, Y: 0.5}}, loss)
	assert.Equal(t, plotter.XYs{{X: 1, Y: 0.75}}, accuracy)
	// Within the first epoch, twentieths.
	train, loss, _, err = curves(strings.NewReader(steps(40)), 80)
	require.NoError(t, err)
	assert.Len(t, train, 20)
	assert.Equal(t, plotter.XY{X: 2.0 / 80, Y: 1.5}, train[0])
	assert.Empty(t, loss)
	train, _, _, err = curves(strings.NewReader(""), 80)
	require.NoError(t, err)
	assert.Empty(t, train)
	// A torn line is a gap.
	train, _, _, err = curves(strings.NewReader(strings.Replace(steps(6), `"loss":2,`, "\x00", 1)+"{"), 6)
	require.NoError(t, err)
	assert.Equal(t, plotter.XYs{{X: 0.5, Y: 2}, {X: 1, Y: 5}}, train)
}
