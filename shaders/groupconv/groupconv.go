// Package groupconv is convolution with groups of channels, dilation, or both, as
// torch.nn.Conv2d with groups and dilation. It computes each sum directly; package conv2d, which
// has neither, shares what it reads between invocations.
package groupconv

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed forward.wgsl
	forward string
	//go:embed dx.wgsl
	dx string
	//go:embed dw.wgsl
	dw string
	//go:embed sum.wgsl
	sum string
)

// Shape is a convolution of N images. KH and KW of the window are what the dilated kernel
// covers.
//
// The weights are a matrix [Rows,OutStride]: row (r*TapsW+s)*InC/Groups + ci has the weights of
// tap (r,s) and channel ci of a group, the last row the bias unless NoBias. Its columns from OutC on
// are zero.
type Shape struct {
	N                    int
	InC, InStride        int // channels of x and their stride
	OutC                 int
	Groups               int
	DilationH, DilationW int
	shaders.Window
	NoBias bool
}

// ForwardArgs are the arguments of [Shape.Forward]: X [N,InH,InW,InStride], W
// [Rows,OutStride], Y [N,OutH,OutW,OutStride].
type ForwardArgs[F any] struct {
	X F `wgsl:"read array<f32>"`
	W F `wgsl:"read array<f32>"`
	Y F `wgsl:"write array<f32>"`
}

// DXArgs are the arguments of [Shape.DX], with the shapes of [ForwardArgs].
type DXArgs[F any] struct {
	DY F `wgsl:"read array<f32>"`
	W  F `wgsl:"read array<f32>"`
	DX F `wgsl:"write array<f32>"`
}

// DWArgs are the arguments of [Shape.DW], with the shapes of [ForwardArgs]; Part
// [Shares,Rows,OutStride].
type DWArgs[F any] struct {
	X    F `wgsl:"read array<f32>"`
	DY   F `wgsl:"read array<f32>"`
	Part F `wgsl:"write array<f32>"`
}

// DWSumArgs are the arguments of [Shape.DWSum]: Part [Shares,Rows,OutStride], DW
// [Rows,OutStride]. Batch is a view on the device, and a [shaders.Batch] in the twin.
type DWSumArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	Part  F `wgsl:"read array<f32>"`
	DW    F `wgsl:"update array<f32>"`
}

// Check refuses shapes that the kernels cannot do.
func (s Shape) Check() error {
	if err := s.Window.Check(); err != nil {
		return err
	}
	if err := shaders.Positive("images, channels, groups and dilations", s.N, s.InC, s.OutC, s.Groups, s.DilationH, s.DilationW); err != nil {
		return err
	}
	if s.InC%s.Groups != 0 || s.OutC%s.Groups != 0 {
		return fmt.Errorf("%d groups of %d input and %d output channels; want groups of equal size", s.Groups, s.InC, s.OutC)
	}
	if (s.KH-1)%s.DilationH != 0 || (s.KW-1)%s.DilationW != 0 {
		return fmt.Errorf("the dilated kernel is %dx%d; want one more than a multiple of the dilation %dx%d", s.KH, s.KW, s.DilationH, s.DilationW)
	}
	if s.InStride < s.InC {
		return fmt.Errorf("channel stride is %d; want at least the %d channels", s.InStride, s.InC)
	}
	return nil
}

func (s Shape) String() string {
	text := fmt.Sprintf("[%d,%d->%d] %s groups=%d dilation=%dx%d", s.N, s.InC, s.OutC, s.Window, s.Groups, s.DilationH, s.DilationW)
	if s.NoBias {
		text += " nobias"
	}
	return text
}

// OutStride is the channel stride of y.
func (s Shape) OutStride() int { return shaders.RoundUp(s.OutC, 4) }

// TapsH is the number of rows of the kernel without its dilation.
func (s Shape) TapsH() int { return (s.KH-1)/s.DilationH + 1 }

