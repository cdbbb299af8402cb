package softmaxxent

import (
	"fmt"
	"math"
	"slices"

	"wgnin/shaders"
	"wgnin/shaders/check"
)

type (
	refArgs      = Args[[]float64, []uint32, shaders.Batch]
	weightedArgs = WeightedArgs[[]float64, []uint32, shaders.Batch]
	totalArgs    = TotalArgs[[]float64, shaders.Batch]
)

// ulps returns a bound on the error of built-in functions, in units in the last place of the
// magnitude.
//
// Let u be the unit round-off, d = x - max <= 0 and K the number of classes. WGSL allows exp(d) an
// error of 3+2|d| units in the last place. With the rounding of d, the relative error is (6+5|d|)u.
// Multiplied by e^d, as in the gradient's numerator, it is at most 6u. In the sum of exponentials
// it is the mean of 6+5|d| under the softmax, which is at most 6 + 5 ln K, because ln K bounds the
// entropy, ln(sum) + mean|d|. The division adds 5u, and subtracting one and scaling add 2u. The
// total is (19 + 5 ln K)u for the gradient, whose magnitude is the scale. The loss has the sum's
// error, 8u or (6 ln K)u from log, and two roundings: (14 + 11 ln K)u + 2u magnitude, below 16u
// times its magnitude.
func (s Shape) ulps() float64 { return 10 + 2.5*math.Log(float64(s.Classes)) }

// magnitude computes the magnitudes that the errors of the kernel are relative to; see ulps. Masked
// rows are exactly zero.
func (s Shape) magnitude(a refArgs) {
	clear(a.DX)
	clear(a.Row)
	for n := range int(a.Batch.Rows) {
		x := a.X[n*s.Stride:][:s.Classes]
		largest := 0.0
		for _, v := range x {
			largest = max(largest, v)
		}
		for c := range x {
			a.DX[n*s.Stride+c] = float64(a.Batch.InvImages)
		}
		a.Row[2*n] = 2*largest + math.Log(float64(s.Classes)) + 1
		a.Row[2*n+1] = 1
	}
}

// bound returns the error bound of the kernel. Each share of a class has an error of 2u. The mass
// of a row is a sum of K shares, and so is the loss. Its terms are differences of the logits and
// log(sum), added and multiplied, which makes 4u more than without weights.
func (w Weighted) bound() check.Bound[weightedArgs] {
	return check.Bound[weightedArgs]{Terms: 2 * w.Classes, Magnitude: w.magnitude, Ulps: w.ulps() + 2}
}

// magnitude computes the magnitudes of the unweighted loss, times the mass of the row.
func (w Weighted) magnitude(a weightedArgs) {
	w.Shape.magnitude(refArgs{a.Batch, a.X, a.Label, a.DX, a.Row})
	for n := range int(a.Batch.Rows) {
		mass := a.Weight[a.Label[n]]
		for _, weight := range a.Weight {
			mass += weight * w.Smoothing / float64(w.Classes)
		}
		for c := range w.Classes {
			a.DX[n*w.Stride+c] *= mass
		}
		a.Row[2*n] *= mass
	}
}

// Cases returns the conformance cases: whole and partial batches, small and huge logits, and equal
// logits; with weights, with smoothing, with both, and with neither.
func Cases() []check.Case {
	r := check.NewRand(4)
	var cs []check.Case
	for _, c := range []struct {
		s     Shape
		rows  int
		scale float64
		first uint32

		smoothing float64
	}{
		{Shape{1, 1, 4}, 1, 1, 1, 0.5}, {Shape{8, 10, 12}, 8, 0, 1, 0}, {Shape{65, 10, 12}, 33, 3, 0, 0.1},
		{Shape{128, 100, 100}, 127, 30, 1, 0.3}, {Shape{3, 7, 8}, 1, 1000, 0, 0}, {Shape{2, 1000, 1000}, 2, 5, 1, 0.9},
	} {
		cs = append(cs, cases(c.s, shaders.Batch{Rows: uint32(c.rows), InvImages: 1 / float32(c.rows), First: c.first},
			c.scale, c.smoothing, r)...)
	}
	return append(cs, divergence()...)
}

// Sized returns the cases of a shape.
func Sized(w Weighted, r check.Rand) []check.Case {
	return cases(w.Shape, shaders.Batch{Rows: uint32(w.N), InvImages: 1 / float32(w.N), First: 1}, 1, w.Smoothing, r)
}

