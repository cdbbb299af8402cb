package nn

import (
	"wgnin/shaders/pool"
)

// MaxPool2D is the largest value of each window, as torch.nn.MaxPool2d: the
// zero Stride is Kernel, and of equal values the first gets the gradient.
// Padding, less than the kernel, is never the largest.
//
// Shapes: x [N,C,H,W]; y [N,C,H',W'] with H' = (H + padding - Kernel)/Stride + 1,
// rounded down, or up with Ceil.
type MaxPool2D struct {
	Kernel, KernelW int // rows and columns; KernelW 0 is Kernel
	Stride, StrideW int // of rows and columns; Stride 0 is Kernel, StrideW 0 is Stride
	Pad             Padding
	Ceil            bool
}

func (p MaxPool2D) sides() sides {
	return sides{p.Kernel, p.KernelW, or(p.Stride, p.Kernel), p.StrideW, p.Pad, p.Ceil}
}

// OutShape is [C,H',W'].
func (p MaxPool2D) OutShape(in Shape) (Shape, error) { return poolOut(in, p.sides()) }

// Build records the pooling.
func (p MaxPool2D) Build(g *Graph, x *Tensor) *Tensor {
	s, out, err := poolShape(g, x, p.sides())
	if err != nil {
		g.Fail(err)
		return x
	}
	s.ReLU = x.relu
	y := g.OutputLike(x, out)
	index := g.Temp("argmax", s.Out())
	s.MaxForward().Record(g.rec, pool.MaxForwardArgs[view, view]{X: x.Data, Y: y.Data, Index: index})
	g.Backward(func() {
		if !x.Grad.IsZero() {
			s.MaxBackward().Record(g.rec, pool.MaxBackwardArgs[view, view]{DY: y.Grad, Index: index, DX: x.Grad})
			x.masked = true
		}
	})
	return y
}

func (p MaxPool2D) String() string { return "MaxPool2D " + p.sides().String() }

// AvgPool2D is the mean of each window, as torch.nn.AvgPool2d: the zero Stride
// is Kernel, and padding counts in the mean unless ExcludePad (PyTorch's
// count_include_pad=False, and what TensorFlow does).
//
// Shapes: x [N,C,H,W]; y [N,C,H',W'] with H' = (H + padding - Kernel)/Stride + 1,
// rounded down, or up with Ceil. Padding is less than the kernel.
type AvgPool2D struct {
	Kernel, KernelW int // rows and columns; KernelW 0 is Kernel
	Stride, StrideW int // of rows and columns; Stride 0 is Kernel, StrideW 0 is Stride
	Pad             Padding
	Ceil            bool
	ExcludePad      bool
}

func (p AvgPool2D) sides() sides {
	return sides{p.Kernel, p.KernelW, or(p.Stride, p.Kernel), p.StrideW, p.Pad, p.Ceil}
}

// OutShape is [C,H',W'].
func (p AvgPool2D) OutShape(in Shape) (Shape, error) { return poolOut(in, p.sides()) }

// Build records the pooling.
func (p AvgPool2D) Build(g *Graph, x *Tensor) *Tensor {
	return buildAvg(g, x, p.sides(), !p.ExcludePad)
}

func (p AvgPool2D) String() string { return "AvgPool2D " + p.sides().String() }

// GlobalAvgPool2D is the mean over each channel of the image, as
// torch.nn.AdaptiveAvgPool2d((1, 1)). Shapes: x [N,C,H,W]; y [N,C,1,1].
type GlobalAvgPool2D struct{}

func (GlobalAvgPool2D) sides(in Shape) sides { return sides{kernel: in.H, kernelW: in.W, stride: 1} }

// OutShape is [C,1,1].
func (p GlobalAvgPool2D) OutShape(in Shape) (Shape, error) { return poolOut(in, p.sides(in)) }

// Build records the pooling.
func (p GlobalAvgPool2D) Build(g *Graph, x *Tensor) *Tensor {
	return buildAvg(g, x, p.sides(x.Shape), false)
}

func (GlobalAvgPool2D) String() string { return "GlobalAvgPool2D" }

func poolOut(in Shape, how sides) (Shape, error) {
	w, err := how.window(in)
	if err == nil {
		err = pool.Shape{N: 1, C: 1, Window: w}.Check()
	}
	return Shape{C: in.C, H: w.OutH(), W: w.OutW()}, err
}

func poolShape(g *Graph, x *Tensor, how sides) (pool.Shape, Shape, error) {
	out, err := poolOut(x.Shape, how)
	if err != nil {
		return pool.Shape{}, out, err
	}
	w, err := how.window(x.Shape)
	return pool.Shape{N: g.N, C: x.Stride, Window: w}, out, err
}

func buildAvg(g *Graph, x *Tensor, how sides, countPad bool) *Tensor {
	s, out, err := poolShape(g, x, how)
	if err != nil {
		g.Fail(err)
		return x
	}
	s.CountPad = countPad
	y := g.OutputLike(x, out)
	s.AvgForward().Record(g.rec, pool.AvgForwardArgs[view]{X: x.Data, Y: y.Data})
	g.Backward(func() {
		if !x.Grad.IsZero() {
			s.AvgBackward().Record(g.rec, pool.AvgBackwardArgs[view]{DY: y.Grad, DX: x.Grad})
		}
	})
	return y
}
