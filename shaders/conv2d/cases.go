package conv2d

import (
	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/check"
)

func square(n, inC, outC, in, k, stride, pad int) Shape {
	return Shape{
		N: n, InC: inC, InStride: shaders.RoundUp(inC, 4), OutC: outC,
		Window: shaders.Window{InH: in, InW: in, KH: k, KW: k, StrideH: stride, StrideW: stride, PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad},
	}
}

// raw is s with the channels of x not padded, as the input op leaves them.
func raw(s Shape) Shape {
	s.InStride = s.InC
	return s
}

// shapes are one convolution of each kind in the chapter, and odd ones: even
// kernels, stride 3, padding larger than half the kernel and than the kernel,
// one channel, primes, batch 1, single pixels, asymmetric everything.
func shapes() []Shape {
	return []Shape{
		raw(square(1, 1, 96, 224, 11, 4, 0)),
		square(1, 96, 256, 7, 5, 1, 2),
		square(2, 64, 96, 7, 3, 1, 1),
		square(3, 96, 96, 7, 1, 1, 0),
		square(4, 384, 10, 5, 3, 1, 1),
		raw(square(2, 3, 7, 10, 2, 1, 1)),
		square(1, 5, 11, 13, 4, 3, 3),
		square(2, 13, 17, 7, 3, 2, 2),
		raw(square(3, 1, 1, 17, 3, 3, 0)),
		square(1, 1, 1, 1, 1, 1, 0),
		square(1, 4, 13, 3, 2, 2, 4),
		square(7, 8, 12, 1, 1, 1, 0),
		square(1, 31, 37, 11, 7, 1, 5),
		raw(Shape{N: 2, InC: 2, OutC: 5, Window: shaders.Window{InH: 9, InW: 14, KH: 2, KW: 6, StrideH: 3, StrideW: 2, PadTop: 1, PadBottom: 0, PadLeft: 3, PadRight: 2}}),
		{N: 2, InC: 6, InStride: 8, OutC: 3, Window: shaders.Window{InH: 8, InW: 5, KH: 1, KW: 5, StrideH: 1, StrideW: 1, PadLeft: 1, PadRight: 3}},
		square(2, 16, 24, 1, 3, 1, 1),
	}
}

// variants are the shapes with each family of kernels that the device has.
func variants(d *gpu.Device) (ss []Shape) {
	for _, s := range shapes() {
		s = s.On(d)
		ss = append(ss, s)
		if s.Broadcast {
			s.Broadcast = false
			ss = append(ss, s)
		}
	}
	return ss
}

// Cases are the conformance cases of the kernels that run on the device.
func Cases(d *gpu.Device) []check.Case {
	type (
		forward   = ForwardArgs[[]float64]
		transp    = TransposeArgs[[]float64]
		dx        = DXArgs[[]float64]
		dxReLU    = DXReLUArgs[[]float64]
		dwArgs    = DWArgs[[]float64]
		dwSumArgs = DWSumArgs[[]float64, shaders.Batch]
	)
	r := check.NewRand(8)
	var cs []check.Case
	for i, s := range variants(d) {
		if err := s.Check(); err != nil {
			panic(err)
		}
		zeros := func(n int) []float64 { return make([]float64, n) }
		inPixels, outPixels := s.N*s.InH*s.InW, s.N*s.OutH()*s.OutW()
		x := r.Tensor(inPixels, s.InC, s.InStride)
		dY := r.Tensor(outPixels, s.OutC, s.OutStride())
		w := r.Tensor(s.Rows(), s.OutC, s.OutStride())
		relu := i/2%2 == 1
		cs = append(cs,
			check.Of(s.Forward(relu), forward{x, w, zeros(s.Out())}, s.ForwardRef(relu), check.Bound[forward]{Terms: s.Rows()}),
			check.Of(s.DW(), dwArgs{x, dY, zeros(s.Part())}, s.DWRef, check.Bound[dwArgs]{Terms: shaders.DivUp(outPixels, s.shares()) + s.OutH()*s.OutW()}),
			check.Of(s.DWSum(), dwSumArgs{shaders.Batch{First: uint32(i / 2 % 2)}, r.Floats(s.Part()), r.Floats(s.Weights())}, s.DWSumRef, check.Bound[dwSumArgs]{Terms: s.shares() + 1}))
		if s.InStride%4 != 0 {
			continue // an input of the network, which has no gradient
		}
		wT := zeros(s.Transposed())
		s.TransposeRef(transp{w, wT})
		terms := s.KH * s.KW * s.OutC
		cs = append(cs,
			check.Of(s.Transpose(), transp{w, zeros(s.Transposed())}, s.TransposeRef, check.Bound[transp]{}),
			check.Of(s.DX(), dx{dY, wT, zeros(s.In())}, s.DXRef, check.Bound[dx]{Terms: terms}),
			check.Of(s.DXReLU(), dxReLU{dY, wT, r.Tensor(inPixels, s.InC, s.InStride), zeros(s.In())}, s.DXReLURef, check.Bound[dxReLU]{Terms: terms}))
	}
	return cs
}
