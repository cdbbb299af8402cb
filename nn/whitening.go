package nn

import (
	"fmt"

	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/gcn"
)

// Whiten has a net see every image through w, or as it is if w is nil: the device
// normalises the contrast and multiplies by the matrix, which costs C*H*W squared
// multiply-adds an image, a hundredth of a training step of the paper's network. The
// whitening does not learn and is not among the net's weights.
func Whiten(w *data.Whitening) NetOption {
	return func(net *Net) error {
		if w == nil {
			return nil
		}
		return net.upload(w)
	}
}

// upload puts a whitening on the device.
func (net *Net) upload(w *data.Whitening) error {
	in := net.In
	if err := w.For(in.C, in.H, in.W); err != nil {
		return fmt.Errorf("nn: %w", err)
	}
	// From [C,H,W] to the order of the device's images, [H,W,C]; as a
	// convolution's matrix with the bias as last row.
	n := in.Len()
	place := func(i int) int { return i%(in.H*in.W)*in.C + i/(in.H*in.W) }
	matrix := make([]float32, (n+1)*n)
	for i := range n {
		shift := 0.0
		for j := range n {
			v := w.Matrix[i*n+j]
			matrix[place(j)*n+place(i)] = v
			shift -= float64(v) * float64(w.Mean[j])
		}
		matrix[n*n+place(i)] = float32(shift)
	}
	if limit := net.dev.Adapter().Limits.MaxBindingBytes; int64(len(matrix))*4 > limit {
		return fmt.Errorf("nn: the whitening takes %d bytes; %s binds at most %d", len(matrix)*4,
			net.dev.Adapter().Name, limit)
	}
	var err error
	net.whitening, err = upload(net.dev, "whitening", matrix)
	return err
}

// whiten records the whitening of x, if the net has one.
func (net *Net) whiten(g *Graph, x *Tensor) *Tensor {
	if net.whitening == nil {
		return x
	}
	g.rec.Layer("whiten")
	n := x.Len()
	pixels := shaders.Window{InH: 1, InW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1}
	s, err := g.choose(conv2d.Shape{N: g.N, InC: n, InStride: n, OutC: n, Window: pixels})
	if err != nil {
		return g.Fail(err)
	}
	g.convolutions = append(g.convolutions, convolution{"whiten", s, []conv2d.Pass{conv2d.Forward}})
	normal, white := g.Temp("normal", g.N*n), g.Temp("white", g.N*n)
	gcn.Shape{N: g.N, Elems: n}.Kernel().Record(g.rec, gcn.Args[view]{X: x.Data, Y: normal})
	convForward(g.rec, g.Temp, s, false, conv2d.ForwardArgs[view]{In_: normal, W: net.whitening.All(), Out: white})
	return &Tensor{Shape: x.Shape, Memory: &Memory{name: inputName, Stride: x.Stride, Data: white}}
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
func WhitenONNX(m *onnx.ModelProto, w *data.Whitening) error {
	if w.H != w.W {
		return fmt.Errorf("whitened images of %dx%d have no ONNX form here; want square ones", w.H, w.W)
	}
	n := len(w.Mean)
	all := map[string][]int{"axes": {1, 2, 3}}
	precede(m, []onnx.Node{
		// Less the smallest value a flat image is exactly zero; less its rounded mean it would not
		// be.
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
	},
		safetensors.Tensor{Name: onnxMean, Shape: []int{w.C, w.H, w.W}, Data: w.Mean},
		safetensors.Tensor{Name: onnxMatrix, Shape: []int{n, w.C, w.H, w.W}, Data: w.Matrix},
		safetensors.Tensor{Name: onnxScale, Data: []float32{gcn.Scale}},
		safetensors.Tensor{Name: onnxLeast, Data: []float32{gcn.Least}})
	return nil
}

// ONNXWhitening takes the whitening, nil if there is none, out of the weights of
// a model that [WhitenONNX] changed. The numbers of [NormaliseONNX], which the metadata have
// too, are left out.
func ONNXWhitening(weights []safetensors.Tensor) (w *data.Whitening, others []safetensors.Tensor) {
	found := map[string]safetensors.Tensor{}
	for _, t := range weights {
		switch t.Name {
		case onnxMean, onnxMatrix, onnxScale, onnxLeast:
			found[t.Name] = t
		case onnxChannelMean, onnxChannelDeviation:
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
