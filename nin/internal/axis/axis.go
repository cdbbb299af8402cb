// Package axis is what the plots of runs and of studies have in common.
package axis

import (
	"strconv"

	"gonum.org/v1/plot"
)

// Ticks are at most eight multiples of a tenth, a quarter, a half, one and so on
// (plot's own would be three).
func Ticks(_, most float64) (ticks []plot.Tick) {
	step := 0.1
	for i := 0; most/step > 7; i++ {
		step *= []float64{2.5, 2, 2}[i%3]
	}
	for y := 0.0; y <= most; y += step {
		ticks = append(ticks, plot.Tick{Value: y, Label: strconv.FormatFloat(y, 'g', 3, 64)})
	}
	return ticks
}
