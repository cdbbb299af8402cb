package groupconv

import "wgnin/shaders"

// products calls f for each product of the convolution: of image n, element x of the input,
// element w of the weights and element y of the output.
func (s Shape) products(f func(n, x, w, y int)) {
	in, out := s.InC/s.Groups, s.OutC/s.Groups
	for n := range s.N {
		for oh := range s.OutH() {
			for ow := range s.OutW() {
				for co := range s.OutC {
					for r := range s.TapsH() {
						for q := range s.TapsW() {
							h, v := oh*s.StrideH+r*s.DilationH-s.PadTop, ow*s.StrideW+q*s.DilationW-s.PadLeft
							if h < 0 || h >= s.InH || v < 0 || v >= s.InW {
								continue
							}
							for ci := range in {
								f(n, ((n*s.InH+h)*s.InW+v)*s.InStride+co/out*in+ci,
									((r*s.TapsW()+q)*in+ci)*s.OutStride()+co,
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
	clear(a.Y)
	if !s.NoBias {
		for i := range a.Y {
			a.Y[i] = a.W[(s.Rows()-1)*s.OutStride()+i%s.OutStride()]
		}
	}
	s.products(func(_, x, w, y int) { a.Y[y] += a.X[x] * a.W[w] })
}

// DXRef is the twin of [Shape.DX].
func (s Shape) DXRef(a DXArgs[[]float64]) {
	clear(a.DX)
	s.products(func(_, x, w, y int) { a.DX[x] += a.DY[y] * a.W[w] })
}

// DWRef is the twin of [Shape.DW].
func (s Shape) DWRef(a DWArgs[[]float64]) {
	clear(a.Part)
	s.products(func(n, x, w, y int) { a.Part[n%s.Shares()*s.Weights()+w] += a.X[x] * a.DY[y] })
	if s.NoBias {
		return
	}
	for i, d := range a.DY {
		n := i / (s.OutH() * s.OutW() * s.OutStride())
		a.Part[n%s.Shares()*s.Weights()+(s.Rows()-1)*s.OutStride()+i%s.OutStride()] += d
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
