package batchnorm

import (
	"math"

	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	statsArgs     = StatsArgs[[]float64, shaders.Batch]
	combineArgs   = CombineArgs[[]float64, shaders.Batch]
	fixedArgs     = FixedArgs[[]float64]
	forwardArgs   = ForwardArgs[[]float64]
	sumsArgs      = SumsArgs[[]float64, shaders.Batch]
	gradientsArgs = GradientsArgs[[]float64, shaders.Batch]
	backwardArgs  = BackwardArgs[[]float64, shaders.Batch]
)

// sized are shapes with the images that count: one value, partial batches, channels that are
// no multiple of 4, fewer pixels than chunks and many more, a chunk that no image reaches.
var sized = []struct {
	s     Shape
	rows  int
	first uint32
}{
	{Shape{N: 1, P: 1, C: 1, Stride: 4, Eps: 1e-5, Momentum: 0.1}, 1, 1},
	{Shape{N: 3, P: 5, C: 6, Stride: 8, Eps: 1e-3, Momentum: 0.3}, 2, 0},
	{Shape{N: 7, P: 49, C: 10, Stride: 12, Eps: 1e-5, Momentum: 1}, 7, 1},
	{Shape{N: 8, P: 196, C: 3, Stride: 4, Eps: 1e-5, Momentum: 0.1}, 3, 0},
	{Shape{N: 2, P: 65, C: 257, Stride: 260, Eps: 1e-5, Momentum: 0}, 1, 1},
}

// The bounds follow the rules of package check; what is divided or rooted is allowed what WGSL
// allows: 2.5 units in the last place, and 4.5 for a root and 2.5 for its inverse.

func (s Shape) statsMagnitude(a statsArgs) {
	s.StatsRef(a)
	for k := range s.Chunks() {
		first, end := s.chunk(k, a.Batch)
		for c := range s.Stride {
			m2 := 0.0
			for p := first; p < end; p++ {
				m2 += math.Pow(a.X[p*s.Stride+c]+a.Part[k*2*s.Stride+c], 2)
			}
			a.Part[(k*2+1)*s.Stride+c] = m2
		}
	}
}

// combineMagnitude is for means that are not negative, so that the twin's variance is that of
// the arguments.
func (s Shape) combineMagnitude(a combineArgs) {
	pixels, momentum := float64(a.Batch.Rows)*float64(s.P), float64(s.Momentum)
	old := append([]float64(nil), a.State...)
	s.CombineRef(a)
	for c := range s.Stride {
		largest, m2 := 0.0, 0.0
		for k := range s.Chunks() {
			if first, end := s.chunk(k, a.Batch); end > first {
				largest = max(largest, a.Part[k*2*s.Stride+c])
				m2 += a.Part[(k*2+1)*s.Stride+c]
			}
		}
		m2 += pixels * 4 * largest * largest
		inv := a.Moments[s.Stride+c]
		a.Moments[c], a.Moments[s.Stride+c] = 2*largest, inv*(1+(m2/pixels+float64(s.Eps))*inv*inv)
		a.State[c] = old[c] + momentum*2*largest
		a.State[s.Stride+c] = old[s.Stride+c] + momentum*m2/(max(pixels, 2)-1)
	}
}

func (s Shape) forwardMagnitude(a forwardArgs) {
	for i := range a.Y {
		c := i % s.Stride
		a.Y[i] = (a.X[i]+a.Moments[c])*a.Moments[s.Stride+c]*a.W[c] + a.W[s.Stride+c]
	}
}

func (s Shape) sumsMagnitude(a sumsArgs) {
	for i := range a.Moments[:s.Stride] {
		a.Moments[i] = -a.Moments[i]
	}
	s.SumsRef(a)
}

func (s Shape) backwardMagnitude(a backwardArgs) {
	clear(a.DX)
	n := float64(a.Batch.Rows) * float64(s.P)
	for i := range int(a.Batch.Rows) * s.P * s.Stride {
		c := i % s.Stride
		xhat := (a.X[i] + a.Moments[c]) * a.Moments[s.Stride+c]
		a.DX[i] = a.W[c] * a.Moments[s.Stride+c] * (a.DY[i] + a.Total[c]/n + xhat*a.Total[s.Stride+c]/n)
	}
}

// pair is two values for each channel, the second positive, zero in the padding.
func (s Shape) pair(r check.Rand) []float64 {
	v := append(r.Tensor(1, s.C, s.Stride), r.Tensor(1, s.C, s.Stride)...)
	for c := range s.C {
		v[s.Stride+c] = float64(float32(math.Abs(v[s.Stride+c]) + 0.5))
	}
	return v
}

