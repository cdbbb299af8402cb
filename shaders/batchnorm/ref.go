package batchnorm

import (
	"math"

	"wgnin/shaders"
)

// each calls f for each element of the images that are not masked, with its chunk, its channel and
// its index in x.
func (s Shape) each(rows uint32, f func(chunk, c, i int)) {
	for pixel := range int(rows) * s.P {
		for c := range s.Stride {
			f(pixel/s.length(), c, pixel*s.Stride+c)
		}
	}
}

// pixels returns the number of pixels of a chunk that are not masked.
func (s Shape) pixels(rows uint32, chunk int) float64 {
	return float64(max(0, min(int(rows)*s.P-chunk*s.length(), s.length())))
}

// StatsRef is the twin of [Shape.Stats].
func (s Shape) StatsRef(a StatsArgs[[]float64, shaders.Batch]) {
	clear(a.Part)
	s.each(a.Batch.Rows, func(chunk, c, i int) {
		a.Part[2*chunk*s.Stride+c] += a.X[i] / s.pixels(a.Batch.Rows, chunk)
	})
	s.each(a.Batch.Rows, func(chunk, c, i int) {
		d := a.X[i] - a.Part[2*chunk*s.Stride+c]
		a.Part[(2*chunk+1)*s.Stride+c] += d * d
	})
}

// CombineRef is the twin of [Shape.Combine]. It computes the moments by their definition, from the
// moments of the chunks.
func (s Shape) CombineRef(a CombineArgs[[]float64, shaders.Batch]) {
	n := float64(int(a.Batch.Rows) * s.P)
	for c := range s.Stride {
		mean, squares := 0.0, 0.0
		for chunk := range s.Chunks() {
			if count := s.pixels(a.Batch.Rows, chunk); count > 0 {
				mean += a.Part[2*chunk*s.Stride+c] * count / n
			}
		}
		for chunk := range s.Chunks() {
			if count := s.pixels(a.Batch.Rows, chunk); count > 0 {
				d := a.Part[2*chunk*s.Stride+c] - mean
				squares += a.Part[(2*chunk+1)*s.Stride+c] + count*d*d
			}
		}
		a.Moments[c] = mean
		a.Moments[s.Stride+c] = 1 / math.Sqrt(squares/max(n, 1)+float64(s.Eps))
		if n > 0 {
			s.follow(&a.State[c], mean)
			s.follow(&a.State[s.Stride+c], squares/max(n-1, 1))
		}
	}
}

// follow moves a running moment towards the batch's moment.
func (s Shape) follow(running *float64, batch float64) {
	*running = (1-float64(s.Momentum))**running + float64(s.Momentum)*batch
}

// FixedRef is the twin of [Shape.Fixed].
func (s Shape) FixedRef(a FixedArgs[[]float64]) {
	for c := range s.Stride {
		a.Moments[c] = a.State[c]
		a.Moments[s.Stride+c] = 1 / math.Sqrt(a.State[s.Stride+c]+float64(s.Eps))
	}
}

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	for i, x := range a.X {
		c := i % s.Stride
		a.Y[i] = (x-a.Moments[c])*a.Moments[s.Stride+c]*a.W[c] + a.W[s.Stride+c]
	}
}

// SumsRef is the twin of [Shape.Sums].
func (s Shape) SumsRef(a SumsArgs[[]float64, shaders.Batch]) {
	clear(a.Part)
	s.each(a.Batch.Rows, func(chunk, c, i int) {
		a.Part[2*chunk*s.Stride+c] += a.DY[i]
		a.Part[(2*chunk+1)*s.Stride+c] += a.DY[i] * (a.X[i] - a.Moments[c]) * a.Moments[s.Stride+c]
	})
}

// GradientsRef is the twin of [Shape.Gradients].
func (s Shape) GradientsRef(a GradientsArgs[[]float64, shaders.Batch]) {
	clear(a.Total)
	for i, v := range a.Part {
		a.Total[i%(2*s.Stride)] += v
	}
	if a.Batch.First == 1 {
		clear(a.DW)
	}
	for c := range s.Stride {
		a.DW[c] += a.Total[s.Stride+c]
		a.DW[s.Stride+c] += a.Total[c]
	}
}

// BackwardRef is the twin of [Shape.Backward].
func (s Shape) BackwardRef(a BackwardArgs[[]float64, shaders.Batch]) {
	clear(a.DX)
	n := float64(int(a.Batch.Rows) * s.P)
	s.each(a.Batch.Rows, func(_, c, i int) {
		d := a.DY[i]
		if !s.Running {
			d -= a.Total[c]/n + (a.X[i]-a.Moments[c])*a.Moments[s.Stride+c]*a.Total[s.Stride+c]/n
		}
		a.DX[i] = a.W[c] * a.Moments[s.Stride+c] * d
	})
}