// TapsW is the number of columns of the kernel without its dilation.
func (s Shape) TapsW() int { return (s.KW-1)/s.DilationW + 1 }

// fan is the number of products in an element of y.
func (s Shape) fan() int { return s.TapsH() * s.TapsW() * s.InC / s.Groups }

// Rows is the number of rows of the weights.
func (s Shape) Rows() int {
	if s.NoBias {
		return s.fan()
	}
	return s.fan() + 1
}

// Weights is the number of elements of the weights.
func (s Shape) Weights() int { return s.Rows() * s.OutStride() }

// In is the number of elements of x.
func (s Shape) In() int { return s.N * s.InH * s.InW * s.InStride }

// Out is the number of elements of y.
func (s Shape) Out() int { return s.N * s.OutH() * s.OutW() * s.OutStride() }

// MACs is the number of multiply-adds of a pass.
func (s Shape) MACs() int64 {
	return int64(s.N*s.OutH()*s.OutW()) * int64(s.OutC) * int64(s.fan())
}

// Shares is the number of parts of the images whose weight gradients are summed by themselves:
// enough for a GPU to be busy with few weights, and few where the weights are many.
func (s Shape) Shares() int { return min(s.N, max(1, (1<<18)/s.Weights())) }

// Part is the number of elements of the shares.
func (s Shape) Part() int { return s.Shares() * s.Weights() }

func kernel[A any](s Shape, name string, elements, iterations int, text string) gpu.Kernel[A] {
	c := struct {
		N, InH, InW, InC, InStride, OutH, OutW, OutC, OutStride                 int
		TapsH, TapsW, StrideH, StrideW, DilationH, DilationW, GroupIn, GroupOut int
		PadTop, PadLeft, Rows, Shares                                           int
		Bias                                                                    bool
	}{
		s.N, s.InH, s.InW, s.InC, s.InStride, s.OutH(), s.OutW(), s.OutC, s.OutStride(),
		s.TapsH(), s.TapsW(), s.StrideH, s.StrideW, s.DilationH, s.DilationW, s.InC / s.Groups, s.OutC / s.Groups,
		s.PadTop, s.PadLeft, s.Rows(), s.Shares(), !s.NoBias,
	}
	return gpu.Kernel[A]{
		Name: "groupconv/" + name, Detail: s.String(), Source: shaders.Source(c, text),
		Groups: shaders.DivUp(elements, 64), Lanes: 64, Flops: 2 * s.MACs(), Iterations: iterations,
	}
}

// Forward is y = w * x + bias, or w * x without one.
func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
	return kernel[ForwardArgs[gpu.View]](s, "forward", s.Out(), s.fan(), forward)
}

// DX is the gradient of x.
func (s Shape) DX() gpu.Kernel[DXArgs[gpu.View]] {
	return kernel[DXArgs[gpu.View]](s, "dx", s.In(), s.TapsH()*s.TapsW()*s.OutC/s.Groups, dx)
}

// DW is the gradient of the weights and the bias, a part for each share of the images.
func (s Shape) DW() gpu.Kernel[DWArgs[gpu.View]] {
	return kernel[DWArgs[gpu.View]](s, "dw", s.Part(), shaders.DivUp(s.N, s.Shares())*s.OutH()*s.OutW(), dw)
}

// DWSum adds the shares up, on top of the gradients of the batch's earlier parts.
func (s Shape) DWSum() gpu.Kernel[DWSumArgs[gpu.View, gpu.View]] {
	c := struct{ Size, Shares int }{s.Weights(), s.Shares()}
	return gpu.Kernel[DWSumArgs[gpu.View, gpu.View]]{
		Name: "groupconv/sum", Detail: s.String(), Source: shaders.Source(c, shaders.BatchStruct, sum),
		Groups: shaders.DivUp(c.Size, 64), Lanes: 64, Flops: int64(s.Part()), Iterations: c.Shares,
	}
}
