package nn

import (
	"wgnin/nn/onnx"
	"wgnin/shaders/relu"
)

// ReLU is y = max(x, 0), with gradient 0 at 0, as torch.nn.ReLU. Shapes: any. The kernel of a
// convolution or a Linear also applies the ReLU after it, if nothing else reads the output.
type ReLU struct{}

// Build records the layer.
func (ReLU) Build(g *Graph, x *Tensor) *Tensor {
	y := rectify(g, x)
	g.ONNX(y, func() (onnx.Node, error) { return onnx.Node{Op: "Relu"}, nil }, x)
	return y
}

func rectify(g *Graph, x *Tensor) *Tensor {
	g.relus[x.name] = true
	if g.fusion.relu[x.name] && g.ok() {
		g.tensorName()
		return g.View(x, x.Shape)
	}
	y := g.OutputLike(x, x.Shape)
	g.rectified[y.name] = true
	s := relu.Shape{Elems: g.Pixels(x) * x.Stride}
	s.Forward().Record(g.rec, relu.ForwardArgs[view]{X: x.Data, Y: y.Data})
	g.Backward(func() {
		if g.masked(y) {
			g.PassGradient(x, y)
		} else if dX := g.Gradient(x); !dX.IsZero() {
			s.Backward().Record(g.rec, relu.BackwardArgs[view]{Y: y.Data, DY: y.Grad, DX: dX})
		}
	})
	return y
}

func (r ReLU) String() string { return Text(r) }
