package winograd

import (
	"errors"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/check"
	"wgnin/shaders/conv2d"
)

// transforms returns the number of roundings for a matrix that is applied in both directions. Each
// sum has rounded coefficients, products and additions.
func transforms(m Matrix) int { return 2*m.terms() + 2 }

// Convolution is a 3x3 or 5x5 convolution without stride, with the points for computing it.
type Convolution struct {
	Points
	N, H, W, C, OutC, Pad int
}

// Check returns an error if the sizes are invalid.
func (s Convolution) Check() error {
	if err := errors.Join(s.Points.Check(),
		shaders.Positive("images, rows, columns and channels", s.N, s.H, s.W, s.C, s.OutC)); err != nil {
		return err
	}
	return shaders.Positive("rows and columns of outputs", s.H+2*s.Pad-s.Taps+1, s.W+2*s.Pad-s.Taps+1)
}

// sized are the points and sizes that the kernels are tested on: whole and partial tiles, a single
// tile, padding of more and less than half a filter, and padding larger than the filter.
var sized = []Convolution{
	{Points{Alpha: 6, Taps: 3}, 2, 7, 9, 4, 8, 1},
	{Points{Alpha: 6, Taps: 5}, 1, 5, 6, 8, 4, 2},
	{Points{Alpha: 8, Taps: 3}, 3, 6, 13, 3, 5, 0},
	{Points{Alpha: 8, Taps: 5}, 2, 9, 4, 6, 4, 3},
	{Points{Alpha: 6, Taps: 5}, 26, 1, 2, 1, 1, 4},
	{Points{Alpha: 8, Taps: 5}, 1, 3, 3, 5, 8, 5},
}

// products have whole and partial blocks of every family, and the smallest sizes.
var products = []Products{
	{Product{Matrices: 3, Rows: 24, Terms: 4, Columns: 32}}, {Product{Matrices: 2, Rows: 52, Terms: 12, Columns: 36}},
	{Product{Matrices: 2, Rows: 28, Terms: 20, Columns: 24, TermsFirst: true}},
	{Product{Matrices: 3, Rows: 72, Terms: 28, Columns: 40, TermsFirst: true}},
	{Product{Matrices: 5, Rows: 4, Terms: 8, Columns: 4}},
	{Product{Matrices: 2, Rows: 12, Terms: 4, Columns: 20, TermsFirst: true}},
	{Product{Matrices: 2, Rows: 132, Terms: 36, Columns: 68}},
	{Product{Matrices: 1, Rows: 200, Terms: 268, Columns: 36}},
	{Product{Matrices: 2, Rows: 8, Terms: 396, Columns: 100, TermsFirst: true}},
}

// Cases returns the conformance cases of the kernels that run on the device.
func Cases(d *gpu.Device) []check.Case {
	r := check.NewRand(21)
	var cs []check.Case
	for i, s := range sized {
		s.Rolled = rolled(d)
		cs = append(cs, cases(check.Checked(s), i, r)...)
	}
	for _, p := range products {
		cs = append(cs, SizedProduct(d, check.Checked(p), r)...)
	}
	return cs
}

// Sized returns the cases of a convolution, with the transforms that the device uses.
func Sized(d *gpu.Device, s Convolution, r check.Rand) []check.Case {
	s.Rolled = rolled(d)
	return cases(s, 0, r)
}

