package nn

import "strconv"

// Layer describes a layer. Any type can be one, in any module. Build is the whole
// description; everything else (shapes, numbers of weights and multiply-adds, summaries,
// plans, ONNX) is read from what it does to a [Graph]. [Text] writes the layer from its
// type. README's "How to add a layer" has the steps.
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
