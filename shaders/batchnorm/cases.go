package batchnorm

import (
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

// runs has a single value; masked images that leave chunks partly or entirely empty; no image; a
// short last chunk; more channels than a workgroup; one pixel; and running moments.
var runs = []struct {
	s    Shape
	rows uint32
}{
	{Shape{1, 1, 1, 4, 1e-5, 0.1, false}, 1},
	{Shape{3, 5, 6, 8, 1e-5, 0.1, false}, 2},
	{Shape{7, 13, 5, 8, 1e-3, 0.25, false}, 4},
	{Shape{2, 3, 4, 4, 1e-5, 0.1, false}, 0},
	{Shape{5, 300, 11, 16, 1e-5, 1, false}, 5},
	{Shape{2, 23, 257, 260, 1, 0, false}, 1},
	{Shape{2, 1, 3, 4, 1e-5, 0.1, false}, 1},
	{Shape{4, 9, 3, 4, 1e-5, 0.1, true}, 3},
}

// Cases returns the conformance cases.
func Cases() []check.Case {
	r := check.NewRand(91)
	var cs []check.Case
	for i, run := range runs {
		cs = append(cs, cases(check.Checked(run.s), shaders.Batch{Rows: run.rows, First: uint32(i % 2)}, r)...)
	}
	// The mean is large beside the deviations, so that the difference of squares would cancel.
	s, b := runs[4].s, shaders.Batch{Rows: runs[4].rows}
	x := r.Tensor(s.N*s.P, s.C, s.Stride)
	for i := range x {
		if i%s.Stride < s.C {
			x[i] = float64(float32(x[i] + 64))
		}
	}
	return append(cs, check.Of(s.Stats(), statsArgs{b, x, make([]float64, s.Part())}, s.StatsRef, s.statsBound(x)))
}

// Sized returns the cases of a shape.
func Sized(s Shape, r check.Rand) []check.Case {
	return cases(s, shaders.Batch{Rows: uint32(s.N), First: 1}, r)
}

func cases(s Shape, b shaders.Batch, r check.Rand) []check.Case {
	x, dY, w := r.Tensor(s.N*s.P, s.C, s.Stride), r.Tensor(s.N*s.P, s.C, s.Stride), r.Tensor(2, s.C, s.Stride)
	zeros := r.Zeros
	moments := r.Tensor(2, s.C, s.Stride)
	spread(r, moments, s.Stride)
	part := r.Tensor(2*s.Chunks(), s.C, s.Stride)
	for chunk := range s.Chunks() {
		spread(r, part[2*chunk*s.Stride:], s.Stride)
		squares := part[(2*chunk+1)*s.Stride:][:s.Stride]
		for c := range squares {
			squares[c] *= float64(s.length()) // exact, because the values have few digits
		}
	}
	state := r.Floats(s.State())
	spread(r, state, s.Stride)
	return []check.Case{
		check.Of(s.Stats(), statsArgs{b, x, zeros(s.Part())}, s.StatsRef, s.statsBound(x)),
		check.Of(s.Combine(), combineArgs{b, part, state, zeros(s.Moments())}, s.CombineRef,
			check.Bound[combineArgs]{Terms: 8*s.Chunks() + 16, Ulps: 10, Magnitude: func(a combineArgs) {
				s.combineMagnitude(a, part)
			}}),
		// WGSL allows an inverse square root an error of 2 units in the last place.
		check.Of(s.Fixed(), fixedArgs{state, zeros(s.Moments())}, s.FixedRef,
			check.Bound[fixedArgs]{Terms: 1, Ulps: 2}),
		check.Of(s.Forward(), forwardArgs{x, moments, w, zeros(s.Len())}, s.ForwardRef,
			check.Bound[forwardArgs]{Terms: 4, Magnitude: func(a forwardArgs) {
				negate(a.Moments, s.Stride)
				s.ForwardRef(a)
			}}),
		check.Of(s.Sums(), sumsArgs{b, x, dY, moments, zeros(s.Part())}, s.SumsRef,
			check.Bound[sumsArgs]{Terms: s.length() + 2, Magnitude: func(a sumsArgs) {
				negate(a.Moments, s.Stride)
				s.SumsRef(a)
			}}),
		check.Of(s.Gradients(), gradientsArgs{b, part, zeros(s.Moments()), r.Floats(s.Weights())}, s.GradientsRef,
			check.Bound[gradientsArgs]{Terms: s.Chunks() + 1}),
		check.Of(s.Backward(), backwardArgs{b, x, dY, moments, r.Floats(s.Moments()), w, zeros(s.Len())}, s.BackwardRef,
			check.Bound[backwardArgs]{Terms: 8, Ulps: 2.5, Magnitude: func(a backwardArgs) {
				negate(a.Moments, s.Stride)
				negate(a.Total, 2*s.Stride)
				s.BackwardRef(a)
			}}),
	}
}

// statsBound returns how exact Stats must be. WGSL allows a division an error of 2.5 units in the
// last place.
func (s Shape) statsBound(x []float64) check.Bound[statsArgs] {
	return check.Bound[statsArgs]{Terms: s.length() + 2, Ulps: 2.5, Magnitude: func(a statsArgs) {
		s.statsMagnitude(a, x)
	}}
}

// spread sets the second of two rows, such as variances, to values from 1/2 to 1, so that neither a
// variance nor its inverse root depends on digits that have cancelled.
func spread(r check.Rand, rows []float64, stride int) {
	for c := range stride {
		rows[stride+c] = 0.5 + float64(r.IntN(1<<12))/(1<<13)
	}
}

// negate makes the first n values negative, so that the twin adds what it subtracts.
func negate(v []float64, n int) {
	for i := range n {
		v[i] = -v[i]
	}
}

// statsMagnitude computes the magnitudes that the errors are relative to. For the mean it is the
// mean of |x|. If the mean is off by e, the sum of squared distances grows by e^2 for each pixel.
// As e is below 2^-10 of the mean of |x|, e^2 is covered by a magnitude of 2^-10 of its square.
func (s Shape) statsMagnitude(a statsArgs, x []float64) {
	part := make([]float64, len(a.Part))
	s.StatsRef(statsArgs{a.Batch, x, part})
	s.StatsRef(a)
	for chunk := range s.Chunks() {
		for c := range s.Stride {
			mean, squares := 2*chunk*s.Stride+c, (2*chunk+1)*s.Stride+c
			a.Part[squares] = part[squares] + s.pixels(a.Batch.Rows, chunk)*a.Part[mean]*a.Part[mean]/(1<<10)
		}
	}
}

// combineMagnitude computes the magnitudes that the errors are relative to. Let u be the unit
// round-off, K the number of chunks and A the largest |mean| of a chunk. Each chunk adds at most 8
// roundings of terms up to 2A to the mean: one for the difference, 5 for the quotient, one for the
// product, one for the sum. So the mean's error is at most 8Ku * 2A. It enters twice into a squared
// difference of at most 4A^2: 8Ku * 8A^2 for each pixel, in addition to the sum's own roundings.
// With S = the chunks' squares + 8A^2 n, the magnitude of the variance is S/n, and that of
// 1/sqrt(v) is 1/sqrt(v) * (1 + S/n / 2v).
func (s Shape) combineMagnitude(a combineArgs, part []float64) {
	n := max(1, float64(int(a.Batch.Rows)*s.P))
	exact := combineArgs{a.Batch, part, make([]float64, len(a.State)), make([]float64, len(a.Moments))}
	s.CombineRef(exact)
	for c := range s.Stride {
		largest, squares := 0.0, 0.0
		for chunk := range s.Chunks() {
			if s.pixels(a.Batch.Rows, chunk) > 0 {
				largest = max(largest, a.Part[2*chunk*s.Stride+c])
				squares += a.Part[(2*chunk+1)*s.Stride+c]
			}
		}
		squares += 8 * largest * largest * n
		inverse := exact.Moments[s.Stride+c]
		a.Moments[c] = 2 * largest
		a.Moments[s.Stride+c] = inverse * (1 + squares/n*inverse*inverse/2)
		s.follow(&a.State[c], 2*largest)
		s.follow(&a.State[s.Stride+c], squares/max(n-1, 1))
	}
}

// Gradients returns the checks of the twins' backward passes: the gradients of x, gamma and beta,
// through the whole forward pass.
func Gradients() []check.Gradient {
	r := check.NewRand(92)
	var gs []check.Gradient
	for _, run := range runs {
		s, b := run.s, shaders.Batch{Rows: run.rows, First: 1}
		n := int(run.rows) * s.P
		if n < 10 || s.Len() > 1000 { // too few pixels for a variance, or so many that the bounds are wide
			continue
		}
		x, w, dY := r.Tensor(s.N*s.P, s.C, s.Stride), r.Tensor(2, s.C, s.Stride), r.Tensor(s.N*s.P, s.C, s.Stride)
		state := r.Floats(s.State())
		spread(r, state, s.Stride)
		part, moments, y := make([]float64, s.Part()), make([]float64, s.Moments()), make([]float64, s.Len())
		loss := func() float64 {
			if s.Running {
				s.FixedRef(fixedArgs{state, moments})
			} else {
				s.StatsRef(statsArgs{b, x, part})
				s.CombineRef(combineArgs{b, part, make([]float64, s.State()), moments})
			}
			s.ForwardRef(forwardArgs{x, moments, w, y})
			return check.Dot(y[:n*s.Stride], dY)
		}
		loss()
		total, dW, dX := make([]float64, s.Moments()), make([]float64, s.Weights()), make([]float64, s.Len())
		s.SumsRef(sumsArgs{b, x, dY, moments, part})
		s.GradientsRef(gradientsArgs{b, part, total, dW})
		s.BackwardRef(backwardArgs{b, x, dY, moments, total, w, dX})
		gs = append(gs, s.gradients(run.rows, moments, loss, x, dX, w, dW)...)
	}
	return gs
}

// gradients returns the checks of one shape. The loss is linear in gamma and beta, and, with
// running moments, in x.
//
// Otherwise let d be the line's direction, |d| <= 1, s = v + Eps and g = 1/sqrt(s), and let s1, s2,
// g2 and g3 be derivatives along the line. The deviations from the mean move by d minus the mean of
// d. The mean square of that is at most 1, so |s1| <= 2 sqrt(s), s2 <= 2, |g2| <= 4 s^(-3/2) and
// |g3| <= 24 s^(-2). The deviations have mean absolute values of at most sqrt(s), and they move by
// at most 1 on average. So the third derivative of a channel's loss is at most n (sqrt(s) |g3| + 3
// |g2|) = 36 n s^(-3/2). A step moves sqrt(s) by at most its length, to no less than half.
//
// Rounding: a mean and a variance of len terms with absolute values up to 1 and 4 are off by that
// many roundings. y is off by half of the variance's error times the deviation, which is at most 2,
// and s^(-3/2).
func (s Shape) gradients(rows uint32, moments []float64, loss func() float64, x, dX, w, dW []float64) []check.Gradient {
	n, inverse := float64(int(rows)*s.P), 1.0
	for c := range s.C {
		inverse = max(inverse, moments[s.Stride+c])
	}
	cube, step, third := inverse*inverse*inverse, 1.0, 0.0
	if !s.Running {
		step, third = 3e-5, 36*n*float64(s.C)*8*cube
	}
	terms, magnitude := 4*s.length()+8*s.Chunks()+s.Len(), float64(8*s.Len())*cube
	return []check.Gradient{
		{Op: "batchnorm/dx", Detail: s.String(), X: x, Grad: dX, Loss: loss, Step: step, Terms: terms,
			Magnitude: magnitude, Third: third},
		{Op: "batchnorm/dw", Detail: s.String(), X: w, Grad: dW, Loss: loss, Step: 1, Terms: terms,
			Magnitude: magnitude},
	}
}
