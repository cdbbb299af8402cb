package nn

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
	"wgnin/shaders/gcn"
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
		names[strings.TrimPrefix(t.Name, prefix)] = t.Name
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
		if (l.Leaf || l.outputs > 0) && !said[l] {
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

// The initialisers of a whitening in an ONNX model.
const (
	onnxMean   = "whitening.mean"
	onnxMatrix = "whitening.matrix"
	onnxScale  = "whitening.scale"
	onnxLeast  = "whitening.least"
)

// WhitenONNX has a model see its images through w. The images must be square,
// because ONNX reshapes without a shape only to those (DepthToSpace).
func WhitenONNX(m *onnx.Model, w *data.Whitening) error {
	if w.H != w.W {
		return fmt.Errorf("whitened images of %dx%d have no ONNX form here; want square ones", w.H, w.W)
	}
	n := len(w.Mean)
	all := map[string][]int{"axes": {1, 2, 3}}
	whiten := []onnx.Node{
		// Less the smallest value a flat image is exactly zero; less its rounded mean it would not be.
		{Op: "ReduceMin", Inputs: []string{m.Input.Name}, Output: "whitening.least value", Ints: all},
		{Op: "Sub", Inputs: []string{m.Input.Name, "whitening.least value"}, Output: "whitening.above"},
		{Op: "ReduceMean", Inputs: []string{"whitening.above"}, Output: "whitening.brightness", Ints: all},
		{Op: "Sub", Inputs: []string{"whitening.above", "whitening.brightness"}, Output: "whitening.even"},
		{Op: "ReduceL2", Inputs: []string{"whitening.even"}, Output: "whitening.norm", Ints: all},
		{Op: "Max", Inputs: []string{"whitening.norm", onnxLeast}, Output: "whitening.contrast"},
		{Op: "Div", Inputs: []string{"whitening.even", "whitening.contrast"}, Output: "whitening.unit"},
		{Op: "Mul", Inputs: []string{"whitening.unit", onnxScale}, Output: "whitening.normal"},
		{Op: "Sub", Inputs: []string{"whitening.normal", onnxMean}, Output: "whitening.centred"},
		{Op: "Conv", Inputs: []string{"whitening.centred", onnxMatrix}, Output: "whitening.flat"},
		{
			Op: "DepthToSpace", Inputs: []string{"whitening.flat"}, Output: "whitening.white",
			Int: map[string]int{"blocksize": w.H}, Text: map[string]string{"mode": "CRD"},
		},
	}
	for i := range whiten {
		whiten[i].Name = whiten[i].Output
	}
	m.Rename(m.Input.Name, "whitening.white")
	m.Nodes = append(whiten, m.Nodes...)
	m.Weights = append(slices.Clone(m.Weights),
		safetensors.Tensor{Name: onnxMean, Shape: []int{w.C, w.H, w.W}, Data: w.Mean},
		safetensors.Tensor{Name: onnxMatrix, Shape: []int{n, w.C, w.H, w.W}, Data: w.Matrix},
		safetensors.Tensor{Name: onnxScale, Data: []float32{gcn.Scale}},
		safetensors.Tensor{Name: onnxLeast, Data: []float32{gcn.Least}},
	)
	return nil
}

// ONNXWhitening takes the whitening, nil if there is none, out of the weights of
// a model that [WhitenONNX] changed.
func ONNXWhitening(weights []safetensors.Tensor) (w *data.Whitening, others []safetensors.Tensor) {
	found := map[string]safetensors.Tensor{}
	for _, t := range weights {
		switch t.Name {
		case onnxMean, onnxMatrix, onnxScale, onnxLeast:
			found[t.Name] = t
		default:
			others = append(others, t)
		}
	}
	mean, matrix := found[onnxMean], found[onnxMatrix]
	if n := len(mean.Data); len(mean.Shape) == 3 && n > 0 && len(matrix.Data) == n*n {
		w = &data.Whitening{C: mean.Shape[0], H: mean.Shape[1], W: mean.Shape[2], Mean: mean.Data, Matrix: matrix.Data}
	}
	return w, others
}
