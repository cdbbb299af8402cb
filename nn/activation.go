package nn

import (
	"math"

	"wgnin/nn/onnx"
	"wgnin/shaders/activation"
)

// Sigmoid is y = 1 / (1 + exp(-x)), as torch.nn.Sigmoid. Shapes: any.
type Sigmoid struct{}

// Build records the layer.
func (Sigmoid) Build(g *Graph, x *Tensor) *Tensor {
	y := buildActivation(g, x, activation.Sigmoid)
	g.ONNX(y, operator("Sigmoid"), x)
	return y
}

func (s Sigmoid) String() string { return Text(s) }

// Tanh is the hyperbolic tangent, as torch.nn.Tanh. Shapes: any.
type Tanh struct{}

// Build records the layer.
func (Tanh) Build(g *Graph, x *Tensor) *Tensor {
	y := buildActivation(g, x, activation.Tanh)
	g.ONNX(y, operator("Tanh"), x)
	return y
}

func (t Tanh) String() string { return Text(t) }

// SiLU is y = x / (1 + exp(-x)), as torch.nn.SiLU; it is also called swish. Shapes: any.
type SiLU struct{}

// Build records the layer.
func (SiLU) Build(g *Graph, x *Tensor) *Tensor {
	y := buildActivation(g, x, activation.SiLU)
	s := g.View(y, y.Shape)
	g.ONNX(s, operator("Sigmoid"), x)
	g.ONNX(y, operator("Mul"), x, s)
	return y
}

func (s SiLU) String() string { return Text(s) }

// GELU is y = x (1 + erf(x / sqrt 2)) / 2, as torch.nn.GELU: the exact function, not the
// approximation by tanh. Shapes: any.
type GELU struct{}

// Build records the layer. ONNX 1.8 has no GELU, so the ONNX form spells out the formula.
func (GELU) Build(g *Graph, x *Tensor) *Tensor {
	y := buildActivation(g, x, activation.GELU)
	step := func(op string, inputs ...*Tensor) *Tensor {
		t := g.View(y, y.Shape)
		g.ONNX(t, operator(op), inputs...)
		return t
	}
	constant := func(v float64) *Tensor {
		t := g.View(y, y.Shape)
		g.ONNX(t, func() (onnx.Node, error) {
			return onnx.Node{Op: "Constant", Float: map[string]float32{"value_float": float32(v)}}, nil
		})
		return t
	}
	erf := step("Erf", step("Mul", x, constant(1/math.Sqrt2)))
	g.ONNX(y, operator("Mul"), step("Mul", x, constant(0.5)), step("Add", erf, constant(1)))
	return y
}

func (l GELU) String() string { return Text(l) }

// operator returns a function that makes an ONNX operator without attributes.
func operator(op string) func() (onnx.Node, error) {
	return func() (onnx.Node, error) { return onnx.Node{Op: op}, nil }
}

func buildActivation(g *Graph, x *Tensor, f activation.Function) *Tensor {
	s := activation.Shape{Function: f, Pixels: g.Pixels(x), C: x.C, Stride: x.Stride}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	y := g.OutputLike(x, x.Shape)
	s.Forward().Record(g.rec, activation.ForwardArgs[view]{X: x.Data, Y: y.Data})
	g.Backward(func() {
		if dX := g.Gradient(x); !dX.IsZero() {
			s.Backward().Record(g.rec, activation.BackwardArgs[view]{X: x.Data, DY: y.Grad, DX: dX})
		}
	})
	return y
}
