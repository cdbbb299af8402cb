// Package gcn computes global contrast normalisation, which removes the brightness and contrast of
// an image, like pylearn2's global_contrast_normalize (Coates, Lee and Ng, "An Analysis of
// Single-Layer Networks in Unsupervised Feature Learning", 2011).
package gcn

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/gcn/contrast"
)

//go:embed gcn.wgsl
var text string

// Args are the arguments of [Shape.Kernel]: X and Y are [N,Elems].
type Args[F any] struct {
	X F `wgsl:"read array<f32>"`
	Y F `wgsl:"write array<f32>"`
}

// Shape describes a batch of N images of Elems values each.
type Shape struct {
	N, Elems int
}

// The host uses the same constants; see package contrast.
const (
	Scale = contrast.Scale // the norm of an image afterwards
	Least = contrast.Least // the norm below which an image counts as flat
)

// Check returns an error if the shape is invalid.
func (s Shape) Check() error { return shaders.Positive("images and values of one", s.N, s.Elems) }

// Kernel returns the kernel that normalises the images of x into y.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View]] {
	return gpu.Kernel[Args[gpu.View]]{
		Name: "gcn", Detail: fmt.Sprintf("[%d,%d]", s.N, s.Elems),
		Source: shaders.Source(struct {
			Elems        int
			Scale, Least float32
		}{s.Elems, Scale, Least}, text),
		Groups: s.N, Lanes: 64, Flops: int64(s.N) * int64(s.Elems) * (64*5 + 3),
	}
}
