package nn

import (
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/nn/onnx"
	"wgnin/shaders"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/groupconv"
	"wgnin/shaders/relu"
	"wgnin/shaders/winograd"
)

// Conv2D is a two-dimensional convolution (cross-correlation):
//
//	y[n,co,oh,ow] = b[co] + sum x[n,ci,oh*Stride-pad+r*Dilation,ow*Stride-pad+s*Dilation] w[co,ci,r,s]
//
// Shapes: x [N,Cin,H,W]; y [N,Out,H',W'] with H' = (H + padding - K)/Stride + 1, rounded down, and
// K = (Kernel-1)*Dilation + 1; weight [Out,Cin/Groups,Kernel,Kernel], bias [Out]. Cin is inferred,
// as by PyTorch's LazyConv2d. Groups must divide Cin and Out; each group of output channels reads
// its own group of input channels. If Groups equals Cin, the convolution is depthwise.
type Conv2D struct {
	Out             int     // output channels
	Kernel, KernelW int     // rows and columns; KernelW 0 is Kernel
	Stride, StrideW int     `text:"stride"` // of rows and columns; Stride 0 is 1, StrideW 0 is Stride
	Pad             Padding `text:"pad"`

	// Dilation is the distance between rows of the kernel, and DilationW between columns. Dilation
	// 0 means 1, DilationW 0 means Dilation.
	Dilation, DilationW int `text:"dilation"`
	Groups              int `text:"groups"` // of channels; 0 is 1

	NoBias bool // leaves b out, as PyTorch's bias=False
}

func (c Conv2D) sides() sides {
	return sides{
		kernel: c.Kernel, kernelW: c.KernelW, stride: orDefault(c.Stride, 1), strideW: c.StrideW,
		dilation: c.Dilation, dilationW: c.DilationW, pad: c.Pad,
	}
}

// Build records the convolution.
func (c Conv2D) Build(g *Graph, x *Tensor) *Tensor {
	groups := orDefault(c.Groups, 1)
	w, err := c.sides().window(x.Shape)
	if err == nil && (groups < 1 || groups > maxLayerNumber) {
		err = fmt.Errorf("groups is %d; want 1 to %d", groups, maxLayerNumber)
	}
	if err == nil {
		err = checkWeights(c.Out, x.C/groups, w.KH, w.KW)
	}
	if err != nil {
		return g.Fail(err)
	}
	out := Shape{C: c.Out, H: w.OutH(), W: w.OutW()}
	var y *Tensor
	if groups == 1 {
		how := convolving{window: w, out: out, weight: []int{c.Out, x.C, w.KH, w.KW}, fanOut: c.Out * w.KH * w.KW,
			noBias: c.NoBias}
		y = how.build(g, x)
	} else {
		y = convolveGroups(g, x, out, groupconv.Shape{N: g.N, InC: x.C, InStride: x.Stride, OutC: c.Out, Groups: groups,
			NoBias: c.NoBias, Window: w})
	}
	g.ONNX(y, func() (onnx.Node, error) {
		h, wide := w.Dilation()
		node := slide("Conv", w, map[string][]int{"dilations": {h, wide}}, map[string]int{"group": groups})
		node.Inputs = biased(c.NoBias)
		return node, nil
	}, x)
	return y
}

func (c Conv2D) String() string { return Text(c) }

// Linear is a fully connected layer, y = W x + b, as torch.nn.Linear.
//
// Shapes: x [N,In], where Flatten orders the values of an image C,H,W as PyTorch does; y [N,Out];
// weight [Out,In], bias [Out]. In is inferred.
type Linear struct {
	Out    int
	NoBias bool // leaves b out, as PyTorch's bias=False
}

