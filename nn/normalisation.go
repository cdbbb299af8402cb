package nn

import (
	"slices"

	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
	"wgnin/shaders/normalise"
)

// Normalise makes a net normalise every image by n; nil means no normalisation. A crop of [Augment]
// comes first, so that the gap is black, as in torchvision with padding before Normalize. The
// numbers do not learn, and are not among the net's weights.
func Normalise(n *data.Normalisation) NetOption {
	return func(net *Net) error {
		if n == nil {
			return nil
		}
		n, err := n.For(net.In.C)
		if err != nil {
			return err
		}
		if net.mean, err = upload(net.dev, "mean", n.Mean); err == nil {
			net.deviation, err = upload(net.dev, "deviation", n.Deviation)
		}
		return err
	}
}

// normalise records the normalisation of x, if the net has one.
func (net *Net) normalise(g *Graph, x *Tensor) *Tensor {
	if net.mean == nil {
		return x
	}
	g.rec.Layer("normalise")
	s := normalise.Shape{Elems: g.N * x.Len(), C: x.Stride}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	y := g.input(x.Shape)
	s.Kernel().Record(g.rec, normalise.Args[view]{X: x.Data, Mean: net.mean.All(),
		Deviation: net.deviation.All(), Y: y.Data})
	return y
}

// The names of a normalisation's initialisers in an ONNX model.
const (
	onnxChannelMean      = "normalisation.mean"
	onnxChannelDeviation = "normalisation.deviation"
)

// NormaliseONNX makes a model normalise its images by n, which has one number for each of their
// channels.
func NormaliseONNX(m *onnx.ModelProto, n *data.Normalisation) {
	shape := []int{len(n.Mean), 1, 1}
	precede(m, []onnx.Node{
		{Op: "Sub", Inputs: []string{m.Input.Name, onnxChannelMean}, Output: "normalisation.centred"},
		{Op: "Div", Inputs: []string{"normalisation.centred", onnxChannelDeviation}, Output: "normalisation.normal"},
	},
		safetensors.Tensor{Name: onnxChannelMean, Shape: shape, Data: n.Mean},
		safetensors.Tensor{Name: onnxChannelDeviation, Shape: shape, Data: n.Deviation})
}

// precede inserts nodes, with their weights, between a model's input and the nodes that read it.
// These then read the output of the last inserted node.
func precede(m *onnx.ModelProto, nodes []onnx.Node, weights ...safetensors.Tensor) {
	for i := range nodes {
		nodes[i].Name = nodes[i].Output
	}
	m.Rename(m.Input.Name, nodes[len(nodes)-1].Output)
	m.Nodes = append(nodes, m.Nodes...)
	m.Weights = append(slices.Clone(m.Weights), weights...)
}
