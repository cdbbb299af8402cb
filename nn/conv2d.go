package nn

import (
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/nn/onnx"
	"wgnin/shaders"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/relu"
	"wgnin/shaders/winograd"
)

// Conv2D is a two-dimensional convolution (cross-correlation) with bias:
//
//	y[n,co,oh,ow] = b[co] + sum x[n,ci,oh*Stride-pad+r*Dilation,ow*Stride-pad+s*Dilation] w[co,ci,r,s]
//
// Shapes: x [N,Cin,H,W]; y [N,Out,H',W'] with H' = (H + padding - K)/Stride + 1, rounded
// down, and K = (Kernel-1)*Dilation + 1; weight [Out,Cin/Groups,Kernel,Kernel], bias [Out].
// Cin is inferred, as by PyTorch's LazyConv2d. Groups divides Cin and Out: each group of output
// channels reads a group of input channels of its own.
type Conv2D struct {
	Out             int     // output channels
	Kernel, KernelW int     // rows and columns; KernelW 0 is Kernel
	Stride, StrideW int     `text:"stride"` // of rows and columns; Stride 0 is 1, StrideW 0 is Stride
	Pad             Padding `text:"pad"`

	// Dilation is the distance from one row of the kernel to the next, DilationW that of columns:
	// Dilation 0 is 1, DilationW 0 is Dilation.
	Dilation, DilationW int `text:"dilation"`
	Groups              int `text:"groups"` // of channels; 0 is 1
}

func (c Conv2D) sides() sides {
	return sides{kernel: c.Kernel, kernelW: c.KernelW, stride: orDefault(c.Stride, 1), strideW: c.StrideW, pad: c.Pad}
}

// Build records the convolution.
func (c Conv2D) Build(g *Graph, x *Tensor) *Tensor {
	if c.sparse() {
		return c.buildSparse(g, x)
	}
	w, err := c.sides().window(x.Shape)
	if err == nil {
		err = checkWeights(c.Out, x.C, w.KH, w.KW)
	}
	if err != nil {
		return g.Fail(err)
	}
	how := convolving{window: w, out: Shape{C: c.Out, H: w.OutH(), W: w.OutW()}, weight: []int{c.Out, x.C, w.KH, w.KW}, fanOut: c.Out * w.KH * w.KW}
	y := how.build(g, x)
	g.ONNX(y, func() (onnx.Node, error) {
		node := slide("Conv", w, map[string][]int{"dilations": {1, 1}}, nil)
		node.Inputs = []string{"weight", "bias"}
		return node, nil
	}, x)
	return y
}

func (c Conv2D) String() string { return Text(c) }

// Linear is a fully connected layer, y = W x + b, as torch.nn.Linear.
//
// Shapes: x [N,In], the vector that Flatten makes of an image in PyTorch's
// order C,H,W; y [N,Out]; weight [Out,In], bias [Out]. In is inferred.
type Linear struct{ Out int }

// Build records the layer. A Linear on a vector that was an image is a convolution with a
// kernel as large as the image: the same sums, and no copy to flatten it.
func (l Linear) Build(g *Graph, x *Tensor) *Tensor {
	if !x.Flat {
		return g.Fail(errors.New("input is an image; want a vector (put Flatten before)"))
	}
	image := x.Shape
	image.Flat = false
	w, err := sides{kernel: x.H, kernelW: x.W, stride: 1}.window(image)
	if err == nil {
		err = checkWeights(l.Out, x.C, x.H, x.W)
	}
	if err != nil {
		return g.Fail(err)
	}
	how := convolving{window: w, out: Shape{C: l.Out, H: 1, W: 1, Flat: true}, weight: []int{l.Out, x.Len()}, fanOut: l.Out}
	y := how.build(g, x)
	g.ONNX(y, func() (onnx.Node, error) {
		return onnx.Node{Op: "Gemm", Int: map[string]int{"transB": 1}, Inputs: []string{"weight", "bias"}}, nil
	}, x)
	return y
}

func (l Linear) String() string { return Text(l) }

// checkWeights refuses weights [out,in,kh,kw] that are too many; in, kh and kw
// have been checked.
func checkWeights(out, in, kh, kw int) error {
	if out < 1 || out > maxLayerNumber {
		return fmt.Errorf("%d output channels; want 1 to %d", out, maxLayerNumber)
	}
	if fan := int64(in) * int64(kh) * int64(kw); fan > maxValues/int64(out) {
		return fmt.Errorf("weight is [%d,%d,%d,%d]; want at most %d values", out, in, kh, kw, maxValues)
	}
	return nil
}

// convWeights lays PyTorch's weight of the given shape, flat [co,ci,r,s], and
// bias out in the matrix of package conv2d.
func convWeights(s conv2d.Shape, shape []int, fanOut int) []WeightTensor {
	stride, taps := s.OutStride(), s.KH*s.KW
	fanIn := s.InC * taps
	return []WeightTensor{
		{Name: "weight", Shape: shape, FanIn: fanIn, FanOut: fanOut, Place: func(i int) int {
			tap, ci, co := i%taps, i/taps%s.InC, i/taps/s.InC
			return (tap*s.InC+ci)*stride + co
		}},
		{Name: "bias", Shape: []int{s.OutC}, FanIn: fanIn, FanOut: fanOut, Offset: (s.Rows() - 1) * stride},
	}
}

// view is short for the element of the kernels' argument structs.
type view = gpu.View

// convolving is a convolution, or what runs as one.
type convolving struct {
	window shaders.Window
	out    Shape
	weight []int // PyTorch's shape
	fanOut int
}

func (c convolving) build(g *Graph, x *Tensor) *Tensor {
	s, err := g.choose(conv2d.Shape{N: g.N, InC: x.C, InStride: x.Stride, OutC: c.out.C, Window: c.window})
	if err != nil {
		return g.Fail(err)
	}
	g.convolved(s, !x.Grad.IsZero())
	w := g.Weights(s.Weights(), convWeights(s, c.weight, c.fanOut)...)
	g.MACs(s.MACs() / int64(g.N))
	y := g.Output(c.out, s.OutStride())
	withReLU, masks := g.fusesReLU(y), g.masksReLU(x)
	rec := g.rec
	convForward(rec, g.Temp, s, withReLU, conv2d.ForwardArgs[view]{In_: x.Data, W: w.Data, Out: y.Data})
	g.Backward(func() {
		dY := y.Grad
		if withReLU && !g.masked(y) {
			dY = g.Temp("masked dY", s.Out())
			relu.Shape{Elems: s.Out()}.Backward().Record(rec, relu.BackwardArgs[view]{Y: y.Data, DY: y.Grad, DX: dY})
		}
		convWeightGradient(rec, g.Temp, s, winograd.WeightGradientArgs{Batch: g.Batch, X: x.Data, DY: dY, DW: w.Grad})
		dX := g.Gradient(x)
		if dX.IsZero() {
			return
		}
		wT := g.Temp("wT", s.Transposed())
		s.Transpose().Record(rec, conv2d.TransposeArgs[view]{W: w.Data, WT: wT})
		args := conv2d.DXReLUArgs[view]{In_: dY, W: wT, Out: dX}
		if masks {
			args.X = x.Data
		}
		convInputGradient(rec, g.Temp, s, args)
	})
	return y
}