// Build records the layer. A Linear on a flattened image runs as a convolution with a kernel as
// large as the image. The sums are the same, and no copy is needed to flatten the image.
func (l Linear) Build(g *Graph, x *Tensor) *Tensor {
	if !x.Flat {
		return g.Fail(errors.New("input is an image; want a vector (put Flatten before; flatten in a text)"))
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
	how := convolving{window: w, out: Shape{C: l.Out, H: 1, W: 1, Flat: true}, weight: []int{l.Out, x.Len()},
		fanOut: l.Out, noBias: l.NoBias}
	y := how.build(g, x)
	g.ONNX(y, func() (onnx.Node, error) {
		return onnx.Node{Op: "Gemm", Int: map[string]int{"transB": 1}, Inputs: biased(l.NoBias)}, nil
	}, x)
	return y
}

func (l Linear) String() string { return Text(l) }

// checkWeights returns an error if weights [out,in,kh,kw] are too many. in, kh and kw must be valid
// already.
func checkWeights(out, in, kh, kw int) error {
	if out < 1 || out > maxLayerNumber {
		return fmt.Errorf("%d output channels; want 1 to %d", out, maxLayerNumber)
	}
	if fan := int64(in) * int64(kh) * int64(kw); fan > maxValues/int64(out) {
		return fmt.Errorf("weight is [%d,%d,%d,%d]; want at most %d values", out, in, kh, kw, maxValues)
	}
	return nil
}

// convWeights describes PyTorch's weight of the given shape, flat [co,ci,r,s] with in input
// channels, and its bias. It places them in the matrix that packages conv2d and groupconv read: a
// row of stride values for each tap and input channel, and a last row for the bias if there is one.
func convWeights(in, taps, stride int, shape []int, fanOut int, noBias bool) []WeightTensor {
	fanIn := in * taps
	weight := WeightTensor{Name: "weight", Shape: shape, FanIn: fanIn, FanOut: fanOut, Place: func(i int) int {
		tap, ci, co := i%taps, i/taps%in, i/taps/in
		return (tap*in+ci)*stride + co
	}}
	bias := WeightTensor{Name: "bias", Shape: shape[:1], FanIn: fanIn, FanOut: fanOut, Offset: fanIn * stride}
	if noBias {
		return []WeightTensor{weight}
	}
	return []WeightTensor{weight, bias}
}

// biased returns the names of the weights of an ONNX operator with or without a bias.
func biased(noBias bool) []string {
	if noBias {
		return []string{"weight"}
	}
	return []string{"weight", "bias"}
}

// view abbreviates the element type of the kernels' argument structs.
type view = gpu.View

// convolving is a convolution, or a layer that runs as one.
type convolving struct {
	window shaders.Window
	out    Shape
	weight []int // PyTorch's shape
	fanOut int
	noBias bool
}

func (c convolving) build(g *Graph, x *Tensor) *Tensor {
	s, err := g.choose(conv2d.Shape{N: g.N, InC: x.C, InStride: x.Stride, OutC: c.out.C, NoBias: c.noBias,
		Window: c.window})
	if err != nil {
		return g.Fail(err)
	}
	w := g.Weights(s.Weights(), convWeights(s.InC, s.KH*s.KW, s.OutStride(), c.weight, c.fanOut, c.noBias)...)
	g.convolved(s, !x.Grad.IsZero(), !w.Grad.IsZero())
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
		if !w.Grad.IsZero() {
			convWeightGradient(rec, g.Temp, s,
				winograd.WeightGradientArgs{Batch: g.Batch, X: x.Data, DY: dY, DW: w.Grad})
		}
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

// convolveGroups records a convolution with groups and returns its output, of shape out.
func convolveGroups(g *Graph, x *Tensor, out Shape, s groupconv.Shape) *Tensor {
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	weight := []int{s.OutC, s.GroupIn(), s.KH, s.KW}
	w := g.Weights(s.Weights(), convWeights(s.GroupIn(), s.KH*s.KW, s.OutStride(), weight, s.OutC*s.KH*s.KW,
		s.NoBias)...)
	g.MACs(s.MACs() / int64(g.N))
	y, rec := g.Output(out, s.OutStride()), g.rec
	s.Forward().Record(rec, groupconv.ForwardArgs[view]{In_: x.Data, W: w.Data, Out: y.Data})
	g.Backward(func() {
		if !w.Grad.IsZero() {
			part := g.Temp("dW shares", s.Part())
			s.DW().Record(rec, groupconv.DWArgs[view]{In_: x.Data, DY: y.Grad, Part: part})
			s.DWSum().Record(rec, groupconv.DWSumArgs[view, view]{Batch: g.Batch, Part: part, DW: w.Grad})
		}
		if dX := g.Gradient(x); !dX.IsZero() {
			wT := g.Temp("wT", s.Transposed())
			s.Transpose().Record(rec, groupconv.TransposeArgs[view]{W: w.Data, WT: wT})
			s.DX().Record(rec, groupconv.DXArgs[view]{In_: y.Grad, W: wT, Out: dX})
		}
	})
	return y
}
