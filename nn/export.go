package nn

import (
	"fmt"
	"maps"

	"wgnin/gpu"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
)

// onnxNode is an operator of ONNX that computes the output of a layer, or a part of it.
type onnxNode struct {
	layer  *Described
	name   string
	y      *Tensor
	inputs []*Tensor
	make   func() (onnx.Node, error)
}

// ONNX returns l as a model for other programs. The weights are initialisers with PyTorch's names.
// The model takes images [N,C,H,W], 8-bit values divided by 255, for any N, and returns the logits.
// Dropout is left out. Errors: a layer that has no ONNX form here, an operator that ONNX does not
// have, and those of [TakeWeights].
func ONNX(l Layer, in Shape, weights []safetensors.Tensor) (onnx.ModelProto, error) {
	m := onnx.ModelProto{
		Name: "network", Doc: "images: 8-bit values divided by 255, resized to the input as Pillow's BILINEAR does",
		Input: onnx.Value{Name: "images", Shape: []int{0, in.C, in.H, in.W}},
	}
	weights, err := TakeWeights(l, in, weights)
	if err != nil {
		return m, err
	}
	m.Weights = weights
	g, err := describe(gpu.Dry(gpu.Guaranteed, false), &fusion{}, l, in, pass{n: 1})
	if err != nil {
		return m, err
	}
	names := map[string]bool{}
	for _, t := range weights {
		names[t.Name] = true
	}
	for _, l := range g.layers {
		if l.operators < l.outputs || l.operators == 0 && l.Leaf && !l.same {
			return m, fmt.Errorf("layer %s: it has no ONNX form here", l)
		}
	}
	made := map[string]bool{m.Input.Name: true}
	for _, t := range weights {
		made[t.Name] = true
	}
	for _, n := range g.onnx {
		node, err := n.node(names)
		if err != nil {
			return m, fmt.Errorf("layer %s: %w", n.layer, err)
		}
		if node.Op == "" { // the same values
			n.y.onnx = n.inputs[0].onnx
			continue
		}
		for _, name := range node.Inputs {
			if !made[name] {
				return m, fmt.Errorf("layer %s: its operator takes %q, which no operator makes", n.layer, name)
			}
		}
		made[node.Output] = true
		m.Nodes = append(m.Nodes, node)
	}
	m.Output = onnx.Value{Name: "logits", Shape: []int{0, g.out.C, g.out.H, g.out.W}}
	if g.out.Flat {
		m.Output.Shape = []int{0, g.out.Len()}
	}
	m.Rename(g.out.onnx, m.Output.Name)
	return m, nil
}

// node returns the node with the names of its inputs: tensors first, and then weights of the layer,
// which must be among names.
func (n onnxNode) node(names map[string]bool) (onnx.Node, error) {
	node, err := n.make()
	if err != nil || node.Op == "" {
		return node, err
	}
	if _, err := onnx.Opset(node.Op); err != nil {
		return node, err
	}
	var inputs []string
	for _, x := range n.inputs {
		inputs = append(inputs, x.onnx)
	}
	for _, w := range node.Inputs {
		name := netPrefix + n.layer.weight(w)
		if !names[name] {
			return node, fmt.Errorf("its operator takes weights called %s; it has none", n.layer.weight(w))
		}
		inputs = append(inputs, name)
	}
	node.Name, node.Output, node.Inputs = n.name, n.y.onnx, inputs
	return node, nil
}

// slide returns the node of an operator with a kernel, such as a convolution or a pooling.
func slide(op string, w shaders.Window, lists map[string][]int, numbers map[string]int) onnx.Node {
	n := onnx.Node{Op: op, Int: numbers, Ints: map[string][]int{
		"kernel_shape": {w.KH, w.KW}, "strides": {w.StrideH, w.StrideW},
		"pads": {w.PadTop, w.PadLeft, w.PadBottom, w.PadRight},
	}}
	maps.Copy(n.Ints, lists)
	return n
}
