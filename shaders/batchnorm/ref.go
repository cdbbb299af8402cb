package batchnorm

import (
	"math"

	"wgnin/shaders"
)

// chunk is the pixels of chunk k that count, from first up to end.
func (s Shape) chunk(k int, b shaders.Batch) (first, end int) {
	first = k * s.size()
	return first, max(first, min(first+s.size(), int(b.Rows)*s.P))
}

// StatsRef is the twin of [Shape.Stats].
func (s Shape) StatsRef(a StatsArgs[[]float64, shaders.Batch]) {
	clear(a.Part)
	for k := range s.Chunks() {
		first, end := s.chunk(k, a.Batch)
		for c := range s.Stride {
			mean, m2 := 0.0, 0.0
			for p := first; p < end; p++ {
				mean += a.X[p*s.Stride+c] / float64(end-first)
			}
			for p := first; p < end; p++ {
				m2 += (a.X[p*s.Stride+c] - mean) * (a.X[p*s.Stride+c] - mean)
			}
			a.Part[k*2*s.Stride+c], a.Part[(k*2+1)*s.Stride+c] = mean, m2
		}
	}
}

// CombineRef is the twin of [Shape.Combine].
func (s Shape) CombineRef(a CombineArgs[[]float64, shaders.Batch]) {
	pixels := float64(a.Batch.Rows) * float64(s.P)
	momentum := float64(s.Momentum)
	for c := range s.Stride {
		mean, m2, n := 0.0, 0.0, 0.0
		for k := range s.Chunks() {
			first, end := s.chunk(k, a.Batch)
			more := float64(end - first)
			if more == 0 {
				continue
			}
			d := a.Part[k*2*s.Stride+c] - mean
			mean += d * more / (n + more)
			m2 += a.Part[(k*2+1)*s.Stride+c] + d*d*n*more/(n+more)
			n += more
		}
		a.Moments[c], a.Moments[s.Stride+c] = mean, 1/math.Sqrt(m2/pixels+float64(s.Eps))
		a.State[c] += momentum * (mean - a.State[c])
		a.State[s.Stride+c] += momentum * (m2/(max(pixels, 2)-1) - a.State[s.Stride+c])
	}
}

// FixedRef is the twin of [Shape.Fixed].
func (s Shape) FixedRef(a FixedArgs[[]float64]) {
	for c := range s.Stride {
		a.Moments[c], a.Moments[s.Stride+c] = a.State[c], 1/math.Sqrt(a.State[s.Stride+c]+float64(s.Eps))
	}
}

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	for i := range a.Y {
		c := i % s.Stride
		a.Y[i] = (a.X[i]-a.Moments[c])*a.Moments[s.Stride+c]*a.W[c] + a.W[s.Stride+c]
	}
}

// SumsRef is the twin of [Shape.Sums].
func (s Shape) SumsRef(a SumsArgs[[]float64, shaders.Batch]) {
	clear(a.Part)
	for k := range s.Chunks() {
		first, end := s.chunk(k, a.Batch)
		for i := first * s.Stride; i < end*s.Stride; i++ {
			c := i % s.Stride
			a.Part[k*2*s.Stride+c] += a.DY[i]
			a.Part[(k*2+1)*s.Stride+c] += a.DY[i] * (a.X[i] - a.Moments[c]) * a.Moments[s.Stride+c]
		}
	}
}

// GradientsRef is the twin of [Shape.Gradients].
func (s Shape) GradientsRef(a GradientsArgs[[]float64, shaders.Batch]) {
	clear(a.Total)
	if a.Batch.First == 1 {
		clear(a.DW)
	}
	for k := range s.Chunks() {
		for i := range 2 * s.Stride {
			a.Total[i] += a.Part[k*2*s.Stride+i]
		}
	}
	for c := range s.Stride {
		a.DW[c] += a.Total[s.Stride+c]
		a.DW[s.Stride+c] += a.Total[c]
	}
}

// BackwardRef is the twin of [Shape.Backward].
func (s Shape) BackwardRef(a BackwardArgs[[]float64, shaders.Batch]) {
	clear(a.DX)
	n := float64(a.Batch.Rows) * float64(s.P)
	for i := range int(a.Batch.Rows) * s.P * s.Stride {
		c := i % s.Stride
		d := a.DY[i]
		if !s.Running {
			xhat := (a.X[i] - a.Moments[c]) * a.Moments[s.Stride+c]
			d -= a.Total[c]/n + xhat*a.Total[s.Stride+c]/n
		}
		a.DX[i] = a.W[c] * a.Moments[s.Stride+c] * d
	}
}