// cases returns the cases with logits below scale.
func cases(s Shape, b shaders.Batch, scale, smoothing float64, r check.Rand) []check.Case {
	x := r.Tensor(s.N, s.Classes, s.Stride)
	for i := range x {
		x[i] = float64(float32(x[i] * scale))
	}
	label := make([]uint32, s.N)
	for i := range label {
		label[i] = uint32(r.IntN(s.Classes))
		if logits := x[i*s.Stride:][:s.Classes]; i%2 == 0 { // the label has the largest logit
			label[i] = uint32(slices.Index(logits, slices.Max(logits)))
		}
	}
	row := r.Floats(2 * s.N)
	return []check.Case{
		check.Of(s.Kernel(), refArgs{Batch: b, X: x, Label: label, DX: make([]float64, len(x)),
			Row: make([]float64, 2*s.N)},
			s.Ref, check.Bound[refArgs]{Terms: s.Classes, Magnitude: s.magnitude, Ulps: s.ulps()}),
		s.weighted(b, x, label, weights(r, s.Classes, s.N != 8), smoothing),
		check.Of(s.Total(), totalArgs{b, row, append(r.Floats(2), 0, 0)}, s.TotalRef,
			check.Bound[totalArgs]{Terms: s.N + 1}),
	}
}

// weighted returns a case of the weighted kernel.
func (s Shape) weighted(b shaders.Batch, x []float64, label []uint32, weight []float64, smoothing float64) check.Case {
	w := check.Checked(Weighted{s, smoothing})
	a := weightedArgs{Batch: b, X: x, Label: label, Weight: weight, DX: make([]float64, len(x)),
		Row: make([]float64, 2*s.N)}
	return check.Of(w.Kernel(), a, w.Ref, w.bound())
}

// weights returns n numbers in (0.5,2.5), or ones.
func weights(r check.Rand, n int, random bool) []float64 {
	w := r.Floats(n)
	for i := range w {
		w[i] = 1.5 + w[i]
		if !random {
			w[i] = 1
		}
	}
	return w
}

// divergence returns cases of Total that set or keep the diverged metric, except the last. Their
// numbers are not rounded.
func divergence() []check.Case {
	s, inf := Shape{N: 2, Classes: 1, Stride: 1}, math.Inf(1)
	var cs []check.Case
	for _, c := range []struct {
		metrics [4]float64
		loss    float64 // of the second row
		first   uint32
	}{
		{[4]float64{0, 0, 0, 0}, inf, 1}, {[4]float64{inf, 1, 0, 0}, 2, 0}, {[4]float64{3, 1, 0, 1}, 2, 1},
		{[4]float64{3, 1, 1, 0}, 2, 1}, {[4]float64{inf, 1, 0, 0}, 2, 1},
	} {
		b := shaders.Batch{Rows: 2, First: c.first}
		cs = append(cs, check.Of(s.Total(), totalArgs{b, []float64{0.5, 1, c.loss, 0}, c.metrics[:]}, s.TotalRef,
			check.Bound[totalArgs]{}))
	}
	return cs
}

// Gradients returns the checks of the twin's gradient.
func Gradients() []check.Gradient {
	r := check.NewRand(5)
	s := Shape{N: 4, Classes: 5, Stride: 8}
	var gs []check.Gradient
	for _, w := range []Weighted{{Shape: s}, {Shape: s, Smoothing: 0.3}} {
		a := weightedArgs{
			Batch: shaders.Batch{Rows: 3, InvImages: 0.25}, X: r.Tensor(4, 5, 8), Label: []uint32{0, 4, 2, 1},
			Weight: weights(r, 5, w.Smoothing > 0), DX: make([]float64, 32), Row: make([]float64, 8),
		}
		w.Ref(a)
		grad := append([]float64(nil), a.DX...)
		mass := slices.Max(a.Weight) // the largest mass of a row
		gs = append(gs, check.Gradient{
			Op: "softmaxxent", Detail: fmt.Sprintf("4x5, 3 rows, smoothing %g", w.Smoothing), X: a.X, Grad: grad,
			Loss: func() float64 {
				w.Ref(a)
				return (a.Row[0] + a.Row[2] + a.Row[4]) * float64(a.Batch.InvImages)
			},
			// The host's exp and log are accurate to a unit in the last place.
			Step: 1e-4, Terms: 21, Magnitude: 3 * 0.25 * (2 + math.Log(5)) * mass,
			// A row's third derivative is its mass times a third central moment of
			// numbers in [-1,1], below 1.
			Third: 3 * 0.25 * mass,
		})
	}
	return gs
}
