package nn

import (
	"errors"

	"wgnin/nn/onnx"
	"wgnin/shaders/pool"
)

// MaxPool2D is the largest value of each window, as torch.nn.MaxPool2d. A zero Stride means Kernel.
// Of equal values, the first receives the gradient. Padding must be less than the kernel, and is
// never the largest value.
//
// Shapes: x [N,C,H,W]; y [N,C,H',W'] with H' = (H + padding - Kernel)/Stride + 1, rounded down, or
// up with Ceil.
type MaxPool2D struct {
	Kernel, KernelW int     // rows and columns; KernelW 0 is Kernel
	Stride, StrideW int     `text:"stride"` // of rows and columns; Stride 0 is Kernel, StrideW 0 is Stride
	Pad             Padding `text:"pad"`
	Ceil            bool
}

func (p MaxPool2D) sides() sides {
	return sides{kernel: p.Kernel, kernelW: p.KernelW, stride: orDefault(p.Stride, p.Kernel), strideW: p.StrideW,
		pad: p.Pad, ceil: p.Ceil}
}

// Build records the pooling.
func (p MaxPool2D) Build(g *Graph, x *Tensor) *Tensor {
	s, out, err := poolShape(g, x, p.sides())
	if err != nil {
		return g.Fail(err)
	}
	s.ReLU = g.masksReLU(x)
	y := g.OutputLike(x, out)
	index := g.Temp("argmax", s.Out())
	s.MaxForward().Record(g.rec, pool.MaxForwardArgs[view, view]{X: x.Data, Y: y.Data, Index: index})
	g.Backward(func() {
		if dX := g.Gradient(x); !dX.IsZero() {
			s.MaxBackward().Record(g.rec, pool.MaxBackwardArgs[view, view]{DY: y.Grad, Index: index, DX: dX})
		}
	})
	g.ONNX(y, func() (onnx.Node, error) {
		w := s.Window
		// The last window may extend beyond the image. More padding has the same effect as
		// ceil_mode, which programs interpret differently.
		w.PadBottom = max(w.PadBottom, (w.OutH()-1)*w.StrideH+w.KH-w.InH-w.PadTop)
		w.PadRight = max(w.PadRight, (w.OutW()-1)*w.StrideW+w.KW-w.InW-w.PadLeft)
		return slide("MaxPool", w, nil, nil), nil
	}, x)
	return y
}

func (p MaxPool2D) String() string { return Text(p) }

// AvgPool2D is the mean of each window, as torch.nn.AvgPool2d. A zero Stride means Kernel. The mean
// includes the padding, unless ExcludePad is set (PyTorch's count_include_pad=False, and
// TensorFlow's behaviour).
//
// Shapes: x [N,C,H,W]; y [N,C,H',W'] with H' = (H + padding - Kernel)/Stride + 1, rounded down, or
// up with Ceil. Padding must be less than the kernel.
type AvgPool2D struct {
	Kernel, KernelW int     // rows and columns; KernelW 0 is Kernel
	Stride, StrideW int     `text:"stride"` // of rows and columns; Stride 0 is Kernel, StrideW 0 is Stride
	Pad             Padding `text:"pad"`
	Ceil            bool
	ExcludePad      bool
}

func (p AvgPool2D) sides() sides {
	return sides{kernel: p.Kernel, kernelW: p.KernelW, stride: orDefault(p.Stride, p.Kernel), strideW: p.StrideW,
		pad: p.Pad, ceil: p.Ceil}
}

// Build records the pooling.
func (p AvgPool2D) Build(g *Graph, x *Tensor) *Tensor {
	s, y := buildAvg(g, x, p.sides(), !p.ExcludePad)
	g.ONNX(y, func() (onnx.Node, error) {
		w := s.Window
		floor := w
		floor.Ceil = false
		if floor.OutH() != w.OutH() || floor.OutW() != w.OutW() {
			return onnx.Node{},
				errors.New("ONNX 1.8 does not define the mean of a window that extends beyond the padding; leave Ceil out")
		}
		include := 1
		if p.ExcludePad {
			include = 0
		}
		return slide("AveragePool", w, nil, map[string]int{"count_include_pad": include}), nil
	}, x)
	return y
}

func (p AvgPool2D) String() string { return Text(p) }

// GlobalAvgPool2D is the mean of each channel over the image, as torch.nn.AdaptiveAvgPool2d((1,
// 1)). Shapes: x [N,C,H,W]; y [N,C,1,1].
type GlobalAvgPool2D struct{}

// Build records the pooling.
func (GlobalAvgPool2D) Build(g *Graph, x *Tensor) *Tensor {
	_, y := buildAvg(g, x, sides{kernel: x.H, kernelW: x.W, stride: 1}, false)
	g.ONNX(y, func() (onnx.Node, error) { return onnx.Node{Op: "GlobalAveragePool"}, nil }, x)
	return y
}

func (g GlobalAvgPool2D) String() string { return Text(g) }

func poolShape(g *Graph, x *Tensor, how sides) (pool.Shape, Shape, error) {
	w, err := how.window(x.Shape)
	s := pool.Shape{N: g.N, C: x.Stride, Window: w}
	if err == nil {
		err = pool.Shape{N: 1, C: 1, Window: w}.Check()
	}
	return s, Shape{C: x.C, H: w.OutH(), W: w.OutW()}, err
}

func buildAvg(g *Graph, x *Tensor, how sides, countPad bool) (pool.Shape, *Tensor) {
	s, out, err := poolShape(g, x, how)
	if err != nil {
		return s, g.Fail(err)
	}
	s.CountPad = countPad
	y := g.OutputLike(x, out)
	s.AvgForward().Record(g.rec, pool.AvgForwardArgs[view]{X: x.Data, Y: y.Data})
	g.Backward(func() {
		if dX := g.Gradient(x); !dX.IsZero() {
			s.AvgBackward().Record(g.rec, pool.AvgBackwardArgs[view]{DY: y.Grad, DX: dX})
		}
	})
	return s, y
}
