package nn

import (
	"fmt"

	"wgnin/nn/data"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/gcn"
)

// Whiten has the net see every image through w, in training, evaluation and
// probes that are recorded from now on: the device normalises the contrast and
// multiplies by the matrix, which costs C*H*W squared multiply-adds an image, a
// hundredth of a training step of the paper's network. The whitening does not
// learn and is not among the net's weights.
func (net *Net) Whiten(w *data.Whitening) error {
	in := net.In
	if w.C != in.C || w.H != in.H || w.W != in.W {
		return fmt.Errorf("nn: a whitening of [%d,%d,%d]; the network takes [%d,%d,%d]", w.C, w.H, w.W, in.C, in.H, in.W)
	}
	if err := w.Check(); err != nil {
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
		return fmt.Errorf("nn: the whitening takes %d bytes; %s binds at most %d", len(matrix)*4, net.dev.Adapter().Name, limit)
	}
	net.whitening.Release()
	var err error
	net.whitening, err = upload(net.dev, "whitening", matrix)
	return err
}

// whiten records the whitening of x, if the net has one.
func (net *Net) whiten(g *Graph, x *Tensor) *Tensor {
	if net.whitening == nil {
		return x
	}
	g.enter("whiten")
	n := x.Len()
	s, err := net.choose(convShape(g.N, Shape{C: n, H: 1, W: 1}, n, n, sides{kernel: 1, stride: 1}))
	if err != nil {
		g.Fail(err)
		return x
	}
	g.convolutions = append(g.convolutions, convolution{g.path, s, []conv2d.Pass{conv2d.Forward}})
	normal, white := g.Temp("normal", g.N*n), g.Temp("white", g.N*n)
	gcn.Shape{N: g.N, Elems: n}.Kernel().Record(g.rec, gcn.Args[view]{X: x.Data, Y: normal})
	s.Forward(false).Record(g.rec, conv2d.ForwardArgs[view]{In_: normal, W: net.whitening.All(), Out: white})
	return &Tensor{x.Shape, &Memory{Stride: x.Stride, Data: white}}
}
