package chart

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"gonum.org/v1/plot"
)

// Axes end at round numbers. Axes of epochs have ticks at whole numbers only.
func TestAxes(t *testing.T) {
	labels := func(set func(*plot.Axis, float64), most float64) (names []string, end float64) {
		var a plot.Axis
		set(&a, most)
		for _, tick := range a.Tick.Marker.Ticks(a.Min, a.Max) {
			names = append(names, tick.Label)
			assert.LessOrEqual(t, tick.Value, a.Max+1e-9)
		}
		return names, a.Max
	}
	for _, c := range []struct {
		set    func(*plot.Axis, float64)
		most   float64
		labels []string
		end    float64
	}{
		{Fifths, 2.31, []string{"0", "0.5", "1", "1.5", "2", "2.5"}, 2.5},
		{Fifths, 2.5, []string{"0", "0.5", "1", "1.5", "2", "2.5"}, 2.5},
		{Fifths, 1, []string{"0", "0.2", "0.4", "0.6", "0.8", "1"}, 1},
		{Fifths, 0.27, []string{"0", "0.06", "0.12", "0.18", "0.24", "0.3"}, 0.3},
		{Fifths, 47, []string{"0", "10", "20", "30", "40", "50"}, 50},
		{Whole, 0.2, []string{"0", "1"}, 1},
		{Whole, 3.1, []string{"0", "1", "2", "3", "4"}, 4},
		{Whole, 25, []string{"0", "5", "10", "15", "20", "25"}, 25},
		{Whole, 307, []string{"0", "50", "100", "150", "200", "250", "300"}, 307},
		{Whole, 12000, []string{"0", "2000", "4000", "6000", "8000", "10000", "12000"}, 12000},
	} {
		names, end := labels(c.set, c.most)
		assert.Equal(t, c.labels, names, "%g", c.most)
		assert.InDelta(t, c.end, end, 1e-9)
	}
}
