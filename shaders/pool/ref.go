package pool

import "math"

// windows calls f for each output element o. The iterator each yields the input elements that its
// window covers: their index in x and their place in the window.
func (s Shape) windows(f func(o int, each func(yield func(x, place int) bool))) {
	o := 0
	for n := range s.N {
		for oh := range s.OutH() {
			for ow := range s.OutW() {
				for c := range s.C {
					f(o, func(yield func(x, place int) bool) {
						for r := range s.KH {
							for q := range s.KW {
								h, w := oh*s.StrideH-s.PadTop+r, ow*s.StrideW-s.PadLeft+q
								if h < 0 || h >= s.InH || w < 0 || w >= s.InW {
									continue
								}
								if !yield(((n*s.InH+h)*s.InW+w)*s.C+c, r*s.KW+q) {
									return
								}
							}
						}
					})
					o++
				}
			}
		}
	}
}

// MaxForwardRef is the twin of [Shape.MaxForward].
func (s Shape) MaxForwardRef(a MaxForwardArgs[[]float64, []uint32]) {
	s.windows(func(o int, each func(func(x, place int) bool)) {
		best, at := 0.0, uint32(none)
		for x, place := range each {
			if v := a.X[x]; at == none || v > best || math.IsNaN(v) {
				best, at = a.X[x], uint32(place)
			}
		}
		if s.ReLU && best <= 0 {
			at = none
		}
		a.Y[o], a.Index[o] = best, at
	})
}

// MaxBackwardRef is the twin of [Shape.MaxBackward].
func (s Shape) MaxBackwardRef(a MaxBackwardArgs[[]float64, []uint32]) {
	clear(a.DX)
	s.windows(func(o int, each func(func(x, place int) bool)) {
		for x, place := range each {
			if a.Index[o] == uint32(place) {
				a.DX[x] += a.DY[o]
			}
		}
	})
}

// counted returns the number of pixels that the mean of output element o divides by. covered is the
// number of those in the image.
func (s Shape) counted(o int, covered int) float64 {
	if !s.CountPad {
		return float64(covered)
	}
	pixel := o / s.C % (s.OutH() * s.OutW())
	oh, ow := pixel/s.OutW(), pixel%s.OutW()
	n := 0
	for r := range s.KH {
		for q := range s.KW {
			if oh*s.StrideH+r < s.PadTop+s.InH+s.PadBottom && ow*s.StrideW+q < s.PadLeft+s.InW+s.PadRight {
				n++
			}
		}
	}
	return float64(n)
}

// AvgForwardRef is the twin of [Shape.AvgForward].
func (s Shape) AvgForwardRef(a AvgForwardArgs[[]float64]) {
	s.windows(func(o int, each func(func(x, place int) bool)) {
		sum, n := 0.0, 0
		for x := range each {
			sum += a.X[x]
			n++
		}
		a.Y[o] = sum / s.counted(o, n)
	})
}

// AvgBackwardRef is the twin of [Shape.AvgBackward].
func (s Shape) AvgBackwardRef(a AvgBackwardArgs[[]float64]) {
	clear(a.DX)
	s.windows(func(o int, each func(func(x, place int) bool)) {
		n := 0
		for range each {
			n++
		}
		for x := range each {
			a.DX[x] += a.DY[o] / s.counted(o, n)
		}
	})
}
