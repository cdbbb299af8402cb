package conv2d

import "wgnin/shaders"

// taps calls f for each product of the convolution: x[ix] * w[row][co] is added to
// y[pixel*OutStride+co], for all co.
func (s Shape) taps(f func(ix, row, pixel int)) {
	dh, dw := s.Dilation()
	pixel := 0
	for n := range s.N {
		for oh := range s.OutH() {
			for ow := range s.OutW() {
				for r := range s.KH {
					for q := range s.KW {
						h, w := oh*s.StrideH-s.PadTop+r*dh, ow*s.StrideW-s.PadLeft+q*dw
						if h < 0 || h >= s.InH || w < 0 || w >= s.InW {
							continue
						}
						for ci := range s.InC {
							f(((n*s.InH+h)*s.InW+w)*s.InStride+ci, (r*s.KW+q)*s.InC+ci, pixel)
						}
					}
				}
				pixel++
			}
		}
	}
}

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(relu bool) func(ForwardArgs[[]float64]) {
	return func(a ForwardArgs[[]float64]) {
		stride := s.OutStride()
		clear(a.Out)
		if !s.NoBias {
			for i := range a.Out {
				a.Out[i] = a.W[(s.Rows()-1)*stride+i%stride]
			}
		}
		s.taps(func(ix, row, pixel int) {
			x, w, y := a.In_[ix], a.W[row*stride:][:stride], a.Out[pixel*stride:][:stride]
			for co := range y {
				y[co] += x * w[co]
			}
		})
		if relu {
			for i, y := range a.Out {
				a.Out[i] = max(y, 0)
			}
		}
	}
}

// TransposeRef is the twin of [Shape.Transpose].
func (s Shape) TransposeRef(a TransposeArgs[[]float64]) {
	clear(a.WT)
	for t := range s.KH * s.KW {
		for ci := range s.InC {
			for co := range s.OutC {
				a.WT[(t*s.OutC+co)*s.InStride+ci] = a.W[(t*s.InC+ci)*s.OutStride()+co]
			}
		}
	}
}

// DXRef is the twin of [Shape.DX].
func (s Shape) DXRef(a DXArgs[[]float64]) {
	clear(a.Out)
	s.taps(func(ix, row, pixel int) {
		t, ci := row/s.InC, row%s.InC
		for co := range s.OutC {
			a.Out[ix] += a.In_[pixel*s.OutStride()+co] * a.W[(t*s.OutC+co)*s.InStride+ci]
		}
	})
}

// DXReLURef is the twin of [Shape.DXReLU].
func (s Shape) DXReLURef(a DXReLUArgs[[]float64]) {
	s.DXRef(DXArgs[[]float64]{a.In_, a.W, a.Out})
	for i, x := range a.X {
		if !(x > 0) {
			a.Out[i] = 0
		}
	}
}

// DWRef is the twin of [Shape.DW].
func (s Shape) DWRef(a DWArgs[[]float64]) {
	clear(a.Part)
	stride := s.OutStride()
	pixels, perShare := s.N*s.OutH()*s.OutW(), s.perShare()
	add := func(pixel, row int, x float64) {
		part := a.Part[(pixel/perShare*s.Rows()+row)*stride:][:stride]
		for co, g := range a.DY[pixel*stride:][:stride] {
			part[co] += x * g
		}
	}
	s.taps(func(ix, row, pixel int) { add(pixel, row, a.X[ix]) })
	if s.NoBias {
		return
	}
	for pixel := range pixels {
		add(pixel, s.Rows()-1, 1)
	}
}

// DWSumRef is the twin of [Shape.DWSum].
func (s Shape) DWSumRef(a DWSumArgs[[]float64, shaders.Batch]) {
	if a.Batch.First == 1 {
		clear(a.DW)
	}
	for i, v := range a.Part {
		a.DW[i%len(a.DW)] += v
	}
}
