//go:build !noplot

package report_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/nin/nintest"
	"wgnin/nin/report"
)

// A matrix of few classes is drawn with its counts, and one that is too wide for text without them.
func TestPicture(t *testing.T) {
	for _, n := range []int{2, 30} {
		e := report.Scores{Recipe: "mini", Dataset: "pets", Images: n}
		for c := range n {
			e.Classes = append(e.Classes, report.ClassScore{Name: fmt.Sprint("class ", c), Images: 1})
			e.Confusion = append(e.Confusion, make([]int, n))
			e.Confusion[c][c] = 1
		}
		path := filepath.Join(t.TempDir(), "c.png")
		require.NoError(t, e.WritePNG(path))
		nintest.Plot(t, path)
	}

	e := report.Scores{Dataset: strings.Repeat("pets", 30), Classes: make([]report.ClassScore, 2),
		Confusion: [][]int{{4, 2}, {2, 2}}}
	path := filepath.Join(t.TempDir(), "c.png")
	require.NoError(t, e.WritePNG(path)) // the title is wider than two cells
	require.Greater(t, nintest.Plot(t, path).X, 1200)
}

// Too many classes for a picture are an error before anything is drawn.
func TestTooManyClassesForAPicture(t *testing.T) {
	e := report.Scores{Classes: make([]report.ClassScore, 1001)}
	path := filepath.Join(t.TempDir(), "c.png")
	require.EqualError(t, e.WritePNG(path),
		path+": a picture of the confusion matrix has room for 1000 classes, and there are 1001")
	require.NoFileExists(t, path)
	require.NoError(t, report.CheckPicture(1000))
}
