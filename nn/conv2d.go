package nn

import (
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/relu"
)

// Conv2D is a two-dimensional convolution (cross-correlation) with bias:
//
//	y[n,co,oh,ow] = b[co] + sum x[n,ci,oh*Stride-pad+r,ow*Stride-pad+s] w[co,ci,r,s]
//
// Shapes: x [N,Cin,H,W]; y [N,Out,H',W'] with H' = (H + padding - Kernel)/Stride + 1,
// rounded down; weight [Out,Cin,Kernel,Kernel], bias [Out]. Cin is inferred, as
// by PyTorch's LazyConv2d. There are no dilation and no groups.
type Conv2D struct {
	Out             int // output channels
	Kernel, KernelW int // rows and columns; KernelW 0 is Kernel
	Stride, StrideW int // of rows and columns; Stride 0 is 1, StrideW 0 is Stride
	Pad             Padding
}

func (c Conv2D) sides() sides {
	return sides{kernel: c.Kernel, kernelW: c.KernelW, stride: or(c.Stride, 1), strideW: c.StrideW, pad: c.Pad}
}

// OutShape is [Out,H',W'].
func (c Conv2D) OutShape(in Shape) (Shape, error) {
	w, err := c.sides().window(in)
	if err == nil {
		err = checkWeights(c.Out, in.C, w.KH, w.KW)
	}
	return Shape{C: c.Out, H: w.OutH(), W: w.OutW()}, err
}

// Weights are weight [Out,Cin,Kernel,Kernel] and bias [Out].
func (c Conv2D) Weights(in Shape) Weights {
	s := convShape(1, in, in.C, c.Out, c.sides())
	return convWeights(s, []int{c.Out, in.C, s.KH, s.KW})
}

// MACs is the number of multiply-adds of one image.
func (c Conv2D) MACs(in Shape) int64 { return convShape(1, in, in.C, c.Out, c.sides()).MACs() }

// Build records the convolution.
func (c Conv2D) Build(g *Graph, x *Tensor) *Tensor { return c.build(g, x, false) }

func (c Conv2D) buildReLU(g *Graph, x *Tensor) *Tensor { return c.build(g, x, true) }

func (c Conv2D) build(g *Graph, x *Tensor, withReLU bool) *Tensor {
	out, err := c.OutShape(x.Shape)
	if err != nil {
		g.Fail(err)
		return x
	}
	return buildConv(g, x, out, c.sides(), withReLU)
}

func (c Conv2D) String() string { return fmt.Sprintf("Conv2D %d %s", c.Out, c.sides()) }

// Linear is a fully connected layer, y = W x + b, as torch.nn.Linear.
//
// Shapes: x [N,In], the vector that Flatten makes of an image in PyTorch's
// order C,H,W; y [N,Out]; weight [Out,In], bias [Out]. In is inferred.
type Linear struct{ Out int }

// A Linear on a vector that was an image is a convolution with a kernel as
// large as the image: the same sums, and no copy to flatten it.
func (l Linear) sides(in Shape) sides { return sides{kernel: in.H, kernelW: in.W, stride: 1} }

// OutShape is [Out].
func (l Linear) OutShape(in Shape) (Shape, error) {
	if !in.Flat {
		return Shape{}, errors.New("input is an image; want a vector (put Flatten before)")
	}
	return Shape{C: l.Out, H: 1, W: 1, Flat: true}, checkWeights(l.Out, in.C, in.H, in.W)
}

// Weights are weight [Out,In] and bias [Out].
func (l Linear) Weights(in Shape) Weights {
	w := convWeights(convShape(1, in, in.C, l.Out, l.sides(in)), []int{l.Out, in.Len()})
	for i := range w.Tensors {
		w.Tensors[i].FanOut = l.Out // that of a convolution counts the kernel too
	}
	return w
}

// MACs is the number of multiply-adds of one image.
func (l Linear) MACs(in Shape) int64 { return int64(in.Len()) * int64(l.Out) }

// Build records the layer.
func (l Linear) Build(g *Graph, x *Tensor) *Tensor { return l.build(g, x, false) }

func (l Linear) buildReLU(g *Graph, x *Tensor) *Tensor { return l.build(g, x, true) }

func (l Linear) build(g *Graph, x *Tensor, withReLU bool) *Tensor {
	out, err := l.OutShape(x.Shape)
	if err != nil {
		g.Fail(err)
		return x
	}
	return buildConv(g, x, out, l.sides(x.Shape), withReLU)
}

