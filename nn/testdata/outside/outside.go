// Package outside is the worked example of a module that extends the framework: a layer
// with weights, made of an op of its own ([prelu]), blocks of layers, and a schedule.
//
// A layer of one's own is a type with one method, and nothing is registered anywhere. Model
// files describe it by its type and fields; a program that reads them gives [Layers] to
// nin.ReadModel.
package outside

import (
	"math"

	"example.com/outside/prelu"

	"wgnin/gpu"
	"wgnin/nn"
)

// Layers are the layers here, for reading a network from its text.
var Layers = []nn.Layer{PReLU{}, Unit{}, Stage{}}

// PReLU is y = x where x > 0, else weight * x, with a learned weight for each channel that
// starts at 0.25, as torch.nn.PReLU(num_parameters=C). Shapes: x and y [N,C,H,W]; weight
// [C]. It does not call g.ONNX, so that networks with it are not exported. Its kernels take
// channels in fours, so that it cannot see the images themselves.
type PReLU struct{}

// Build records the layer.
func (p PReLU) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	s := prelu.Shape{Pixels: g.Pixels(x), Stride: x.Stride}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	w := g.Weights(s.Stride, nn.WeightTensor{Name: "weight", Shape: []int{x.C}, FanIn: 1, FanOut: 1,
		Init: nn.Always(0.25)})
	g.MACs(int64(x.Len()))
	y := g.Output(x.Shape, s.Stride)
	rec := g.Recorder()
	s.Forward().Record(rec, prelu.ForwardArgs[gpu.View]{X: x.Data, Slope: w.Data, Y: y.Data})
	g.Backward(func() {
		if !w.Grad.IsZero() { // unless the layer is frozen
			s.SlopeGradient().Record(rec, prelu.SlopeArgs[gpu.View, gpu.View]{Batch: g.Batch, X: x.Data, DY: y.Grad,
				DSlope: w.Grad})
		}
		if dX := g.Gradient(x); !dX.IsZero() {
			s.Backward().Record(rec, prelu.BackwardArgs[gpu.View]{X: x.Data, Slope: w.Data, DY: y.Grad, DX: dX})
		}
	})
	return y
}

// Unit is a convolution that keeps the image's size, and what follows it. The names of its
// weights begin with conv and act.
type Unit struct {
	Out, Kernel int
	Act         nn.Layer
}

// Build builds the two layers.
func (u Unit) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	x = g.Child("conv", nn.Conv2D{Out: u.Out, Kernel: u.Kernel, Pad: nn.Same}, x)
	return g.Child("act", u.Act, x)
}

// Stage is a block of blocks, in a type that embeds Sequential: the names of its weights
// begin with the place in it, as Sequential's do.
type Stage struct{ nn.Sequential }

// NewStage is a Stage of two units of so many channels, and a pooling.
func NewStage(out int, act nn.Layer) Stage {
	return Stage{nn.Sequential{Unit{out, 3, act}, Unit{out, 1, act}, nn.MaxPool2D{Kernel: 2}}}
}

// Triangle is a learning rate that rises in a line to Peak in the middle of Total steps,
// and falls to zero.
type Triangle struct {
	Peak  float64
	Total int
}

// Rate is the rate of a step, counting from 1.
func (t Triangle) Rate(step int) float64 {
	half := float64(t.Total) / 2
	return t.Peak * max(0, 1-math.Abs(float64(step)-half)/half)
}
