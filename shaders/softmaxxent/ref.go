package softmaxxent

import (
	"math"

	"wgnin/shaders"
)

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, []uint32, shaders.Batch]) {
	clear(a.DX)
	clear(a.Row)
	for n := range int(a.Batch.Rows) {
		x := a.X[n*s.Stride:][:s.Classes]
		best, sum := 0, 0.0
		for c := range x {
			if x[c] > x[best] {
				best = c
			}
		}
		for c := range x {
			sum += math.Exp(x[c] - x[best])
		}
		label := int(a.Label[n])
		for c := range x {
			p := math.Exp(x[c]-x[best]) / sum
			if c == label {
				p--
			}
			a.DX[n*s.Stride+c] = p * float64(a.Batch.InvImages)
		}
		a.Row[2*n] = x[best] + math.Log(sum) - x[label]
		if best == label {
			a.Row[2*n+1] = 1
		}
	}
}

// TotalRef is the twin of [Shape.Total].
func (s Shape) TotalRef(a TotalArgs[[]float64, shaders.Batch]) {
	if a.Batch.First == 1 {
		a.Metrics[shaders.MetricLoss], a.Metrics[shaders.MetricCorrect] = 0, 0
	}
	for n := range int(a.Batch.Rows) {
		a.Metrics[shaders.MetricLoss] += a.Row[2*n]
		a.Metrics[shaders.MetricCorrect] += a.Row[2*n+1]
	}
	if shaders.Overflows(a.Metrics[shaders.MetricLoss]) || a.Metrics[shaders.MetricOverflow] != 0 {
		a.Metrics[shaders.MetricDiverged] = 1
	}
}
