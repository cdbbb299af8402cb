// Package activation computes smooth functions of each value: the logistic sigmoid, tanh, SiLU and
// GELU, like torch.nn.Sigmoid, Tanh, SiLU and GELU. Each function is a WGSL file with value(x) and
// its derivative, slope(x).
package activation

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
	//go:embed nan.wgsl
	nan string
	//go:embed logistic.wgsl
	logistic string
	//go:embed sigmoid.wgsl
	sigmoid string
	//go:embed tanh.wgsl
	tanh string
	//go:embed silu.wgsl
	silu string
	//go:embed gelu.wgsl
	gelu string
)

// Function is one of the functions below.
type Function string

// The functions. GELU is x times the cumulative normal distribution, not the approximation by tanh.
const (
	Sigmoid Function = "sigmoid" // 1 / (1 + exp(-x))
	Tanh    Function = "tanh"
	SiLU    Function = "silu" // x * sigmoid(x)
	GELU    Function = "gelu" // x * (1 + erf(x/sqrt 2)) / 2
)

// text returns the WGSL of the function, or an empty string if it is unknown.
func (f Function) text() string {
	switch f {
	case Sigmoid:
		return logistic + sigmoid
	case Tanh:
		return tanh
	case SiLU:
		return logistic + silu
	case GELU:
		return gelu
	}
	return ""
}

// Shape describes tensors of Pixels pixels (N*H*W) with C channels and a channel stride of Stride.
// Their buffers pad the number of values to a multiple of 4.
type Shape struct {
	Function
	Pixels, C, Stride int
}

// ForwardArgs are the arguments of [Shape.Forward]: X and Y [Pixels,Stride].
type ForwardArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// BackwardArgs are the arguments of [Shape.Backward], all [Pixels,Stride].
type BackwardArgs[F any] struct {
	X  F `wgsl:"read array<vec4<f32>>"`
	DY F `wgsl:"read array<vec4<f32>>"`
	DX F `wgsl:"write array<vec4<f32>>"`
}

// Check returns an error if there is no such function or the sizes are invalid.
func (s Shape) Check() error {
	if s.text() == "" {
		return fmt.Errorf("function is %q; want sigmoid, tanh, silu or gelu", string(s.Function))
	}
	if err := shaders.Positive("pixels and channels", s.Pixels, s.C); err != nil {
		return err
	}
	if s.Stride < s.C {
		return fmt.Errorf("channel stride is %d; want at least the %d channels", s.Stride, s.C)
	}
	return nil
}

// Len returns the number of values.
func (s Shape) Len() int { return s.Pixels * s.Stride }

func (s Shape) String() string {
	return fmt.Sprintf("%s [%d,%d] stride=%d", string(s.Function), s.Pixels, s.C, s.Stride)
}

func kernel[A any](s Shape, name, text string) gpu.Kernel[A] {
	c := struct{ Count, C, Stride int }{shaders.DivUp(s.Len(), 4), s.C, s.Stride} // Count of vec4
	return gpu.Kernel[A]{
		Name: "activation/" + name, Detail: s.String(), Source: shaders.Source(c, s.text(), nan, text),
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: 10 * int64(s.Len()),
	}
}

// Forward returns the kernel for y = f(x).
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return kernel[ForwardArgs[gpu.View]](s, "forward", forward)
}

// Backward returns the kernel for dX = dY * f'(x).
func (s Shape) Backward() gpu.Kernel[BackwardArgs[gpu.View]] {
	return kernel[BackwardArgs[gpu.View]](s, "backward", backward)
}
