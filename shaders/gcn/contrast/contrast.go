// Package contrast is global contrast normalisation on the host, in float64. It
// needs no device: package nn/data finds whitenings with it, and the twin of
// the kernel in package gcn is its loops.
package contrast

import "math"

const (
	// Scale is the norm of an image afterwards: pylearn2's for CIFAR-10, which
	// makes the standard deviation of its 3072 values about 1.
	Scale = 55

	// Least is the norm below which an image counts as flat.
	Least = 1e-8
)

// Normalise puts Scale (x - mean) / ||x - mean|| of the image x into y, which
// may be x; zeros for an image whose values are all the same.
func Normalise(y, x []float64) {
	mean, norm := Moments(x)
	base := x[0]
	for e := range x {
		y[e] = (x[e] - base - mean) * Scale / max(norm, Least)
	}
}

// Moments are the mean of x - x[0], and the norm of what is left without it.
// The differences are exactly zero in a flat image, whose mean would not be.
func Moments(x []float64) (mean, norm float64) {
	for _, v := range x {
		mean += (v - x[0]) / float64(len(x))
	}
	squares := 0.0
	for _, v := range x {
		squares += (v - x[0] - mean) * (v - x[0] - mean)
	}
	return mean, math.Sqrt(squares)
}
