package nn

import "wgnin/shaders/relu"

// ReLU is y = max(x, 0), with gradient 0 at 0, as torch.nn.ReLU. Shapes: any.
// Behind a convolution or a Linear in a Sequential it is done in their store.
type ReLU struct{}

// OutShape is in.
func (ReLU) OutShape(in Shape) (Shape, error) { return in, nil }

// Build records the layer.
func (ReLU) Build(g *Graph, x *Tensor) *Tensor {
	y := g.OutputLike(x, x.Shape)
	y.relu = true
	n := g.Pixels(x) * x.Stride
	relu.Shape{Elems: n}.Forward().Record(g.rec, relu.ForwardArgs[view]{X: x.Data, Y: y.Data})
	g.Backward(func() {
		if x.Grad.IsZero() {
			return
		}
		relu.Shape{Elems: n}.Backward().Record(g.rec, relu.BackwardArgs[view]{Y: y.Data, DY: y.Grad, DX: x.Grad})
	})
	return y
}

func (ReLU) String() string { return "ReLU" }
