// Package concat puts the channels of several tensors side by side, as
// torch.cat(xs, dim=1) does for [N,C,H,W].
//
// y is made in parts, one kernel for each x. A part writes the channels of its x
// and no others, and the last one zeros in the padding of y besides: each element
// of y is written once, by whichever kernels [Parts] gives, in any order. The
// gradient of each x is taken out of dY, with zeros in its padding.
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

// Shape is a part: C channels of x [Pixels,XStride] are channels First to First+C
// of y [Pixels,YStride].
type Shape struct {
	Pixels         int // N*H*W
	C, XStride     int // channels of x without padding; values from one pixel to the next
	First, YStride int
	Last           bool // no part comes after: the rest of y's channels are padding
}

// X is what is joined: C channels, Stride values from one pixel to the next.
type X struct{ C, Stride int }

// Parts are the parts of a y of that channel stride, one for each x, in order.
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

// Check refuses shapes that make no sense.
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

// end is the channel of y up to which the part writes.
func (s Shape) end() int {
	if s.Last {
		return s.YStride
	}
	return s.First + s.C
}

// forwardElem also asks that no Elem of y has channels of two parts.
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

// Forward copies x into its channels of y; the last part clears the padding.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return kernel[ForwardArgs[gpu.View]](s, "forward", s.forwardElem(), s.end()-s.First, forward)
}

// Backward copies the gradient of x out of that of y, whose padding it does not
// read; the padding of dX is zero.
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View]] {
	return kernel[BackwardArgs[gpu.View]](s, "backward", s.backwardElem(), s.XStride, backward)
}
