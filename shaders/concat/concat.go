// Package concat concatenates the channels of several tensors, like torch.cat(xs, dim=1) for
// [N,C,H,W].
//
// y is made in parts, with one kernel for each x. A part writes only the channels of its x, and the
// last part also zeros in the padding of y. So the kernels of [Parts] write each element of y once,
// in any order. The gradient of each x is copied from dY, with zeros in its padding.
package concat

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed forward.wgsl
	forward string
	//go:embed backward.wgsl
	backward string
)

// Shape describes a part: the C channels of x [Pixels,XStride] become the channels from First to
// First+C-1 of y [Pixels,YStride].
type Shape struct {
	Pixels         int // N*H*W
	C, XStride     int // channels of x without padding; values from one pixel to the next
	First, YStride int
	Last           bool // this is the last part; the remaining channels of y are padding
}

// X describes a tensor to concatenate: it has C channels, and Stride values from one pixel to the
// next.
type X struct{ C, Stride int }

// Parts returns the parts of a y with channel stride yStride, one for each of xs, in order.
func Parts(pixels, yStride int, xs ...X) []Shape {
	parts := make([]Shape, len(xs))
	first := 0
	for i, x := range xs {
		parts[i] = Shape{pixels, x.C, x.Stride, first, yStride, i == len(xs)-1}
		first += x.C
	}
	return parts
}

// ForwardArgs are the arguments of [Shape.Forward]: X [Pixels,XStride] and Y
// [Pixels,YStride].
type ForwardArgs[F any] struct {
	X F `wgsl:"read array<Elem>"`
	Y F `wgsl:"part array<Elem>"`
}

// BackwardArgs are the arguments of [Shape.Backward]: DY [Pixels,YStride] and DX
// [Pixels,XStride].
type BackwardArgs[F any] struct {
	DY F `wgsl:"read array<Elem>"`
	DX F `wgsl:"write array<Elem>"`
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if err := shaders.Positive("pixels and channels", s.Pixels, s.C); err != nil {
		return err
	}
	if s.XStride < s.C || s.First < 0 || s.YStride < s.First+s.C {
		return fmt.Errorf("channels %d to %d of stride %d, from %d of stride %d; want strides of at least that",
			s.First, s.First+s.C, s.YStride, s.C, s.XStride)
	}
	return nil
}

// end returns the channel of y after the last one that the part writes.
func (s Shape) end() int {
	if s.Last {
		return s.YStride
	}
	return s.First + s.C
}

// forwardElem returns the Elem for Forward. No Elem of y contains channels of two parts.
func (s Shape) forwardElem() shaders.Elem {
	return shaders.ElemOf(s.XStride, s.YStride, s.First, s.end())
}

func (s Shape) backwardElem() shaders.Elem { return shaders.ElemOf(s.XStride, s.YStride, s.First) }

func kernel[A any](s Shape, name string, e shaders.Elem, channels int, text string) gpu.Kernel[A] {
	c := struct {
		Elem, UElem               shaders.Alias
		Pixels, C, Lanes          int
		XElems, YElems, FirstElem int
		Span                      int
	}{e.Elem, e.UElem, s.Pixels, s.C, e.Lanes, s.XStride / e.Lanes, s.YStride / e.Lanes, s.First / e.Lanes,
		channels / e.Lanes}
	detail := fmt.Sprintf("[%d,%d] stride %d, %d.. of %d", s.Pixels, s.C, s.XStride, s.First, s.YStride)
	if s.Last {
		detail += ", last"
	}
	return gpu.Kernel[A]{
		Name: "concat/" + name, Detail: detail, Source: shaders.Source(c, e.Channels(), text),
		Groups: shaders.DivUp(s.Pixels*c.Span, 64), Lanes: 64,
	}
}

// Forward returns the kernel that copies x to its channels of y. The kernel of the last part also
// clears the padding.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return kernel[ForwardArgs[gpu.View]](s, "forward", s.forwardElem(), s.end()-s.First, forward)
}

// Backward returns the kernel that copies the gradient of x from dY. It does not read the padding
// of dY, and writes zeros to the padding of dX.
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View]] {
	return kernel[BackwardArgs[gpu.View]](s, "backward", s.backwardElem(), s.XStride, backward)
}
