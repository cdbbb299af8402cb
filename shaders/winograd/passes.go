package winograd

import (
	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/conv2d"
)

// Temp makes memory for values that are needed only while a plan runs.
type Temp func(label string, values int) gpu.View

// budget is the approximate number of bytes for the points of a part of a batch. It is enough for
// products that fill a device, and small beside the activations of a batch.
const budget = 48 << 20

// pass is a pass of a convolution that is being recorded.
type pass struct {
	Points
	conv2d.Shape
	variant conv2d.Variant
	rec     *gpu.Recorder
	temp    Temp
}

func newPass(r *gpu.Recorder, temp Temp, s conv2d.Shape, p conv2d.Pass) pass {
	v := s.Variants[p]
	return pass{Points{v.Alpha, s.KH, rolled(r.Device())}, s, v, r, temp}
}

// rolled returns Points.Rolled for the device.
func rolled(d *gpu.Device) bool { return d.Adapter().Class == gpu.Software }

// tiles returns the tiles that cover h x w outputs of n images.
func (p pass) tiles(n, h, w int) Tiles {
	return Tiles{Points: p.Points, N: n, Down: shaders.DivUp(h, p.M()), Across: shaders.DivUp(w, p.M())}
}

// part is a range of the images of a batch.
type part struct{ first, n int }

// view returns the part's images in v. Each image has so many values.
func (p part) view(v gpu.View, values int) gpu.View {
	return v.Slice(int64(p.first)*int64(values)*4, int64(p.n)*int64(values)*4)
}

// parts divides the batch into few parts within the budget. All but possibly the last have equal
// size, and each begins where a binding may begin. An image has h x w outputs; channels is the
// number of input and output channels of its points.
func (p pass) parts(h, w, channels int) (all []part) {
	t := p.tiles(1, h, w)
	image := p.Alpha * p.Alpha * t.Down * t.Across * channels * 4
	count := shaders.DivUp(p.N, max(1, budget/image))
	for i := count; i <= 2*count; i++ {
		if p.N%i == 0 { // equal sizes, so that the parts share their kernels
			count = i
			break
		}
	}
	n := min(p.N, shaders.RoundUp(shaders.DivUp(p.N, count), p.Together(p.rec.Device().Adapter().Limits.OffsetAlign)))
	for first := 0; first < p.N; first += n {
		all = append(all, part{first, min(n, p.N-first)})
	}
	return all
}

// multiply records the products of tiles with filters for n images, or, if termsFirst is true, of
// tiles with tiles. They replace the sums over the taps.
func (p pass) multiply(n int, a, b, out gpu.View, rows, terms, columns int, termsFirst bool) {
	product := Product{p.Alpha * p.Alpha, rows, terms, columns, termsFirst, p.variant}
	if err := product.Check(); err != nil {
		p.rec.Fail(err)
		return
	}
	k := product.Kernel()
	k.Replaces = 2 * p.MACs() / int64(p.N) * int64(n)
	k.Record(p.rec, ProductArgs[gpu.View]{A: a, B: b, Out: out})
}

// filtered records the transform of the filters w to points, and returns the points.
func (p pass) filtered(w gpu.View, inC, outStride int, flip bool) gpu.View {
	f := Filter{p.Points, inC, outStride, flip}
	u := p.temp("filter points", f.Values())
	f.Kernel().Record(p.rec, FilterArgs[gpu.View]{W: w, U: u})
	return u
}

// Forward records y = x * w + b, or its ReLU if relu is true, with the variant
// s.Variants[conv2d.Forward].
func Forward(r *gpu.Recorder, temp Temp, s conv2d.Shape, relu bool, a conv2d.ForwardArgs[gpu.View]) {
	p := newPass(r, temp, s, conv2d.Forward)
	h, w, inC, outC := s.OutH(), s.OutW(), s.InStride, s.OutStride()
	u := p.filtered(a.W, s.InC, outC, false)
	parts := p.parts(h, w, inC+outC)
	most := p.tiles(parts[0].n, h, w)
	v, m := temp("input points", most.Values(inC)), temp("output points", most.Values(outC))
	for _, part := range parts {
		t := p.tiles(part.n, h, w)
		in := Transform{Tiles: t, InH: s.InH, InW: s.InW, C: inC, PadTop: s.PadTop, PadLeft: s.PadLeft}
		in.Kernel().Record(r, TransformArgs[gpu.View]{X: part.view(a.In_, s.In()/s.N), Out: v})
		p.multiply(part.n, v, u, m, t.Count(), inC, outC, false)
		out := Output{Tiles: t, OutH: h, OutW: w, C: outC, Bias: s.Rows() - 1, NoBias: s.NoBias}
		out.Forward(relu).Record(r, OutputArgs[gpu.View]{M: m, W: a.W, Y: part.view(a.Out, s.Out()/s.N)})
	}
}

