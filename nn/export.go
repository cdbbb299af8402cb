package nn

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
	"wgnin/shaders/gcn"
)

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
	names := map[string]string{} // without "net.", as they are
	for _, t := range weights {
		names[strings.TrimPrefix(t.Name, prefix)] = t.Name
	}
	x := m.Input.Name
	out, err := Walk(l, in, func(path string, l Layer, in, _ Shape) error {
		n, err := onnxNode(l, in)
		if err != nil {
			return fmt.Errorf("layer %s (%s): %w", path, l, err)
		}
		if n.Op == "" {
			return nil
		}
		n.Name, n.Inputs, n.Output = path, []string{x}, "y "+path
		if _, ok := l.(Weighted); ok {
			n.Inputs = append(n.Inputs, names[path+".weight"], names[path+".bias"])
		}
		m.Nodes = append(m.Nodes, n)
		x = n.Output
		return nil
	})
	if err != nil {
		return m, err
	}
	m.Output = onnx.Value{Name: "logits", Shape: []int{0, out.C, out.H, out.W}}
	if out.Flat {
		m.Output.Shape = []int{0, out.Len()}
	}
	m.Nodes[len(m.Nodes)-1].Output = m.Output.Name // there is one, for there are weights
	return m, nil
}

// onnxNode is the operator that does what l does in evaluation, with no names
// yet; the zero node if that is nothing.
func onnxNode(l Layer, in Shape) (onnx.Node, error) {
	switch l := l.(type) {
	case Conv2D:
		w, err := l.sides().window(in)
		return slide("Conv", w, map[string][]int{"dilations": {1, 1}}, nil), err
	case Linear:
		return onnx.Node{Op: "Gemm", Int: map[string]int{"transB": 1}}, nil
	case ReLU:
		return onnx.Node{Op: "Relu"}, nil
	case MaxPool2D:
		w, err := l.sides().window(in)
		// The last window may run past the image: more padding says the same
		// as ceil_mode, without its differences between programs.
		w.PadBottom = max(w.PadBottom, (w.OutH()-1)*w.StrideH+w.KH-w.InH-w.PadTop)
		w.PadRight = max(w.PadRight, (w.OutW()-1)*w.StrideW+w.KW-w.InW-w.PadLeft)
		return slide("MaxPool", w, nil, nil), err
	case AvgPool2D:
		w, err := l.sides().window(in)
		if floor := w; err == nil {
			if floor.Ceil = false; floor.OutH() != w.OutH() || floor.OutW() != w.OutW() {
				err = errors.New("ONNX 1.8 does not say what a mean beyond the padding divides by; leave Ceil out")
			}
		}
		include := 1
		if l.ExcludePad {
			include = 0
		}
		return slide("AveragePool", w, nil, map[string]int{"count_include_pad": include}), err
	case GlobalAvgPool2D:
		return onnx.Node{Op: "GlobalAveragePool"}, nil
	case Flatten:
		return onnx.Node{Op: "Flatten", Int: map[string]int{"axis": 1}}, nil
	case Dropout:
		return onnx.Node{}, nil
	}
	return onnx.Node{}, errors.New("it has no ONNX form here")
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
	for i := range m.Nodes {
		for k, input := range m.Nodes[i].Inputs {
			if input == m.Input.Name {
				m.Nodes[i].Inputs[k] = "whitening.white"
			}
		}
	}
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
