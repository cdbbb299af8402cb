// Package gather copies values of images, such as the targets of a regression, in the order of the
// batch.
package gather

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed gather.wgsl
var text string

// Args are the arguments of [Shape.Kernel]: Values [images,K]; Order, the numbers of images in the
// order of the epoch; Y [N,K].
type Args[F, U, B any] struct {
	Batch  B `wgsl:"uniform Batch"`
	Values F `wgsl:"read array<f32>"`
	Order  U `wgsl:"read array<u32>"`
	Y      F `wgsl:"write array<f32>"`
}

// Shape describes N rows of K values.
type Shape struct{ N, K int }

// Check returns an error if the shape is invalid.
func (s Shape) Check() error { return shaders.Positive("rows and values of a row", s.N, s.K) }

// Kernel returns the kernel that gathers the rows.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View, gpu.View]] {
	return gpu.Kernel[Args[gpu.View, gpu.View, gpu.View]]{
		Name: "gather", Detail: fmt.Sprintf("%dx%d", s.N, s.K), Source: shaders.Source(s, shaders.BatchStruct, text),
		Groups: shaders.DivUp(s.N*s.K, 64), Lanes: 64,
	}
}
