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

// Whiten makes a net see every image whitened by w; nil means no whitening. The device normalises
// the contrast and multiplies by the matrix. This takes (C*H*W)^2 multiply-adds an image, a
// hundredth of a training step of the paper's network. The whitening does not learn, and is not
// among the net's weights.
func Whiten(w *data.Whitening) NetOption {
	return func(net *Net) error {
		if w == nil {
			return nil
		}
		return net.upload(w)
	}
}

// upload uploads a whitening to the device.
func (net *Net) upload(w *data.Whitening) error {
	in := net.In
	if err := w.For(in.C, in.H, in.W); err != nil {
		return fmt.Errorf("nn: %w", err)
	}
	// Reorder [C,H,W] to [H,W,C], the order of images on the device. The layout is that of a
	// convolution's matrix, with the bias as the last row.
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

// The names of a whitening's initialisers in an ONNX model.
const (
	onnxMean   = "whitening.mean"
	onnxMatrix = "whitening.matrix"
	onnxScale  = "whitening.scale"
	onnxLeast  = "whitening.least"
)

// WhitenONNX makes a model whiten its images by w. The images must be square, because DepthToSpace,
// the only operator of ONNX that reshapes without a shape as input, makes square blocks. Errors:
// images that are not square.
func WhitenONNX(m *onnx.ModelProto, w *data.Whitening) error {
	if w.H != w.W {
		return fmt.Errorf("whitened images of %dx%d have no ONNX form here; want square ones", w.H, w.W)
	}
	n := len(w.Mean)
	all := map[string][]int{"axes": {1, 2, 3}}
	precede(m, []onnx.Node{
		// Subtracting the smallest value makes a flat image exactly zero. Subtracting its rounded
		// mean might not.
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

// ONNXWhitening removes the whitening from the weights of a model that [WhitenONNX] changed. w is
// nil if there is none. It also drops the numbers of [NormaliseONNX], because the metadata have
// them too.
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
