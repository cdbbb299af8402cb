// Package softmaxxent computes the softmax cross-entropy: the loss, its gradient and the number of
// correct rows. It supports weights of classes and label smoothing, like torch.nn.CrossEntropyLoss
// (smoothing: Szegedy et al., "Rethinking the Inception Architecture", 2015, arXiv:1512.00567,
// section 7).
package softmaxxent

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed softmaxxent.wgsl
	text string
	//go:embed plain.wgsl
	plain string
	//go:embed weighted.wgsl
	weighted string
	//go:embed total.wgsl
	total string
)

// Shape describes N rows of logits.
type Shape struct {
	N       int // rows
	Classes int
	Stride  int // values from one row to the next
}

// Args are the arguments of [Shape.Kernel]: logits X and their gradient DX [N,Stride]; Label [N];
// Row [N], pairs (loss, correct).
type Args[F, U, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<f32>"`
	Label U `wgsl:"read array<u32>"`
	DX    F `wgsl:"write array<f32>"`
	Row   F `wgsl:"write array<vec2<f32>>"`
}

// WeightedArgs are the arguments of [Weighted.Kernel]: those of [Shape.Kernel], and the weights of
// the classes, Weight [Classes].
type WeightedArgs[F, U, B any] struct {
	Batch  B `wgsl:"uniform Batch"`
	X      F `wgsl:"read array<f32>"`
	Label  U `wgsl:"read array<u32>"`
	Weight F `wgsl:"read array<f32>"`
	DX     F `wgsl:"write array<f32>"`
	Row    F `wgsl:"write array<vec2<f32>>"`
}

// TotalArgs are the arguments of [Shape.Total]: Row [N], pairs (loss, correct), and the
// [shaders.Metrics] that their sums go to.
type TotalArgs[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	Row     F `wgsl:"read array<vec2<f32>>"`
	Metrics F `wgsl:"update Metrics"`
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if s.Classes < 1 || s.Classes > s.Stride || s.N < 1 {
		return fmt.Errorf("softmax of %d rows of %d classes with stride %d; want at least 1 of each, and a stride of at least the classes", s.N, s.Classes, s.Stride)
	}
	return nil
}

// Kernel returns the kernel that computes the loss, the correctness and the gradient of each row.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View, gpu.View]] {
	return gpu.Kernel[Args[gpu.View, gpu.View, gpu.View]]{
		Name: "softmaxxent", Detail: fmt.Sprintf("%dx%d", s.N, s.Classes),
		Source: shaders.BatchStruct + plain + text, Sizes: s,
		Groups: shaders.DivUp(s.N, 64), Lanes: 64, Flops: int64(s.N * s.Classes * 6),
	}
}

// Weighted is a Shape with weights of classes and with label smoothing: each class gets
// Smoothing/Classes of the target, and the label also gets the rest. The mean of a batch is over
// the weights of its labels, so Batch.InvImages is 1 over their sum.
type Weighted struct {
	Shape
	Smoothing float64
}

// targets are the shares of the target: each class's, and the label's additional one.
type targets struct{ Each, Rest float32 }

func (w Weighted) targets() targets {
	return targets{float32(w.Smoothing / float64(w.Classes)), float32(1 - w.Smoothing)}
}

// Check returns an error if the shape is invalid.
func (w Weighted) Check() error {
	if !(w.Smoothing >= 0 && w.Smoothing < 1) {
		return fmt.Errorf("label smoothing is %g; want 0 <= smoothing < 1", w.Smoothing)
	}
	return w.Shape.Check()
}

// Kernel returns the kernel for [Shape.Kernel] with weights and smoothing.
func (w Weighted) Kernel() gpu.Kernel[WeightedArgs[gpu.View, gpu.View, gpu.View]] {
	return gpu.Kernel[WeightedArgs[gpu.View, gpu.View, gpu.View]]{
		Name: "softmaxxent/weighted", Detail: fmt.Sprintf("%dx%d smoothing=%g", w.N, w.Classes, w.Smoothing),
		Source: shaders.Source(w.targets(), shaders.BatchStruct, weighted, text), Sizes: w.Shape,
		Groups: shaders.DivUp(w.N, 64), Lanes: 64, Flops: int64(w.N * w.Classes * 14),
	}
}

// Total returns the kernel that sums the rows.
func (s Shape) Total() gpu.Kernel[TotalArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[TotalArgs[gpu.View, gpu.View]]{
		Name: "softmaxxent/total", Detail: fmt.Sprint(s.N),
		Source: shaders.Source(struct{}{}, shaders.BatchStruct, shaders.Metrics, total),
		Groups: 1, Lanes: 1, Flops: int64(s.N * 2),
	}
}
