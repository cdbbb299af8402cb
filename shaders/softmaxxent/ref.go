package softmaxxent

import (
	"math"

	"wgnin/shaders"
)

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, []uint32, shaders.Batch]) {
	weight := make([]float64, s.Classes)
	for c := range weight {
		weight[c] = 1
	}
	Weighted{Shape: s}.Ref(WeightedArgs[[]float64, []uint32, shaders.Batch]{a.Batch, a.X, a.Label, weight, a.DX, a.Row})
}

// Ref is the twin of [Weighted.Kernel].
func (w Weighted) Ref(a WeightedArgs[[]float64, []uint32, shaders.Batch]) {
	s, k := w.Shape, w.targets()
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
		label, mass := int(a.Label[n]), 0.0
		share := make([]float64, len(x))
		for c := range x {
			share[c] = a.Weight[c] * float64(k.Each)
			if c == label {
				share[c] += a.Weight[c] * float64(k.Rest)
			}
			mass += share[c]
		}
		for c := range x {
			a.DX[n*s.Stride+c] = (mass*math.Exp(x[c]-x[best])/sum - share[c]) * float64(a.Batch.InvImages)
			a.Row[2*n] += share[c] * (math.Log(sum) + x[best] - x[c])
		}
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
