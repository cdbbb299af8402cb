package nn

import (
	"fmt"
	"maps"
	"strings"

	"wgnin/gpu"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
)

// onnxNode is an operator that a layer is in ONNX.
type onnxNode struct {
	layer  *Described
	y      *Tensor
	inputs []*Tensor
	make   func() (onnx.Node, error)
}

// ONNX is l as a model for other programs, with the weights as initialisers of
// their own names. It takes images [N,C,H,W], 8-bit values divided by 255, for
// any N, and gives the logits. Dropout is left out. Errors: a layer that has no
// ONNX form here, and those of [Fits].
func ONNX(l Layer, in Shape, weights []safetensors.Tensor) (onnx.Model, error) {
	m := onnx.Model{
		Name: "network", Doc: "images: 8-bit values divided by 255, resized to the input as Pillow's BILINEAR does",
		Input: onnx.Value{Name: "images", Shape: []int{0, in.C, in.H, in.W}}, Weights: weights,
	}
	if err := Fits(l, in, weights); err != nil {
		return m, err
	}
	g, err := describe(gpu.Dry(gpu.Guaranteed, false), nil, l, in, false)
	if err != nil {
		return m, err
	}
	names := map[string]string{} // without "net.", as they are
	for _, t := range weights {
		names[strings.TrimPrefix(t.Name, netPrefix)] = t.Name
	}
	said := map[*Described]bool{}
	for _, n := range g.onnx {
		said[n.layer] = true
		node, err := n.node(names)
		if err != nil {
			return m, fmt.Errorf("layer %s: %w", n.layer, err)
		}
		if node.Op == "" { // the same values
			n.y.onnx = n.inputs[0].onnx
			continue
		}
		m.Nodes = append(m.Nodes, node)
	}
	for _, l := range g.layers {
		if (l.Leaf && !l.same || l.outputs > 0) && !said[l] {
			return m, fmt.Errorf("layer %s: it has no ONNX form here", l)
		}
	}
	m.Output = onnx.Value{Name: "logits", Shape: []int{0, g.out.C, g.out.H, g.out.W}}
	if g.out.Flat {
		m.Output.Shape = []int{0, g.out.Len()}
	}
	m.Rename(g.out.onnx, m.Output.Name)
	return m, nil
}

// node is n with its names: its inputs are tensors, then the layer's weights, which
// names has as they are called.
func (n onnxNode) node(names map[string]string) (onnx.Node, error) {
	node, err := n.make()
	if err != nil || node.Op == "" {
		return node, err
	}
	node.Name, node.Output = n.layer.Path, n.y.onnx
	for _, x := range n.inputs {
		node.Inputs = append(node.Inputs, x.onnx)
	}
	for _, t := range n.layer.Weights {
		name := t.Name
		if n.layer.Path != "" {
			name = n.layer.Path + "." + name
		}
		node.Inputs = append(node.Inputs, names[name])
	}
	return node, nil
}

// slide is an operator with a kernel.
func slide(op string, w shaders.Window, lists map[string][]int, numbers map[string]int) onnx.Node {
	n := onnx.Node{Op: op, Int: numbers, Ints: map[string][]int{
		"kernel_shape": {w.KH, w.KW}, "strides": {w.StrideH, w.StrideW},
		"pads": {w.PadTop, w.PadLeft, w.PadBottom, w.PadRight},
	}}
	maps.Copy(n.Ints, lists)
	return n
}
