package decay

import "wgnin/shaders"

// CoupledRef is the twin of [Shape.Coupled].
func (s Shape) CoupledRef(a CoupledArgs[[]float64]) {
	for i := range a.G {
		a.G[i] += a.Decay[i] * a.W[i]
	}
}

// DecoupledRef is the twin of [Shape.Decoupled].
func (s Shape) DecoupledRef(a DecoupledArgs[[]float64, shaders.Batch]) {
	if a.Metrics[shaders.MetricDiverged] != 0 {
		return
	}
	for i := range a.W {
		a.W[i] -= float64(a.Batch.Rate) * a.Decay[i] * a.W[i]
	}
}
