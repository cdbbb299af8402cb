package nn

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"wgnin/nn/onnx"
	"wgnin/shaders"
	"wgnin/shaders/add"
	"wgnin/shaders/concat"
)

// Residual is y = Body(x) + Shortcut(x). A nil Shortcut means x itself (He et al., "Deep Residual
// Learning for Image Recognition", 2015). The names of its weights begin with body and shortcut.
// Shapes: x [N,C,H,W]; y as the output of Body, which Shortcut's must match.
type Residual struct{ Body, Shortcut Layer }

// Build records the layers inside and the sum.
func (r Residual) Build(g *Graph, x *Tensor) *Tensor {
	a, b := g.Child("body", r.Body, x), x
	if r.Shortcut != nil {
		b = g.Child("shortcut", r.Shortcut, x)
	}
	return g.Add(a, b)
}

// Add returns a + b, for two tensors [N,C,H,W] of the same shape. A layer calls it in its Build, as
// PyTorch's forward adds tensors. Errors: the shapes differ.
func (g *Graph) Add(a, b *Tensor) *Tensor {
	switch {
	case !g.ok() || a.Shape == b.Shape:
	case a.Flat && b.Flat && a.Len() == b.Len():
		return g.Fail(fmt.Errorf("the body makes a vector of %d, and the shortcut a flattened image, whose values are in another order; "+
			"put the Residual before Flatten, or after a Linear", a.Len()))
	default:
		return g.Fail(fmt.Errorf("the body makes %s and the shortcut %s; want the same", a.Shape, b.Shape))
	}
	y := g.Join(a.Shape, a, b)
	s := add.Shape{Pixels: g.Pixels(y), C: y.C, AStride: a.Stride, BStride: b.Stride, YStride: y.Stride}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	s.Forward().Record(g.rec, add.ForwardArgs[view]{A: a.Data, B: b.Data, Y: y.Data})
	g.Backward(func() {
		g.PassGradient(a, y)
		g.PassGradient(b, y)
	})
	g.ONNX(y, func() (onnx.Node, error) { return onnx.Node{Op: "Add"}, nil }, a, b)
	return y
}

func (r Residual) String() string { return Text(r) }

// Concat applies its layers to one input and joins their outputs along the channels, as torch.cat
// with dim=1 (GoogLeNet, DenseNet). The names of the layers are 0, 1, 2. Shapes: x [N,C,H,W]; y
// [N,sum of the layers' C,H',W'].
type Concat []Layer

// Build records the layers inside and joins their outputs.
func (c Concat) Build(g *Graph, x *Tensor) *Tensor {
	var parts []*Tensor
	for i, l := range c {
		parts = append(parts, g.Child(strconv.Itoa(i), l, x))
	}
	return g.Concat(parts...)
}

// Concat joins tensors [N,C,H,W] of the same H and W along the channels, in order, as torch.cat
// with dim=1. A layer calls it in its Build. Errors: no tensors, vectors, or other sizes.
func (g *Graph) Concat(parts ...*Tensor) *Tensor {
	if len(parts) == 0 {
		return g.Fail(errors.New("no layers; want at least one"))
	}
	out := parts[0].Shape
	for i, p := range parts[1:] {
		if g.ok() && (p.H != out.H || p.W != out.W || p.Flat || out.Flat) {
			return g.Fail(fmt.Errorf("layer %d makes %s and layer 0 %s; want images of one size", i+1, p.Shape,
				parts[0].Shape))
		}
		out.C += p.C
	}
	y := g.Join(out, parts...)
	for i, s := range concatOf(g, parts, y) {
		if err := s.Check(); err != nil {
			return g.Fail(err)
		}
		s.Forward().Record(g.rec, concat.ForwardArgs[view]{X: parts[i].Data, Y: y.Data})
	}
	g.Backward(func() {
		for i, s := range concatOf(g, parts, y) {
			if dX := g.Gradient(parts[i]); !dX.IsZero() {
				s.Backward().Record(g.rec, concat.BackwardArgs[view]{DY: y.Grad, DX: dX})
			}
		}
	})
	g.ONNX(y, func() (onnx.Node, error) {
		return onnx.Node{Op: "Concat", Int: map[string]int{"axis": 1}}, nil
	}, parts...)
	return y
}

func (c Concat) String() string { return Text(c) }

// concatOf returns, for each part, where its channels are in y.
func concatOf(g *Graph, parts []*Tensor, y *Tensor) []concat.Shape {
	xs := make([]concat.X, len(parts))
	for i, p := range parts {
		xs[i] = concat.X{C: p.C, Stride: p.Stride}
	}
	return concat.Parts(g.Pixels(y), y.Stride, xs...)
}

// Join makes the output tensor of a layer with several inputs. Its channel stride is s.C rounded up
// to a multiple of 4. It has a gradient if one of the inputs has one.
func (g *Graph) Join(s Shape, xs ...*Tensor) *Tensor {
	grad := slices.ContainsFunc(xs, func(x *Tensor) bool { return !x.Grad.IsZero() })
	return g.output(s, shaders.RoundUp(s.C, 4), grad)
}