// Cases are the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(91)
	var cs []check.Case
	for _, c := range sized {
		s, b := check.Checked(c.s), shaders.Batch{Rows: uint32(c.rows), First: c.first}
		x, dY, moments := r.Tensor(s.N*s.P, s.C, s.Stride), r.Tensor(s.N*s.P, s.C, s.Stride), s.pair(r)
		part := r.Tensor(2*s.Chunks(), s.C, s.Stride)
		for i := range part {
			part[i] = math.Abs(part[i])
		}
		cs = append(cs,
			check.Of(s.Stats(), statsArgs{b, x, make([]float64, s.Part())}, s.StatsRef, check.Bound[statsArgs]{Terms: 2*s.size() + 6, Ulps: 2.5, Magnitude: s.statsMagnitude}),
			check.Of(s.Combine(), combineArgs{b, part, s.pair(r), make([]float64, s.Moments())}, s.CombineRef,
				check.Bound[combineArgs]{Terms: 8 * s.Chunks(), Ulps: 10, Magnitude: s.combineMagnitude}),
			check.Of(s.Fixed(), fixedArgs{s.pair(r), make([]float64, s.Moments())}, s.FixedRef, check.Bound[fixedArgs]{Terms: 2, Ulps: 8}),
			check.Of(s.Forward(), forwardArgs{x, moments, s.pair(r), make([]float64, s.Elems())}, s.ForwardRef, check.Bound[forwardArgs]{Terms: 4, Magnitude: s.forwardMagnitude}),
			check.Of(s.Sums(), sumsArgs{b, x, dY, moments, make([]float64, s.Part())}, s.SumsRef, check.Bound[sumsArgs]{Terms: s.size() + 3, Magnitude: s.sumsMagnitude}),
			check.Of(s.Gradients(), gradientsArgs{b, r.Tensor(2*s.Chunks(), s.C, s.Stride), make([]float64, 2*s.Stride), r.Tensor(2, s.C, s.Stride)}, s.GradientsRef,
				check.Bound[gradientsArgs]{Terms: s.Chunks() + 1}))
		for _, running := range []bool{false, true} {
			s.Running = running
			cs = append(cs, check.Of(s.Backward(), backwardArgs{b, x, dY, moments, r.Tensor(2, s.C, s.Stride), s.pair(r), make([]float64, s.Elems())}, s.BackwardRef,
				check.Bound[backwardArgs]{Terms: 10, Ulps: 2.5, Magnitude: s.backwardMagnitude}))
		}
	}
	return cs
}

// Gradients are the checks of the twins' backward, through the statistics.
//
// Step and Third: x moves by less than 1e-4, where the standard deviation of each channel is
// above 0.3 and n pixels have gradients below 1, so that third derivatives of the loss along the
// line stay below 1e4 (each is a polynomial of x and of inverse deviations up to the seventh
// power, over a few hundred values).
func Gradients() []check.Gradient {
	r := check.NewRand(92)
	var gs []check.Gradient
	for _, running := range []bool{false, true} {
		s := Shape{N: 4, P: 9, C: 5, Stride: 8, Eps: 1e-3, Momentum: 0.1, Running: running}
		b := shaders.Batch{Rows: 3, First: 1}
		x, w, dY := r.Tensor(s.N*s.P, s.C, s.Stride), s.pair(r), r.Tensor(s.N*s.P, s.C, s.Stride)
		clear(dY[3*s.P*s.Stride:]) // as the loss has it
		state, part, moments, total := s.pair(r), make([]float64, s.Part()), make([]float64, s.Moments()), make([]float64, 2*s.Stride)
		y, dX, dW := make([]float64, s.Elems()), make([]float64, s.Elems()), make([]float64, s.Weights())
		forward := func() float64 {
			if running {
				s.FixedRef(fixedArgs{state, moments})
			} else {
				s.StatsRef(statsArgs{b, x, part})
				s.CombineRef(combineArgs{b, part, append([]float64(nil), state...), moments})
			}
			s.ForwardRef(forwardArgs{x, moments, w, y})
			return check.Dot(y, dY)
		}
		forward()
		s.SumsRef(sumsArgs{b, x, dY, moments, part})
		s.GradientsRef(gradientsArgs{b, part, total, dW})
		s.BackwardRef(backwardArgs{b, x, dY, moments, total, w, dX})
		magnitude := float64(20 * s.Elems())
		gs = append(gs,
			check.Gradient{Op: "batchnorm/x", Detail: s.String(), X: x, Grad: dX, Loss: forward, Step: 1e-4, Terms: 10 * s.Elems(), Magnitude: magnitude, Third: 1e4},
			check.Gradient{Op: "batchnorm/w", Detail: s.String(), X: w, Grad: dW, Loss: forward, Step: 0.1, Terms: 10 * s.Elems(), Magnitude: magnitude})
	}
	return gs
}
