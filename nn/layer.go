package nn

import (
	"fmt"
	"strconv"
)

// Layer describes a layer. To add one, write a value type with these methods;
// a layer with weights also has the method of [Weighted].
type Layer interface {
	// OutShape is the shape of the output for an input of shape in.
	OutShape(in Shape) (Shape, error)
	// Build records the layer's forward pass on g, registers its backward
	// pass with g.Backward, and returns the output. Errors go to g.
	Build(g *Graph, x *Tensor) *Tensor
	// String is the layer as its literal, for errors and summaries.
	String() string
}

// Weighted is a layer with weights.
type Weighted interface {
	Layer
	// Weights says what the weights are for an input of shape in.
	Weights(in Shape) Weights
	// MACs is the number of multiply-adds of a forward pass of one image.
	MACs(in Shape) int64
}

// Sequential is layers one after the other. A ReLU after a layer that can do
// it in its own store costs nothing.
type Sequential []Layer

// OutShape is the shape of the last layer's output.
func (s Sequential) OutShape(in Shape) (Shape, error) {
	return Walk(s, in, func(string, Layer, Shape, Shape) error { return nil })
}

// Build records the layers in order.
func (s Sequential) Build(g *Graph, x *Tensor) *Tensor {
	path := g.path
	for i := 0; i < len(s) && g.ok(); i++ {
		g.enter(join(path, i))
		l := s[i]
		f, fuses := l.(reluFuser)
		fuses = fuses && i+1 < len(s) && s[i+1] == Layer(ReLU{})
		if fuses {
			x = f.buildReLU(g, x)
			i++
		} else {
			x = l.Build(g, x)
		}
		g.tell(l, fuses, x)
	}
	g.enter(path)
	return x
}

func (s Sequential) String() string { return fmt.Sprintf("Sequential of %d", len(s)) }

// reluFuser is a layer that can apply a ReLU to its output at no cost.
type reluFuser interface {
	buildReLU(g *Graph, x *Tensor) *Tensor
}

// Walk visits the layers inside l that are not Sequential themselves, in order,
// with the path that PyTorch gives them in a state dict, such as "0.2". It
// returns the shape of l's output for the input in.
func Walk(l Layer, in Shape, visit func(path string, l Layer, in, out Shape) error) (Shape, error) {
	if err := in.check(); err != nil {
		return in, fmt.Errorf("input: %w", err)
	}
	return walk("", l, in, visit)
}

func walk(path string, l Layer, in Shape, visit func(string, Layer, Shape, Shape) error) (Shape, error) {
	if l == nil {
		return in, fmt.Errorf("layer %s is nil; want a layer", path)
	}
	s, ok := l.(Sequential)
	if !ok {
		out, err := l.OutShape(in)
		if err == nil {
			if err = out.check(); err != nil {
				err = fmt.Errorf("output: %w", err)
			}
		}
		if err != nil {
			return out, fmt.Errorf("layer %s (%s) on %s: %w", path, l, in, err)
		}
		return out, visit(path, l, in, out)
	}
	for i, child := range s {
		out, err := walk(join(path, i), child, in, visit)
		if err != nil {
			return in, err
		}
		in = out
	}
	return in, nil
}

func join(path string, i int) string {
	if path == "" {
		return strconv.Itoa(i)
	}
	return path + "." + strconv.Itoa(i)
}

// Params is the number of weights and biases of l for an input of shape in.
func Params(l Layer, in Shape) (int, error) {
	n := 0
	_, err := Walk(l, in, func(_ string, l Layer, in, _ Shape) error {
		if w, ok := l.(Weighted); ok {
			for _, t := range w.Weights(in).Tensors {
				n += t.Len()
			}
		}
		return nil
	})
	return n, err
}

// MACs is the number of multiply-adds of a forward pass of one image.
func MACs(l Layer, in Shape) (int64, error) {
	n := int64(0)
	_, err := Walk(l, in, func(_ string, l Layer, in, _ Shape) error {
		if w, ok := l.(Weighted); ok {
			n += w.MACs(in)
		}
		return nil
	})
	return n, err
}
