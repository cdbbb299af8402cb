package nn

import (
	"wgnin/nn/onnx"
	"wgnin/shaders/dropout"
)

// Dropout sets values to zero with probability P in training, and scales the others by 1/(1-P), as
// torch.nn.Dropout does. Unlike PyTorch, whose default is 0.5, a zero P drops nothing. Shapes: any.
// Which values are dropped depends only on the seed, the number of the step, the layer and the
// place in the batch.
type Dropout struct{ P float64 }

// Check returns a [RangeError] if P is not a probability below 1.
func (d Dropout) Check() error {
	// The kernel compares 32 random bits with P, and scales by 1/(1-P).
	if !(d.P >= 0 && d.P <= 1-0x1p-23) {
		return RangeError{"probability", d.P, "0 <= P <= 1 - 2^-23"}
	}
	return nil
}

// Build records the layer. Outside training, it returns x unchanged.
func (d Dropout) Build(g *Graph, x *Tensor) *Tensor {
	if err := d.Check(); err != nil {
		return g.Fail(err)
	}
	stream := g.nextStream()
	if !g.Training || d.P == 0 {
		y := g.View(x, x.Shape)
		g.ONNX(y, func() (onnx.Node, error) { return onnx.Node{}, nil }, x)
		return y
	}
	s := dropout.Shape{Rows: g.N, RowElems: x.H * x.W * x.Stride, P: d.P, Stream: stream}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	k, y := s.Kernel(), g.OutputLike(x, x.Shape)
	k.Record(g.rec, dropout.Args[view, view]{Batch: g.Batch, X: x.Data, Y: y.Data})
	g.Backward(func() {
		if dX := g.Gradient(x); !dX.IsZero() {
			k.Record(g.rec, dropout.Args[view, view]{Batch: g.Batch, X: y.Grad, Y: dX})
		}
	})
	return y
}

func (d Dropout) String() string { return Text(d) }