// InputGradient records the gradient of x with the variant s.Variants[conv2d.InputGradient]. It is
// a convolution of dY with the filters turned by half a circle. In a, X is the output of the relu
// that made x, or the zero View if there is no relu.
func InputGradient(r *gpu.Recorder, temp Temp, s conv2d.Shape, a conv2d.DXReLUArgs[gpu.View]) {
	p := newPass(r, temp, s, conv2d.InputGradient)
	h, w, inC, outC := s.InH, s.InW, s.OutStride(), s.InStride
	u := p.filtered(a.W, s.OutC, outC, true)
	parts := p.parts(h, w, inC+outC)
	most := p.tiles(parts[0].n, h, w)
	v, m := temp("dY points", most.Values(inC)), temp("dX points", most.Values(outC))
	for _, part := range parts {
		t := p.tiles(part.n, h, w)
		in := Transform{
			Tiles: t, InH: s.OutH(), InW: s.OutW(), C: inC,
			PadTop: s.KH - 1 - s.PadTop, PadLeft: s.KW - 1 - s.PadLeft,
		}
		in.Kernel().Record(r, TransformArgs[gpu.View]{X: part.view(a.In_, s.Out()/s.N), Out: v})
		p.multiply(part.n, v, u, m, t.Count(), inC, outC, false)
		out := Output{Tiles: t, OutH: h, OutW: w, C: outC}
		dX := part.view(a.Out, s.In()/s.N)
		if a.X.IsZero() {
			out.DX().Record(r, OutputDXArgs[gpu.View]{M: m, Y: dX})
		} else {
			out.DXReLU().Record(r, OutputDXReLUArgs[gpu.View]{M: m, X: part.view(a.X, s.In()/s.N), Y: dX})
		}
	}
}

// WeightGradientArgs are the arguments of [WeightGradient]: X and DY as in [conv2d.DWArgs],
// DW as in [conv2d.DWSumArgs].
type WeightGradientArgs struct{ Batch, X, DY, DW gpu.View }

// WeightGradient records the gradient of weights and bias with the variant
// s.Variants[conv2d.WeightGradient]. It adds to DW, or assigns it if Batch.First is 1. The
// algorithm is the transpose of the forward pass, with a sum over tiles.
func WeightGradient(r *gpu.Recorder, temp Temp, s conv2d.Shape, a WeightGradientArgs) {
	p := newPass(r, temp, s, conv2d.WeightGradient)
	h, w, inC, outC := s.OutH(), s.OutW(), s.InStride, s.OutStride()
	parts := p.parts(h, w, inC+outC)
	most := p.tiles(parts[0].n, h, w)
	v, e := temp("input points", most.Values(inC)), temp("dY points", most.Values(outC))
	weights := Weights{Filter: Filter{p.Points, s.InC, outC, false}, Shares: shaders.DivUp(most.Count(), 256),
		NoBias: s.NoBias}
	q := temp("dW points", weights.Values())
	shares := q // shares are not read without a bias
	if !s.NoBias {
		shares = temp("bias shares", weights.Shares*outC)
	}
	for i, part := range parts {
		t := p.tiles(part.n, h, w)
		in := Transform{Tiles: t, InH: s.InH, InW: s.InW, C: inC, PadTop: s.PadTop, PadLeft: s.PadLeft}
		in.Kernel().Record(r, TransformArgs[gpu.View]{X: part.view(a.X, s.In()/s.N), Out: v})
		out := Transform{Tiles: t, InH: h, InW: w, C: outC, Outputs: true}
		out.Kernel().Record(r, TransformArgs[gpu.View]{X: part.view(a.DY, s.Out()/s.N), Out: e})
		p.multiply(part.n, v, e, q, inC, t.Count(), outC, true)
		if !s.NoBias {
			Bias{t, outC, weights.Shares}.Kernel().Record(r, BiasArgs[gpu.View]{E: e, Part: shares})
		}
		weights.First = i == 0
		weights.Gradient().Record(r, WeightsArgs[gpu.View, gpu.View]{Batch: a.Batch, Q: q, Part: shares, DW: a.DW})
	}
}
