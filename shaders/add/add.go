// Package add computes the sum of two tensors, as in a residual connection (He, Zhang, Ren and Sun,
// "Deep Residual Learning for Image Recognition", 2015), and the sum of the gradients of a tensor
// that several layers read.
//
// The gradient of y = a + b is dY, for a and for b. If a has the channel stride of y, dY itself
// serves as its gradient. For another stride, the Backward of package concat copies it.
package add

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed forward.wgsl
	forward string
	//go:embed accumulate.wgsl
	accumulate string
)

// Shape describes a sum of tensors of C channels, a [Pixels,AStride] and b [Pixels,BStride], into y
// [Pixels,YStride].
type Shape struct {
	Pixels                    int // N*H*W
	C                         int // channels without padding
	AStride, BStride, YStride int // values from one pixel to the next
}

// ForwardArgs are the arguments of [Shape.Forward]: A [Pixels,AStride], B
// [Pixels,BStride] and Y [Pixels,YStride].
type ForwardArgs[F any] struct {
	A F `wgsl:"read array<Elem>"`
	B F `wgsl:"read array<Elem>"`
	Y F `wgsl:"write array<Elem>"`
}

// AccumulateArgs are the arguments of [Shape.Accumulate]: X and Acc are
// [Pixels,YStride].
type AccumulateArgs[F any] struct {
	X   F `wgsl:"read array<Elem>"`
	Acc F `wgsl:"update array<Elem>"`
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if err := shaders.Positive("pixels and channels", s.Pixels, s.C); err != nil {
		return err
	}
	if min(s.AStride, s.BStride, s.YStride) < s.C {
		return fmt.Errorf("%d channels with strides %d, %d and %d; want strides of at least that", s.C, s.AStride,
			s.BStride, s.YStride)
	}
	return nil
}

func (s Shape) elem() shaders.Elem { return shaders.ElemOf(s.AStride, s.BStride, s.YStride) }

// Forward returns the kernel for y = a + b. The padding of y becomes zero, whatever the padding of
// a and b holds.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	e := s.elem()
	c := struct {
		Elem, UElem            shaders.Alias
		Pixels, C, Lanes       int
		AElems, BElems, YElems int
	}{e.Elem, e.UElem, s.Pixels, s.C, e.Lanes, s.AStride / e.Lanes, s.BStride / e.Lanes, s.YStride / e.Lanes}
	return gpu.Kernel[ForwardArgs[gpu.View]]{
		Name: "add/forward", Detail: fmt.Sprintf("[%d,%d] strides %d+%d->%d", s.Pixels, s.C, s.AStride,
			s.BStride, s.YStride),
		Source: shaders.Source(c, e.Channels(), forward),
		Groups: shaders.DivUp(s.Pixels*c.YElems, 64), Lanes: 64, Flops: int64(s.Pixels) * int64(s.C),
	}
}

// Accumulate returns the kernel for acc += x, of tensors with the layout of y. The padding of acc
// stays zero if that of x is zero.
func (s Shape) Accumulate() gpu.Kernel[AccumulateArgs[gpu.View]] {
	n := s.Pixels * s.YStride
	e := shaders.ElemOf(n)
	c := struct {
		Elem  shaders.Alias
		Count int
	}{e.Elem, n / e.Lanes}
	return gpu.Kernel[AccumulateArgs[gpu.View]]{
		Name: "add/accumulate", Detail: fmt.Sprintf("[%d,%d]", s.Pixels, s.YStride),
		Source: shaders.Source(c, accumulate),
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(n),
	}
}