// cases returns the cases of a convolution. Settings other than its sizes vary with i.
func cases(s Convolution, i int, r check.Rand) (cs []check.Case) {
	zeros := r.Zeros
	cStride, outStride := shaders.RoundUp(s.C, 4), shaders.RoundUp(s.OutC, 4)
	outH, outW := s.H+2*s.Pad-s.Taps+1, s.W+2*s.Pad-s.Taps+1
	t := Tiles{s.Points, s.N, shaders.DivUp(outH, s.M()), shaders.DivUp(outW, s.M())}
	add := func(c check.Case) { cs = append(cs, c) }
	in := check.Checked(Transform{Tiles: t, InH: s.H, InW: s.W, C: cStride, PadTop: s.Pad, PadLeft: s.Pad - i%2})
	out := check.Checked(Transform{Tiles: t, InH: outH, InW: outW, C: outStride, Outputs: true})
	for j, k := range []Transform{in, out} {
		x := r.Tensor(s.N*k.InH*k.InW, []int{s.C, s.OutC}[j], k.C)
		add(check.Of(k.Kernel(), TransformArgs[[]float64]{x, zeros(t.Values(k.C))}, k.Ref,
			check.Bound[TransformArgs[[]float64]]{
				Terms: transforms(k.matrix()), Magnitude: func(a TransformArgs[[]float64]) {
					k.ref(twin{absolute: true}, a)
				},
			}))
	}

	_, g, _ := s.Matrices()
	f := check.Checked(Filter{s.Points, s.C, outStride, i%2 == 1})
	add(check.Of(f.Kernel(), FilterArgs[[]float64]{r.Tensor(s.Taps*s.Taps*s.C, s.OutC, outStride), zeros(f.Values())},
		f.Ref, check.Bound[FilterArgs[[]float64]]{
			Terms: transforms(g), Magnitude: func(a FilterArgs[[]float64]) { f.ref(twin{absolute: true}, a) },
		}))

	type weightsArgs = WeightsArgs[[]float64, shaders.Batch]
	dw := check.Checked(Weights{f, 1 + i%3, i%4 != 2, i%4 == 1})
	args := weightsArgs{
		shaders.Batch{First: uint32((i + 1) % 2)},
		// without a bias, this is one row too many
		r.Floats(f.Values()), r.Floats(dw.Shares * outStride), r.Floats((s.Taps*s.Taps*s.C + 1) * outStride),
	}
	add(check.Of(dw.Gradient(), args, dw.GradientRef, check.Bound[weightsArgs]{
		Terms: transforms(g.transposed()) + dw.Shares + 1, Magnitude: func(a weightsArgs) {
			dw.ref(twin{absolute: true}, a)
		},
	}))

	b := check.Checked(Bias{t, outStride, 1 + i%3})
	add(check.Of(b.Kernel(), BiasArgs[[]float64]{r.Floats(t.Values(outStride)), zeros(b.Shares * outStride)}, b.Ref,
		check.Bound[BiasArgs[[]float64]]{Terms: b.perShare()}))

	at, _, _ := s.Matrices()
	o := check.Checked(Output{Tiles: t, OutH: outH, OutW: outW, C: outStride, Bias: 2, NoBias: i%3 == 1})
	m, y := r.Floats(t.Values(outStride)), s.N*outH*outW*outStride
	for _, relu := range []bool{false, true} {
		add(check.Of(o.Forward(relu), OutputArgs[[]float64]{m, r.Floats(3 * outStride), zeros(y)}, o.ForwardRef(relu),
			check.Bound[OutputArgs[[]float64]]{
				Terms: transforms(at) + 1, Magnitude: o.forward(twin{absolute: true}, false),
			}))
	}
	add(check.Of(o.DX(), OutputDXArgs[[]float64]{m, zeros(y)}, o.DXRef, check.Bound[OutputDXArgs[[]float64]]{
		Terms: transforms(at), Magnitude: func(a OutputDXArgs[[]float64]) { o.dx(twin{absolute: true}, a) },
	}))
	x := r.Floats(y)
	for i := range x { // about half of the values are zero, as after a relu
		x[i] = max(x[i], 0)
	}
	add(check.Of(o.DXReLU(), OutputDXReLUArgs[[]float64]{m, x, zeros(y)}, o.DXReLURef,
		check.Bound[OutputDXReLUArgs[[]float64]]{
			Terms: transforms(at), Magnitude: func(a OutputDXReLUArgs[[]float64]) { o.dxReLU(twin{absolute: true}, a) },
		}))
	return cs
}

// SizedProduct returns the cases of products, for each family of kernels that runs on the device.
func SizedProduct(d *gpu.Device, m Products, r check.Rand) (cs []check.Case) {
	p := m.Product
	a, b := r.Floats(p.Matrices*p.Rows*p.Terms), r.Floats(p.Matrices*p.Terms*p.Columns)
	for _, v := range conv2d.Families(d) {
		p.Variant = v
		c := check.Of(p.Kernel(), ProductArgs[[]float64]{a, b, r.Zeros(p.Matrices * p.Rows * p.Columns)}, p.Ref,
			check.Bound[ProductArgs[[]float64]]{Terms: p.Terms})
		c.Variant = v.String() + map[bool]string{false: ", rows first", true: ", terms first"}[p.TermsFirst]
		cs = append(cs, c)
	}
	return cs
}

