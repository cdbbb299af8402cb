// Package adaptivepool computes average pooling to a given size, like torch.nn.AdaptiveAvgPool2d.
// Along each axis, window o of out covers the pixels from floor(o*in/out) up to, but not including,
// ceil((o+1)*in/out). Windows may overlap.
package adaptivepool

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
	//go:embed window.wgsl
	window string
)

// Shape describes a pooling of N images.
type Shape struct {
	N, C                 int // images; channels, which is also the channel stride of x and y
	InH, InW, OutH, OutW int
}

// ForwardArgs are the arguments of [Shape.Forward]: X [N,InH,InW,C], Y [N,OutH,OutW,C].
type ForwardArgs[F any] struct {
	X F `wgsl:"read array<Elem>"`
	Y F `wgsl:"write array<Elem>"`
}

// BackwardArgs are the arguments of [Shape.Backward]: DY [N,OutH,OutW,C], DX [N,InH,InW,C].
type BackwardArgs[F any] struct {
	DY F `wgsl:"read array<Elem>"`
	DX F `wgsl:"write array<Elem>"`
}

// maxSide is the largest side. It keeps a product of two sides below 2^32.
const maxSide = 1 << 15

// Check returns an error if the sizes are invalid.
func (s Shape) Check() error {
	if err := shaders.Positive("images, channels, rows and columns", s.N, s.C, s.InH, s.InW, s.OutH,
		s.OutW); err != nil {
		return err
	}
	if side := max(s.InH, s.InW, s.OutH, s.OutW); side > maxSide {
		return fmt.Errorf("a side is %d; want at most %d", side, maxSide)
	}
	return nil
}

func (s Shape) String() string {
	return fmt.Sprintf("[%d,%d] %dx%d -> %dx%d", s.N, s.C, s.InH, s.InW, s.OutH, s.OutW)
}

// In returns the number of elements of x.
func (s Shape) In() int { return s.N * s.InH * s.InW * s.C }

// Out returns the number of elements of y.
func (s Shape) Out() int { return s.N * s.OutH * s.OutW * s.C }

// most returns a bound on the pixels of a window along an axis that is pooled from n to m. With n
// and m exchanged, it is a bound on the windows that cover a pixel.
func most(n, m int) int { return min(n, shaders.DivUp(n, m)+1) }

func kernel[A any](s Shape, name string, elements, terms int, text string) gpu.Kernel[A] {
	e := shaders.ElemOf(s.C)
	c := struct {
		Elem                 shaders.Alias
		N, Elems, OutH, OutW int
	}{e.Elem, s.N, s.C / e.Lanes, s.OutH, s.OutW}
	return gpu.Kernel[A]{
		Name: "adaptivepool/" + name, Detail: s.String(), Source: shaders.Source(c, text, window),
		Sizes:  struct{ InH, InW int }{s.InH, s.InW},
		Groups: shaders.DivUp(elements/e.Lanes, 64), Lanes: 64, Flops: int64(elements) * int64(terms),
		Iterations: terms,
	}
}

// Forward returns the kernel for y = mean over the window. The window may be the whole image:
// llvmpipe would unroll loops with such bounds, and compile them for seconds.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return kernel[ForwardArgs[gpu.View]](s, "forward", s.Out(), most(s.InH, s.OutH)*most(s.InW, s.OutW), forward)
}

// Backward returns the kernel for the gradient of [Shape.Forward].
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View]] {
	return shaders.Constant(kernel[BackwardArgs[gpu.View]](s, "backward", s.In(),
		most(s.OutH, s.InH)*most(s.OutW, s.InW), backward))
}
