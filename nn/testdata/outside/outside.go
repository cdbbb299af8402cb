// Package outside is a worked example of a module that extends the framework. It has a layer with
// weights, made of its own op ([prelu]), blocks of layers, and a schedule.
//
// A layer is a type with one method, and nothing is registered. Model files describe it by its type
// and fields. A program that reads them passes [Layers] to nin.ReadModel.
package outside

import (
	"math"

	"example.com/outside/prelu"

	"wgnin/gpu"
	"wgnin/nn"
)

// Layers lists the layers of this package, for reading a network from its text.
var Layers = []nn.Layer{PReLU{}, Unit{}, Stage{}}

// PReLU is y = x where x > 0, else weight * x, with a learned weight for each channel that starts
// at 0.25, as torch.nn.PReLU(num_parameters=C). Shapes: x and y [N,C,H,W]; weight [C]. It does not
// call g.ONNX, so networks with it cannot be exported. It cannot be the first layer, because its
// kernels read channels in fours, and those of the images are not padded.
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

// Unit is a convolution that keeps the image's size, followed by Act. The names of its weights
// begin with conv and act.
type Unit struct {
	Out, Kernel int
	Act         nn.Layer
}

// Build builds the two layers.
func (u Unit) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	x = g.Child("conv", nn.Conv2D{Out: u.Out, Kernel: u.Kernel, Pad: nn.Same}, x)
	return g.Child("act", u.Act, x)
}

// Stage is a block of blocks in a type that embeds Sequential. The names of its weights begin with
// a layer's index, as Sequential's do.
type Stage struct{ nn.Sequential }

// NewStage returns a Stage of two units with out channels, and a pooling.
func NewStage(out int, act nn.Layer) Stage {
	return Stage{nn.Sequential{Unit{out, 3, act}, Unit{out, 1, act}, nn.MaxPool2D{Kernel: 2}}}
}

// Triangle is a learning rate that rises linearly to Peak in the middle of Total steps, and falls
// linearly to zero.
type Triangle struct {
	Peak  float64
	Total int
}

// Rate returns the rate of a step, counting from 1.
func (t Triangle) Rate(step int) float64 {
	half := float64(t.Total) / 2
	return t.Peak * max(0, 1-math.Abs(float64(step)-half)/half)
}