func (l Linear) String() string { return fmt.Sprintf("Linear %d", l.Out) }

// checkWeights refuses weights [out,in,kh,kw] that are too many; in, kh and kw
// have been checked.
func checkWeights(out, in, kh, kw int) error {
	if out < 1 || out > largest {
		return fmt.Errorf("%d output channels; want 1 to %d", out, largest)
	}
	if fan := int64(in) * int64(kh) * int64(kw); fan > maxValues/int64(out) {
		return fmt.Errorf("weight is [%d,%d,%d,%d]; want at most %d values", out, in, kh, kw, maxValues)
	}
	return nil
}

// convShape is the convolution of n images of shape in and channel stride
// stride. The window has been checked, if not here.
func convShape(n int, in Shape, stride, out int, s sides) conv2d.Shape {
	in.Flat = false
	w, _ := s.window(in)
	return conv2d.Shape{N: n, InC: in.C, InStride: stride, OutC: out, Window: w}
}

// convWeights lays PyTorch's weight of the given shape, flat [co,ci,r,s], and
// bias out in the matrix of package conv2d.
func convWeights(s conv2d.Shape, shape []int) Weights {
	stride, taps := s.OutStride(), s.KH*s.KW
	fanIn, fanOut := s.InC*taps, s.OutC*taps
	return Weights{
		Size: s.Weights(),
		Tensors: []WeightTensor{
			{Name: "weight", Shape: shape, FanIn: fanIn, FanOut: fanOut, place: func(i int) int {
				tap, ci, co := i%taps, i/taps%s.InC, i/taps/s.InC
				return (tap*s.InC+ci)*stride + co
			}},
			{Name: "bias", Shape: []int{s.OutC}, FanIn: fanIn, FanOut: fanOut, place: func(i int) int {
				return (s.Rows()-1)*stride + i
			}},
		},
	}
}

// view is short for the element of the kernels' argument structs.
type view = gpu.View

func buildConv(g *Graph, x *Tensor, out Shape, how sides, withReLU bool) *Tensor {
	s, err := g.net.choose(convShape(g.N, x.Shape, x.Stride, out.C, how))
	if err != nil {
		g.Fail(err)
		return x
	}
	passes := []conv2d.Pass{conv2d.Forward, conv2d.WeightGradient}
	if !x.Grad.IsZero() {
		passes = []conv2d.Pass{conv2d.Forward, conv2d.InputGradient, conv2d.WeightGradient}
	}
	g.convolutions = append(g.convolutions, convolution{g.path, s, passes})
	w, err := g.net.param(g.net.weights, g.path, s.Weights())
	if err != nil {
		g.Fail(err)
		return x
	}
	y := g.Output(out, s.OutStride())
	y.relu = withReLU
	rec := g.rec
	s.Forward(withReLU).Record(rec, conv2d.ForwardArgs[view]{In_: x.Data, W: w, Out: y.Data})
	g.Backward(func() {
		dY := y.Grad
		if withReLU && !y.masked {
			dY = g.Temp("masked dY", s.Out())
			relu.Shape{Elems: s.Out()}.Backward().Record(rec, relu.BackwardArgs[view]{Y: y.Data, DY: y.Grad, DX: dY})
		}
		dW, err := g.net.param(g.grads, g.path, s.Weights())
		if err != nil {
			g.Fail(err)
			return
		}
		part := g.Temp("dW shares", s.Part())
		s.DW().Record(rec, conv2d.DWArgs[view]{X: x.Data, DY: dY, Part: part})
		s.DWSum().Record(rec, conv2d.DWSumArgs[view, view]{Batch: g.Batch, Part: part, DW: dW})
		if x.Grad.IsZero() {
			return
		}
		wT := g.Temp("wT", s.Transposed())
		s.Transpose().Record(rec, conv2d.TransposeArgs[view]{W: w, WT: wT})
		if x.relu {
			s.DXReLU().Record(rec, conv2d.DXReLUArgs[view]{In_: dY, W: wT, X: x.Data, Out: x.Grad})
			x.masked = true
		} else {
			s.DX().Record(rec, conv2d.DXArgs[view]{In_: dY, W: wT, Out: x.Grad})
		}
	})
	return y
}
