//go:build !noplot

package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"gonum.org/v1/plot"
)

// If the plot's font cannot write a name, the label is the number of the class, which tells two
// such classes apart.
func TestPlotNames(t *testing.T) {
	var e Scores
	for _, name := range []string{"Müller", "Mu\u0308ller", "кот", "猫", "犬 dog", "قط", "חתול", "बिल्ली", "😀", "a\nb",
		"plain 7"} {
		e.Classes = append(e.Classes, ClassScore{Name: name})
	}
	assert.Equal(t, []string{"Müller", "Müller", "кот", "3", "4 dog", "5", "6", "7", "8", `"a\nb"`, "plain 7"},
		e.labels(plot.New().X.Tick.Label.Font))
}
