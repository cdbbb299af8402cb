package nn

import "wgnin/nn/onnx"

// Flatten turns an image into a vector, in the order C,H,W as torch.nn.Flatten does. It moves no
// data; the layers after it account for the layout of the image. Shapes: x [N,C,H,W]; y [N,C*H*W].
type Flatten struct{}

// Build returns x as a vector.
func (Flatten) Build(g *Graph, x *Tensor) *Tensor {
	s := x.Shape
	s.Flat = true
	y := g.View(x, s)
	g.ONNX(y, func() (onnx.Node, error) { return onnx.Node{Op: "Flatten", Int: map[string]int{"axis": 1}}, nil }, x)
	return y
}

func (f Flatten) String() string { return Text(f) }
