package adaptivepool

import "math"

// windows calls f for each output element o with the elements of x that its window covers.
func (s Shape) windows(f func(o int, window []int)) {
	span := func(o, n, m int) (first, end int) {
		return int(math.Floor(float64(o*n) / float64(m))), int(math.Ceil(float64((o+1)*n) / float64(m)))
	}
	o := 0
	for n := range s.N {
		for oh := range s.OutH {
			for ow := range s.OutW {
				for c := range s.C {
					var window []int
					h0, h1 := span(oh, s.InH, s.OutH)
					w0, w1 := span(ow, s.InW, s.OutW)
					for h := h0; h < h1; h++ {
						for w := w0; w < w1; w++ {
							window = append(window, ((n*s.InH+h)*s.InW+w)*s.C+c)
						}
					}
					f(o, window)
					o++
				}
			}
		}
	}
}

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	s.windows(func(o int, window []int) {
		sum := 0.0
		for _, x := range window {
			sum += a.X[x]
		}
		a.Y[o] = sum / float64(len(window))
	})
}

// BackwardRef is the twin of [Shape.Backward].
func (s Shape) BackwardRef(a BackwardArgs[[]float64]) {
	clear(a.DX)
	s.windows(func(o int, window []int) {
		for _, x := range window {
			a.DX[x] += a.DY[o] / float64(len(window))
		}
	})
}
