package nn

import (
	"errors"
	"strconv"
	"strings"
)

// Layer describes a layer. Any type can be one, in any module. Build is the whole
// description; everything else (shapes, numbers of weights and multiply-adds, summaries,
// plans, ONNX) is read from what it does to a [Graph]. [Text] writes the layer from its
// type. The README of this folder has the steps, under "Add a layer".
type Layer interface {
	// Build records the layer for the input x and returns its output. It checks
	// itself and x's shape, declares weights with g.Weights, makes the output
	// with g.Output or g.OutputLike, records the forward kernels, and registers
	// the backward pass with g.Backward. A layer that is made of others builds
	// them with g.Child. Errors go to g.Fail.
	Build(g *Graph, x *Tensor) *Tensor
}

// Sequential is layers one after the other, named 0, 1, 2 as in PyTorch.
type Sequential []Layer

// Build records the layers in order.
func (s Sequential) Build(g *Graph, x *Tensor) *Tensor {
	for i, l := range s {
		x = g.Child(strconv.Itoa(i), l, x)
	}
	return x
}

func (s Sequential) String() string { return Text(s) }

// Named is a layer with a name of its own in place of the one that the layer around it
// would give it, as torch.nn.Module.add_module gives modules names. So
//
//	Sequential{Named{"features", Sequential{Conv2D{Out: 64, Kernel: 3}}}, Flatten{}, Named{"head", Linear{Out: 10}}}
//
// has the weights features.0.weight, features.0.bias, head.weight and head.bias. A name is
// one word without dots, question marks, semicolons and brackets, and no other layer's beside it.
type Named struct {
	Name  Name
	Layer Layer
}

// Build records the layer inside.
func (n Named) Build(g *Graph, x *Tensor) *Tensor { return g.Child(string(n.Name), n.Layer, x) }

func (n Named) String() string { return Text(n) }

// Name is the name of a layer: one word in the text form.
type Name string

// MarshalText is the name itself.
func (n Name) MarshalText() ([]byte, error) { return []byte(n), nil }

// UnmarshalText reads what MarshalText writes.
func (n *Name) UnmarshalText(text []byte) error {
	if *n = Name(text); *n == "" || strings.ContainsAny(string(*n), ".?;() \t\n") {
		return errors.New("want one word without dots or signs, such as conv1")
	}
	return nil
}