// Products is a [Product] without a variant.
type Products struct{ Product }

// Check returns an error if the sizes are invalid.
func (p Products) Check() error {
	p.Variant = conv2d.Variant{Family: conv2d.Block, Lanes: 8}
	return p.Product.Check()
}

// Gradients returns the checks of the backward pass of the whole algorithm, in float64. The
// algorithm is linear in the inputs and in the filters.
func Gradients() []check.Gradient {
	r := check.NewRand(22)
	var gs []check.Gradient
	for _, s := range sized {
		const c = 4
		p := s.Points
		outH, outW := s.H+2*s.Pad-p.Taps+1, s.W+2*s.Pad-p.Taps+1
		t := Tiles{p, s.N, shaders.DivUp(outH, p.M()), shaders.DivUp(outW, p.M())}
		in := Transform{Tiles: t, InH: s.H, InW: s.W, C: c, PadTop: s.Pad, PadLeft: s.Pad}
		f := Filter{p, c, c, false}
		product := Product{Matrices: p.Alpha * p.Alpha, Rows: t.Count(), Terms: c, Columns: c}
		o := Output{Tiles: t, OutH: outH, OutW: outW, C: c, Bias: p.Taps * p.Taps * c}
		x, w, dY := r.Floats(s.N*s.H*s.W*c), r.Floats((p.Taps*p.Taps*c+1)*c), r.Floats(s.N*outH*outW*c)
		v, u, m, y := make([]float64, t.Values(c)), make([]float64, f.Values()), make([]float64, t.Values(c)),
			make([]float64, len(dY))
		loss := func() float64 {
			in.Ref(TransformArgs[[]float64]{x, v})
			f.Ref(FilterArgs[[]float64]{w, u})
			product.Ref(ProductArgs[[]float64]{v, u, m})
			o.ForwardRef(false)(OutputArgs[[]float64]{m, w, y})
			return check.Dot(y, dY)
		}

		out := Transform{Tiles: t, InH: outH, InW: outW, C: c, Outputs: true}
		e, q, shares, dw := make([]float64, t.Values(c)), make([]float64, f.Values()), make([]float64, c),
			make([]float64, len(w))
		in.Ref(TransformArgs[[]float64]{x, v})
		out.Ref(TransformArgs[[]float64]{dY, e})
		Product{Matrices: p.Alpha * p.Alpha, Rows: c, Terms: t.Count(), Columns: c,
			TermsFirst: true}.Ref(ProductArgs[[]float64]{v, e, q})
		Bias{t, c, 1}.Ref(BiasArgs[[]float64]{e, shares})
		Weights{f, 1, true, false}.GradientRef(WeightsArgs[[]float64, shaders.Batch]{shaders.Batch{First: 1}, q,
			shares, dw})

		// Each output is a sum of transformed terms. The transforms increase their absolute values
		// by up to growth.
		growth := p.growth()
		gs = append(gs, check.Gradient{
			Op: "winograd/dw", Detail: t.String(), X: w, Grad: dw, Loss: loss, Step: 1,
			Terms: len(y) + p.Taps*p.Taps*c + 6*p.Alpha, Magnitude: 2 * growth * float64(len(y)*c),
		})
	}
	return gs
}

// growth returns a bound on the sum of the absolute values of the terms of an output, for inputs
// and filters of at most 1.
func (p Points) growth() float64 {
	at, g, bt := p.Matrices()
	most := 0.0
	for _, row := range (twin{absolute: true}).of(at) {
		sum := 0.0
		for j, v := range row {
			sum += v * norm1((twin{absolute: true}).of(g)[j]) * norm1((twin{absolute: true}).of(bt)[j])
		}
		most = max(most, sum)
	}
	return most * most
}

func norm1(row []float64) (sum float64) {
	for _, v := range row {
		sum += v
	}
	return sum
}
