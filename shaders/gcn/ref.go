package gcn

import "math"

// Ref is the twin of [Config.Kernel]. X and Y may be the same.
func (c Config) Ref(a Args[[]float64]) {
	for n := range c.N {
		x, y := a.X[n*c.Elems:][:c.Elems], a.Y[n*c.Elems:][:c.Elems]
		mean, norm := c.moments(x)
		base := x[0]
		for e := range x {
			y[e] = (x[e] - base - mean) * Scale / max(norm, Least)
		}
	}
}

// moments are the mean of x - x[0], and the norm of what is left without it.
func (c Config) moments(x []float64) (mean, norm float64) {
	for _, v := range x {
		mean += (v - x[0]) / float64(len(x))
	}
	squares := 0.0
	for _, v := range x {
		squares += (v - x[0] - mean) * (v - x[0] - mean)
	}
	return mean, math.Sqrt(squares)
}
