package nn

import (
	"wgnin/nn/onnx"
	"wgnin/shaders/leakyrelu"
)

// LeakyReLU is y = x where x > 0, else Slope * x, as torch.nn.LeakyReLU. A zero Slope means 0.01,
// PyTorch's default. Shapes: any.
type LeakyReLU struct{ Slope float64 }

func (l LeakyReLU) slope() float64 {
	if l.Slope == 0 {
		return 0.01
	}
	return l.Slope
}

// Build records the layer.
func (l LeakyReLU) Build(g *Graph, x *Tensor) *Tensor {
	s := leakyrelu.Shape{Elems: g.Pixels(x) * x.Stride, Slope: float32(l.slope())}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	y := g.OutputLike(x, x.Shape)
	s.Forward().Record(g.rec, leakyrelu.ForwardArgs[view]{X: x.Data, Y: y.Data})
	g.Backward(func() {
		if dX := g.Gradient(x); !dX.IsZero() {
			s.Backward().Record(g.rec, leakyrelu.BackwardArgs[view]{X: x.Data, DY: y.Grad, DX: dX})
		}
	})
	g.ONNX(y, func() (onnx.Node, error) {
		return onnx.Node{Op: "LeakyRelu", Float: map[string]float32{"alpha": s.Slope}}, nil
	}, x)
	return y
}

func (l LeakyReLU) String() string { return Text(l) }
