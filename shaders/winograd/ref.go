package winograd

import (
	"math"

	"wgnin/shaders"
)

// twin selects how a twin computes: with the matrices themselves, or with their absolute values,
// for the magnitude of the terms.
type twin struct{ absolute bool }

func (w twin) of(m Matrix) Matrix {
	if !w.absolute {
		return m
	}
	a := zeros(len(m), len(m[0]))
	for i, row := range m {
		for j, v := range row {
			a[i][j] = math.Abs(v)
		}
	}
	return a
}

// both applies m in both directions to the values of load(i, j), and passes each result to store(k,
// l, v).
func (m Matrix) both(load func(i, j int) float64, store func(k, l int, v float64)) {
	c := zeros(len(m), len(m[0]))
	for k, row := range m {
		for j := range row {
			for i, v := range row {
				if v != 0 {
					c[k][j] += v * load(i, j)
				}
			}
		}
	}
	for k := range m {
		for l, row := range m {
			sum := 0.0
			for j, v := range row {
				if v != 0 {
					sum += v * c[k][j]
				}
			}
			store(k, l, sum)
		}
	}
}

// Ref is the twin of [Transform.Kernel].
func (t Transform) Ref(a TransformArgs[[]float64]) { t.ref(twin{}, a) }

func (t Transform) ref(w twin, a TransformArgs[[]float64]) {
	m := w.of(t.matrix())
	for i := range t.Count() * t.C {
		c, tile := i%t.C, i/t.C
		n, down, across := tile/(t.Down*t.Across), tile/t.Across%t.Down, tile%t.Across
		m.both(func(i, j int) float64 {
			h, w := down*t.M()-t.PadTop+i, across*t.M()-t.PadLeft+j
			if n >= t.N || h < 0 || h >= t.InH || w < 0 || w >= t.InW {
				return 0
			}
			return a.X[((n*t.InH+h)*t.InW+w)*t.C+c]
		}, func(k, l int, v float64) { a.Out[((k*t.Alpha+l)*t.Count()+tile)*t.C+c] = v })
	}
}

// Ref is the twin of [Filter.Kernel].
func (f Filter) Ref(a FilterArgs[[]float64]) { f.ref(twin{}, a) }

func (f Filter) ref(w twin, a FilterArgs[[]float64]) {
	_, g, _ := f.Matrices()
	for i := range f.Terms() * f.C {
		c, row := i%f.C, i/f.C
		w.of(g).both(func(i, j int) float64 {
			if row >= f.Rows {
				return 0
			}
			if f.Flip {
				i, j = f.Taps-1-i, f.Taps-1-j
			}
			return a.W[((i*f.Taps+j)*f.Rows+row)*f.C+c]
		}, func(k, l int, v float64) { a.U[((k*f.Alpha+l)*f.Terms()+row)*f.C+c] = v })
	}
}

// GradientRef is the twin of [Weights.Gradient].
func (w Weights) GradientRef(a WeightsArgs[[]float64, shaders.Batch]) { w.ref(twin{}, a) }

func (w Weights) ref(t twin, a WeightsArgs[[]float64, shaders.Batch]) {
	_, g, _ := w.Matrices()
	if w.First && a.Batch.First == 1 {
		clear(a.DW)
	}
	for i := range w.Rows * w.C {
		c, row := i%w.C, i/w.C
		t.of(g).transposed().both(func(i, j int) float64 {
			return a.Q[((i*w.Alpha+j)*w.Terms()+row)*w.C+c]
		}, func(r, s int, v float64) { a.DW[((r*w.Taps+s)*w.Rows+row)*w.C+c] += v })
	}
	for i, v := range a.Part {
		if w.NoBias {
			break
		}
		a.DW[w.Taps*w.Taps*w.Rows*w.C+i%w.C] += v
	}
}

// Ref is the twin of [Bias.Kernel].
func (b Bias) Ref(a BiasArgs[[]float64]) {
	clear(a.Part)
	e := a.E[(one*b.Alpha+one)*b.Count()*b.C:][:b.Count()*b.C]
	for i, v := range e {
		a.Part[i/b.C/b.perShare()*b.C+i%b.C] += v
	}
}

// outputs is the common part of the twins of o's kernels. finish is what each does to a value.
func (o Output) outputs(w twin, m, y []float64, finish func(i int, v float64) float64) {
	at, _, _ := o.Matrices()
	for i := range o.N * o.Down * o.Across * o.C {
		c, tile := i%o.C, i/o.C
		n, down, across := tile/(o.Down*o.Across), tile/o.Across%o.Down, tile%o.Across
		w.of(at).both(func(i, j int) float64 {
			return m[((i*o.Alpha+j)*o.Count()+tile)*o.C+c]
		}, func(k, l int, v float64) {
			if h, w := down*o.M()+k, across*o.M()+l; h < o.OutH && w < o.OutW {
				i := ((n*o.OutH+h)*o.OutW+w)*o.C + c
				y[i] = finish(i, v)
			}
		})
	}
}

// ForwardRef is the twin of [Output.Forward].
func (o Output) ForwardRef(relu bool) func(OutputArgs[[]float64]) { return o.forward(twin{}, relu) }

func (o Output) forward(w twin, relu bool) func(OutputArgs[[]float64]) {
	return func(a OutputArgs[[]float64]) {
		o.outputs(w, a.M, a.Y, func(i int, v float64) float64 {
			if !o.NoBias {
				v += a.W[o.Bias*o.C+i%o.C]
			}
			if relu {
				v = max(v, 0)
			}
			return v
		})
	}
}

// DXRef is the twin of [Output.DX].
func (o Output) DXRef(a OutputDXArgs[[]float64]) { o.dx(twin{}, a) }

func (o Output) dx(w twin, a OutputDXArgs[[]float64]) {
	o.outputs(w, a.M, a.Y, func(_ int, v float64) float64 { return v })
}

// DXReLURef is the twin of [Output.DXReLU].
func (o Output) DXReLURef(a OutputDXReLUArgs[[]float64]) { o.dxReLU(twin{}, a) }

func (o Output) dxReLU(w twin, a OutputDXReLUArgs[[]float64]) {
	o.outputs(w, a.M, a.Y, func(i int, v float64) float64 {
		if !(a.X[i] > 0) {
			return 0
		}
		return v
	})
}

// Ref is the twin of [Product.Kernel].
func (p Product) Ref(a ProductArgs[[]float64]) {
	clear(a.Out)
	for m := range p.Matrices {
		for row := range p.Rows {
			for k := range p.Terms {
				x := (m*p.Rows+row)*p.Terms + k
				if p.TermsFirst {
					x = (m*p.Terms+k)*p.Rows + row
				}
				for c := range p.Columns {
					a.Out[(m*p.Rows+row)*p.Columns+c] += a.A[x] * a.B[(m*p.Terms+k)*p.Columns+c]
				}
			}
		}
	}
}
