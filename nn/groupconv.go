package nn

import (
	"fmt"

	"wgnin/nn/onnx"
	"wgnin/shaders/groupconv"
)

// sparse reports whether c has groups or dilation, for which there are other kernels.
func (c Conv2D) sparse() bool {
	return orDefault(c.Groups, 1) != 1 || orDefault(c.Dilation, 1) != 1 || orDefault(c.DilationW, 1) != 1
}

// buildSparse records a convolution with groups or dilation.
func (c Conv2D) buildSparse(g *Graph, x *Tensor) *Tensor {
	s, err := c.sparseShape(g, x)
	if err != nil {
		return g.Fail(err)
	}
	w := g.Weights(s.Weights(), sparseWeights(s)...)
	g.MACs(s.MACs() / int64(g.N))
	y := g.Output(Shape{C: c.Out, H: s.OutH(), W: s.OutW()}, s.OutStride())
	s.Forward().Record(g.rec, groupconv.ForwardArgs[view]{X: x.Data, W: w.Data, Y: y.Data})
	g.Backward(func() {
		part := g.Temp("dW shares", s.Part())
		s.DW().Record(g.rec, groupconv.DWArgs[view]{X: x.Data, DY: y.Grad, Part: part})
		s.DWSum().Record(g.rec, groupconv.DWSumArgs[view, view]{Batch: g.Batch, Part: part, DW: w.Grad})
		if dX := g.Gradient(x); !dX.IsZero() {
			s.DX().Record(g.rec, groupconv.DXArgs[view]{DY: y.Grad, W: w.Data, DX: dX})
		}
	})
	g.ONNX(y, func() (onnx.Node, error) {
		taps := s.Window
		taps.KH, taps.KW = s.TapsH(), s.TapsW()
		node := slide("Conv", taps, map[string][]int{"dilations": {s.DilationH, s.DilationW}}, map[string]int{"group": s.Groups})
		node.Inputs = biased(c.NoBias)
		return node, nil
	}, x)
	return y
}

func (c Conv2D) sparseShape(g *Graph, x *Tensor) (groupconv.Shape, error) {
	s := groupconv.Shape{N: g.N, InC: x.C, InStride: x.Stride, OutC: c.Out, Groups: orDefault(c.Groups, 1), NoBias: c.NoBias}
	s.DilationH = orDefault(c.Dilation, 1)
	s.DilationW = orDefault(c.DilationW, s.DilationH)
	for _, n := range []struct {
		name string
		v    int
	}{{"dilation", s.DilationH}, {"dilation", s.DilationW}, {"groups", s.Groups}} {
		if n.v < 1 || n.v > maxLayerNumber {
			return s, fmt.Errorf("%s is %d; want 1 to %d", n.name, n.v, maxLayerNumber)
		}
	}
	how := c.sides()
	if _, err := how.window(Shape{C: 1, H: maxLayerNumber, W: maxLayerNumber}); err != nil { // of the kernel as it is
		return s, err
	}
	how.kernelW = (orDefault(how.kernelW, how.kernel)-1)*s.DilationW + 1
	how.kernel = (how.kernel-1)*s.DilationH + 1
	var err error
	if s.Window, err = how.window(x.Shape); err != nil {
		return s, err
	}
	if err := checkWeights(c.Out, x.C, s.TapsH(), s.TapsW()); err != nil {
		return s, err
	}
	return s, s.Check()
}

// sparseWeights lays PyTorch's weight, flat [co,ci,r,s], and bias out in the matrix of package
// groupconv.
func sparseWeights(s groupconv.Shape) []WeightTensor {
	stride, taps, in := s.OutStride(), s.TapsH()*s.TapsW(), s.InC/s.Groups
	fanIn, fanOut := in*taps, s.OutC*taps
	return weightAndBias(s.NoBias,
		WeightTensor{Name: "weight", Shape: []int{s.OutC, in, s.TapsH(), s.TapsW()}, FanIn: fanIn, FanOut: fanOut, Place: func(i int) int {
			tap, ci, co := i%taps, i/taps%in, i/taps/in
			return (tap*in+ci)*stride + co
		}},
		WeightTensor{Name: "bias", Shape: []int{s.OutC}, FanIn: fanIn, FanOut: fanOut, Offset: (s.Rows() - 1) * stride})
}
