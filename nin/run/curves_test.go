//go:build !noplot

package run

import (
	"fmt"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/plotter"

	"wgnin/nin/internal/chart"
	"wgnin/nin/nintest"
	"wgnin/nn/files"
)

// steps returns the lines of metrics.jsonl for n steps. The loss of a step is its number.
func steps(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"event":"step","step":%d,"epoch":0,"loss":%d,"images":2}`+"\n", i+1, i+1)
	}
	return b.String()
}

func TestCurves(t *testing.T) {
	// An epoch of five steps is two points: the means of two steps, and of the other three.
	train, loss, accuracy, err := curves(strings.NewReader(steps(5)+
		`{"event":"epoch","epoch":1,"train_loss":3,"test_loss":0.5,"test_accuracy":0.75}`+"\n"), 5)
	require.NoError(t, err)
	assert.Equal(t, plotter.XYs{{X: 0.4, Y: 1.5}, {X: 1, Y: 4}}, train)
	assert.Equal(t, plotter.XYs{{X: 1, Y: 0.5}}, loss)
	assert.Equal(t, plotter.XYs{{X: 1, Y: 0.75}}, accuracy)
	// Within the first epoch, a point is a twentieth of it.
	train, loss, _, err = curves(strings.NewReader(steps(40)), 80)
	require.NoError(t, err)
	assert.Len(t, train, 20)
	assert.Equal(t, plotter.XY{X: 2.0 / 80, Y: 1.5}, train[0])
	assert.Empty(t, loss)
	train, _, _, err = curves(strings.NewReader(""), 80)
	require.NoError(t, err)
	assert.Empty(t, train)
	// A torn line leaves a gap.
	train, _, _, err = curves(strings.NewReader(strings.Replace(steps(6), `"loss":2,`, "\x00", 1)+"{"), 6)
	require.NoError(t, err)
	assert.Equal(t, plotter.XYs{{X: 0.5, Y: 2}, {X: 1, Y: 5}}, train)
}

// The plot has the intended size at each stage of a run, and nothing is cut off.
func TestPlot(t *testing.T) {
	train := plotter.XYs{{X: 0.5, Y: 2.3}, {X: 1, Y: 1.2}, {X: 2, Y: 0.7}, {X: 3, Y: 0.4}}
	loss := plotter.XYs{{X: 1, Y: 1.1}, {X: 2, Y: 0.8}, {X: 3, Y: 0.9}}
	accuracy := plotter.XYs{{X: 1, Y: 0.01}, {X: 2, Y: 1}, {X: 3, Y: 0.99}}
	path := filepath.Join(t.TempDir(), "curves.png")
	for n := range 4 {
		p, err := plotOf(train[:n+1], loss[:n], accuracy[:n])
		require.NoError(t, err)
		require.InDelta(t, max(1, n), p.X.Max, 0)
		png, err := chart.PNG(600, 360, p)
		require.NoError(t, err)
		require.NoError(t, files.Write(path, png))
		assert.Equal(t, image.Pt(1200, 720), nintest.Plot(t, path), "after %d epochs", n)
	}
}
