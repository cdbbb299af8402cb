// Package contrast computes global contrast normalisation on the host, in float64. It needs no
// device. Package nn/data finds whitenings with it, and the twin of the kernel in package gcn uses
// its loops.
package contrast

import "math"

const (
	// Scale is the norm of a normalised image. It is pylearn2's value for CIFAR-10, with which the
	// standard deviation of an image's 3072 values is about 1.
	Scale = 55

	// Least is the norm below which an image counts as flat.
	Least = 1e-8
)

// Normalise sets y to Scale (x - mean) / ||x - mean|| for the image x, or to zeros if all values of
// x are the same. y may be x.
func Normalise(y, x []float64) {
	mean, norm := Moments(x)
	base := x[0]
	for e := range x {
		y[e] = (x[e] - base - mean) * Scale / max(norm, Least)
	}
}

// Moments returns the mean of d = x - x[0], and the norm of d minus its mean. In a flat image d is
// exactly zero, whereas a difference from the rounded mean might not be.
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
