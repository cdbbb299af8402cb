// Package pool computes max and average pooling. Global average pooling is average pooling with a
// window as large as the image.
package pool

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed max_forward.wgsl
	maxForward string
	//go:embed max_backward.wgsl
	maxBackward string
	//go:embed avg_forward.wgsl
	avgForward string
	//go:embed avg_backward.wgsl
	avgBackward string
	//go:embed place.wgsl
	place string
	//go:embed divisor.wgsl
	divisor string
)

// Shape describes a pooling of N images.
type Shape struct {
	N, C int // images; channels, which is also the channel stride of x and y
	shaders.Window
	CountPad bool // the mean counts the padding in the window, like PyTorch's count_include_pad
	ReLU     bool // x is the output of a relu; MaxBackward then also applies the relu's gradient
}

// MaxForwardArgs are the arguments of [Shape.MaxForward]: X [N,InH,InW,C], Y
// and Index [N,OutH,OutW,C].
type MaxForwardArgs[F, U any] struct {
	X     F `wgsl:"read array<Elem>"`
	Y     F `wgsl:"write array<Elem>"`
	Index U `wgsl:"write array<UElem>"`
}

// MaxBackwardArgs are the arguments of [Shape.MaxBackward]: DY and Index
// [N,OutH,OutW,C], DX [N,InH,InW,C].
type MaxBackwardArgs[F, U any] struct {
	DY    F `wgsl:"read array<Elem>"`
	Index U `wgsl:"read array<UElem>"`
	DX    F `wgsl:"write array<Elem>"`
}

// AvgForwardArgs are the arguments of [Shape.AvgForward]: X [N,InH,InW,C], Y
// [N,OutH,OutW,C].
type AvgForwardArgs[F any] struct {
	X F `wgsl:"read array<Elem>"`
	Y F `wgsl:"write array<Elem>"`
}

// AvgBackwardArgs are the arguments of [Shape.AvgBackward]: DY [N,OutH,OutW,C],
// DX [N,InH,InW,C].
type AvgBackwardArgs[F any] struct {
	DY F `wgsl:"read array<Elem>"`
	DX F `wgsl:"write array<Elem>"`
}

// none is the index of a window without a largest pixel.
const none = 0xffffffff

type consts struct {
	Elem                                 shaders.Alias
	UElem                                shaders.Alias
	N, Elems, OutH, OutW                 int
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
	CountPad, ReLU                       bool
	None                                 uint32
}

// sizes bound the loops over a window.
type sizes struct{ InH, InW, KH, KW int }

func (s Shape) consts() consts {
	e := shaders.ElemOf(s.C)
	return consts{
		e.Elem, e.UElem, s.N, s.C / e.Lanes, s.OutH(), s.OutW(), s.StrideH, s.StrideW,
		s.PadTop, s.PadBottom, s.PadLeft, s.PadRight, s.CountPad, s.ReLU, none,
	}
}

// Check returns an error if the kernels do not support the shape. Padding must be smaller than the
// kernel, so that every window overlaps the image.
func (s Shape) Check() error {
	if err := s.Window.Check(); err != nil {
		return err
	}
	if err := shaders.Positive("images and channels", s.N, s.C); err != nil {
		return err
	}
	if h, w := s.Dilation(); h*w > 1 {
		return fmt.Errorf("dilation is %dx%d; want none", h, w)
	}
	if max(s.PadTop, s.PadBottom) >= s.KH || max(s.PadLeft, s.PadRight) >= s.KW {
		return fmt.Errorf("padding is %d,%d,%d,%d; want less than the kernel, %dx%d", s.PadTop, s.PadBottom, s.PadLeft,
			s.PadRight, s.KH, s.KW)
	}
	return nil
}

func (s Shape) String() string { return fmt.Sprintf("[%d,%d] %s", s.N, s.C, s.Window) }

// In returns the number of elements of x.
func (s Shape) In() int { return s.N * s.InH * s.InW * s.C }

// Out returns the number of elements of y.
func (s Shape) Out() int { return s.N * s.OutH() * s.OutW() * s.C }

// covering returns a bound on the iterations over the windows that cover a pixel.
func (s Shape) covering() int {
	return min(s.KH/s.StrideH+1, s.OutH()) * (min(s.KW/s.StrideW+1, s.OutW()) + 1)
}

func kernel[A any](s Shape, name string, elements, window, iterations int, parts ...string) gpu.Kernel[A] {
	return shaders.Constant(ofSizes[A](s, name, elements, window, iterations, parts...))
}

func ofSizes[A any](s Shape, name string, elements, window, iterations int, parts ...string) gpu.Kernel[A] {
	lanes := shaders.ElemOf(s.C).Lanes
	return gpu.Kernel[A]{
		Name: "pool/" + name, Detail: s.String(), Source: shaders.Source(s.consts(), append(parts, place)...),
		Sizes:  sizes{s.InH, s.InW, s.KH, s.KW},
		Groups: shaders.DivUp(elements/lanes, 64), Lanes: 64, Flops: int64(elements) * int64(window),
		Iterations: iterations,
	}
}

// MaxForward returns the kernel for y = max over the window, or NaN if the window contains one.
func (s Shape) MaxForward() gpu.Kernel[MaxForwardArgs[gpu.View, gpu.View]] {
	return kernel[MaxForwardArgs[gpu.View, gpu.View]](s, "max_forward", s.Out(), s.KH*s.KW, s.KH*(s.KW+1), maxForward)
}

// MaxBackward returns the kernel for the gradient of [Shape.MaxForward].
func (s Shape) MaxBackward() gpu.Kernel[MaxBackwardArgs[gpu.View, gpu.View]] {
	return kernel[MaxBackwardArgs[gpu.View, gpu.View]](s, "max_backward", s.In(), 1, s.covering(), maxBackward)
}

// AvgForward returns the kernel for y = mean over the window. The window may be the whole image:
// llvmpipe would unroll loops with such bounds, and compile them for seconds.
func (s Shape) AvgForward() gpu.Kernel[AvgForwardArgs[gpu.View]] {
	return ofSizes[AvgForwardArgs[gpu.View]](s, "avg_forward", s.Out(), s.KH*s.KW, s.KH*(s.KW+1), divisor, avgForward)
}

// AvgBackward returns the kernel for the gradient of [Shape.AvgForward].
func (s Shape) AvgBackward() gpu.Kernel[AvgBackwardArgs[gpu.View]] {
	return kernel[AvgBackwardArgs[gpu.View]](s, "avg_backward", s.In(), 1, s.covering(), divisor, avgBackward)
}
