package sgd

import "wgnin/shaders"

// PlainRef is the twin of [Shape.Plain].
func (s Shape) PlainRef(a PlainArgs[[]float64, shaders.Batch]) {
	if a.Metrics[shaders.MetricDiverged] != 0 {
		return
	}
	for i := range a.W {
		a.W[i] -= float64(a.Batch.Rate) * (a.G[i] + float64(s.Decay)*a.W[i])
		if shaders.Overflows(a.W[i]) {
			a.Metrics[shaders.MetricOverflow] = 1
		}
	}
}

// WithMomentumRef is the twin of [Shape.WithMomentum].
func (s Shape) WithMomentumRef(a MomentumArgs[[]float64, shaders.Batch]) {
	if a.Metrics[shaders.MetricDiverged] != 0 {
		return
	}
	for i := range a.W {
		slope := a.G[i] + float64(s.Decay)*a.W[i]
		a.V[i] = float64(s.Momentum)*a.V[i] + slope
		step := a.V[i]
		if s.Nesterov {
			step = slope + float64(s.Momentum)*step
		}
		a.W[i] -= float64(a.Batch.Rate) * step
		if shaders.Overflows(a.W[i]) {
			a.Metrics[shaders.MetricOverflow] = 1
		}
	}
}
