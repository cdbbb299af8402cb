// Package softmaxxent is the softmax cross-entropy: loss, gradient and number
// correct; with weights of classes and label smoothing, as torch.nn.CrossEntropyLoss
// has them (smoothing: Szegedy et al., "Rethinking the Inception Architecture", 2015,
// arXiv:1512.00567, section 7).
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

// Shape is N rows of logits.
type Shape struct {
	N       int // rows
	Classes int
	Stride  int // values from one row to the next
}

// Args are the arguments of [Shape.Kernel]: logits X and their gradient DX
// [N,Stride]; Label [N]; Row [N] of (loss, correct).
type Args[F, U, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	X     F `wgsl:"read array<f32>"`
	Label U `wgsl:"read array<u32>"`
	DX    F `wgsl:"write array<f32>"`
	Row   F `wgsl:"write array<vec2<f32>>"`
}

// WeightedArgs are the arguments of [Weighted.Kernel]: those of [Shape.Kernel], and the
// Weight [Classes] of each class.
type WeightedArgs[F, U, B any] struct {
	Batch  B `wgsl:"uniform Batch"`
	X      F `wgsl:"read array<f32>"`
	Label  U `wgsl:"read array<u32>"`
	Weight F `wgsl:"read array<f32>"`
	DX     F `wgsl:"write array<f32>"`
	Row    F `wgsl:"write array<vec2<f32>>"`
}

// TotalArgs are the arguments of [Shape.Total]: Row [N] of (loss, correct), and the
// Metrics of package shaders, of which they become part.
type TotalArgs[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	Row     F `wgsl:"read array<vec2<f32>>"`
	Metrics F `wgsl:"update Metrics"`
}

// Check refuses shapes that make no sense.
func (s Shape) Check() error {
	if s.Classes < 1 || s.Classes > s.Stride || s.N < 1 {
		return fmt.Errorf("softmax of %d rows of %d classes, stride %d", s.N, s.Classes, s.Stride)
	}
	return nil
}

// Kernel computes loss, correctness and gradient of each row.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View, gpu.View]] {
	return gpu.Kernel[Args[gpu.View, gpu.View, gpu.View]]{
		Name: "softmaxxent", Detail: fmt.Sprintf("%dx%d", s.N, s.Classes),
		Source: shaders.Source(s, shaders.BatchStruct, plain, text),
		Groups: shaders.DivUp(s.N, 64), Lanes: 64, Flops: int64(s.N * s.Classes * 6),
	}
}

// Weighted is a Shape whose classes have weights, and whose targets are smoothed: each
// class has Smoothing/Classes of the target, and the label the rest. The mean of a batch
// is over the weights of its labels, so that Batch.InvImages is 1 over their sum.
type Weighted struct {
	Shape
	Smoothing float64
}

type weightedConsts struct {
	N, Classes, Stride int
	Each, Rest         float32 // of the target: of every class, and more of the label
}

func (w Weighted) consts() weightedConsts {
	return weightedConsts{w.N, w.Classes, w.Stride, float32(w.Smoothing / float64(w.Classes)), float32(1 - w.Smoothing)}
}

// Check refuses shapes that make no sense.
func (w Weighted) Check() error {
	if !(w.Smoothing >= 0 && w.Smoothing < 1) {
		return fmt.Errorf("label smoothing is %g; want 0 <= smoothing < 1", w.Smoothing)
	}
	return w.Shape.Check()
}

// Kernel is [Shape.Kernel] with weights and smoothing.
func (w Weighted) Kernel() gpu.Kernel[WeightedArgs[gpu.View, gpu.View, gpu.View]] {
	return gpu.Kernel[WeightedArgs[gpu.View, gpu.View, gpu.View]]{
		Name: "softmaxxent/weighted", Detail: fmt.Sprintf("%dx%d smoothing=%g", w.N, w.Classes, w.Smoothing),
		Source: shaders.Source(w.consts(), shaders.BatchStruct, weighted, text),
		Groups: shaders.DivUp(w.N, 64), Lanes: 64, Flops: int64(w.N * w.Classes * 14),
	}
}

// Total adds the rows up.
func (s Shape) Total() gpu.Kernel[TotalArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[TotalArgs[gpu.View, gpu.View]]{
		Name: "softmaxxent/total", Detail: fmt.Sprint(s.N),
		Source: shaders.Source(struct{}{}, shaders.BatchStruct, shaders.Metrics, total),
		Groups: 1, Lanes: 1, Flops: int64(s.N * 2),
	}
}
