package nn

import (
	"errors"
	"strconv"
	"strings"
)

// Layer describes a layer. Any type in any module can be a layer. Build is the whole description;
// shapes, numbers of weights and multiply-adds, summaries, plans and the ONNX form are all derived
// from its calls on a [Graph]. [Text] writes the layer as text, using its type. The section "Add a
// layer" of this folder's README lists the steps.
type Layer interface {
	// Build records the layer for the input x and returns its output. It checks its own settings
	// and x's shape, declares weights with g.Weights, makes the output with g.Output or
	// g.OutputLike, records the forward kernels, and registers the backward pass with g.Backward. A
	// layer that contains others builds them with g.Child. It reports errors with g.Fail.
	Build(g *Graph, x *Tensor) *Tensor
}

// Sequential applies layers one after the other. Their names are 0, 1, 2, as in PyTorch.
type Sequential []Layer

// Build records the layers in order.
func (s Sequential) Build(g *Graph, x *Tensor) *Tensor {
	for i, l := range s {
		x = g.Child(strconv.Itoa(i), l, x)
	}
	return x
}

func (s Sequential) String() string { return Text(s) }

// Named gives a layer a name that replaces the one from the layer around it, as
// torch.nn.Module.add_module does. For example,
//
//	Sequential{Named{"features", Sequential{Conv2D{Out: 64, Kernel: 3}}}, Flatten{}, Named{"head", Linear{Out: 10}}}
//
// has the weights features.0.weight, features.0.bias, head.weight and head.bias. A name is one word
// without dots, question marks, semicolons and brackets. Two layers inside the same layer must have
// different names.
type Named struct {
	Name  Name
	Layer Layer
}

// Build records the layer inside.
func (n Named) Build(g *Graph, x *Tensor) *Tensor { return g.Child(string(n.Name), n.Layer, x) }

func (n Named) String() string { return Text(n) }

// Name is the name of a layer: one word in the text form.
type Name string

// MarshalText returns the name itself.
func (n Name) MarshalText() ([]byte, error) { return []byte(n), nil }

// UnmarshalText reads what MarshalText writes. It returns an error if text is not a valid name.
func (n *Name) UnmarshalText(text []byte) error {
	if *n = Name(text); *n == "" || strings.ContainsAny(string(*n), ".?;() \t\n") {
		return errors.New("want one word without dots or signs, such as conv1")
	}
	return nil
}
