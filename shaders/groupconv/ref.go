package groupconv

import "wgnin/shaders"

// products calls f for each product of the convolution, with the indices of the input's, the
// weight's and the output's element.
func (s Shape) products(f func(x, w, y int)) {
	in, out := s.GroupIn(), s.GroupOut()
	dh, dw := s.Dilation()
	for n := range s.N {
		for oh := range s.OutH() {
			for ow := range s.OutW() {
				for co := range s.OutC {
					for r := range s.KH {
						for q := range s.KW {
							h, v := oh*s.StrideH+r*dh-s.PadTop, ow*s.StrideW+q*dw-s.PadLeft
							if h < 0 || h >= s.InH || v < 0 || v >= s.InW {
								continue
							}
							for ci := range in {
								f(((n*s.InH+h)*s.InW+v)*s.InStride+co/out*in+ci,
									((r*s.KW+q)*in+ci)*s.OutStride()+co,
									((n*s.OutH()+oh)*s.OutW()+ow)*s.OutStride()+co)
							}
						}
					}
				}
			}
		}
	}
}

// ForwardRef is the twin of [Shape.Forward].
func (s Shape) ForwardRef(a ForwardArgs[[]float64]) {
	clear(a.Out)
	for i := range a.Out {
		if s.NoBias {
			break
		}
		a.Out[i] = a.W[(s.Rows()-1)*s.OutStride()+i%s.OutStride()]
	}
	s.products(func(x, w, y int) { a.Out[y] += a.In_[x] * a.W[w] })
}

// TransposeRef is the twin of [Shape.Transpose].
func (s Shape) TransposeRef(a TransposeArgs[[]float64]) {
	clear(a.WT)
	for t := range s.KH * s.KW {
		for co := range s.GroupOut() {
			for ci := range s.InC {
				from := (t*s.GroupIn()+ci%s.GroupIn())*s.OutStride() + ci/s.GroupIn()*s.GroupOut() + co
				a.WT[(t*s.GroupOut()+co)*s.InStride+ci] = a.W[from]
			}
		}
	}
}

// DXRef is the twin of [Shape.DX].
func (s Shape) DXRef(a DXArgs[[]float64]) {
	clear(a.Out)
	s.products(func(x, w, y int) {
		tap, co, ci := w/s.OutStride()/s.GroupIn(), y%s.OutStride()%s.GroupOut(), x%s.InStride
		a.Out[x] += a.In_[y] * a.W[(tap*s.GroupOut()+co)*s.InStride+ci]
	})
}

// DWRef is the twin of [Shape.DW].
func (s Shape) DWRef(a DWArgs[[]float64]) {
	clear(a.Part)
	c, _ := s.dw()
	share := func(y int) []float64 {
		return a.Part[y/(c.LinesPerShare*c.OutW*s.OutStride())*s.Weights():][:s.Weights()]
	}
	s.products(func(x, w, y int) { share(y)[w] += a.In_[x] * a.DY[y] })
	for y, d := range a.DY {
		if s.NoBias {
			break
		}
		share(y)[(s.Rows()-1)*s.OutStride()+y%s.OutStride()] += d
	}
}

// DWSumRef is the twin of [Shape.DWSum].
func (s Shape) DWSumRef(a DWSumArgs[[]float64, shaders.Batch]) {
	if a.Batch.First == 1 {
		clear(a.DW)
	}
	for i, v := range a.Part {
		a.DW[i%s.Weights()] += v
	}
}
