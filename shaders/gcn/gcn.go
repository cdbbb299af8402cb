// Package gcn is global contrast normalisation, which takes brightness and
// contrast out of an image, as pylearn2's global_contrast_normalize does (Coates,
// Lee and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature
// Learning", 2011).
package gcn

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed gcn.wgsl
var text string

// Args are the arguments of [Config.Kernel].
type Args[F any] struct {
	X F `wgsl:"read array<f32>"`
	Y F `wgsl:"write array<f32>"`
}

// Config is the shape of a batch.
type Config struct {
	N, Elems int // images, values of one
}

// Scale is the norm of an image afterwards: pylearn2's for CIFAR-10, which makes
// the standard deviation of its 3072 values about 1.
const Scale = 55

// Least is the norm below which an image counts as flat.
const Least = 1e-8

// Kernel normalises the images of x into y.
func (c Config) Kernel() gpu.Kernel[Args[gpu.View]] {
	return gpu.Kernel[Args[gpu.View]]{
		Name: "gcn", Detail: fmt.Sprintf("[%d,%d]", c.N, c.Elems),
		Source: shaders.Source(struct {
			Elems        int
			Scale, Least float32
		}{c.Elems, Scale, Least}, text),
		Groups: c.N, Lanes: 64, Flops: int64(c.N) * int64(c.Elems) * (64*5 + 3),
	}
}
