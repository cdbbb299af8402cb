package nn

import (
	"fmt"

	"wgnin/shaders/dropout"
)

// Dropout sets values to zero with probability P while training, and scales
// the others by 1/(1-P), as torch.nn.Dropout (but the zero P drops nothing;
// PyTorch's default is 0.5). Shapes: any. Which values are dropped depends on
// the seed, the number of the step, the layer and the place in the batch
// alone.
type Dropout struct{ P float64 }

// OutShape is in.
func (d Dropout) OutShape(in Shape) (Shape, error) {
	// The kernel compares 32 random bits with P, and scales by 1/(1-P).
	if !(d.P >= 0 && d.P <= 1-0x1p-23) {
		return in, RangeError{"probability", d.P, "0 <= P <= 1 - 2^-23"}
	}
	return in, nil
}

// Build records the layer; it is nothing outside training.
func (d Dropout) Build(g *Graph, x *Tensor) *Tensor {
	stream := g.nextStream()
	if !g.Training || d.P == 0 {
		return x
	}
	s := dropout.Shape{Rows: g.N, RowElems: x.H * x.W * x.Stride, P: d.P, Stream: stream}
	if err := s.Check(); err != nil {
		g.Fail(err)
		return x
	}
	k, y := s.Kernel(), g.OutputLike(x, x.Shape)
	k.Record(g.rec, dropout.Args[view, view]{Batch: g.Batch, X: x.Data, Y: y.Data})
	g.Backward(func() {
		if !x.Grad.IsZero() {
			k.Record(g.rec, dropout.Args[view, view]{Batch: g.Batch, X: y.Grad, Y: x.Grad})
		}
	})
	return y
}

func (d Dropout) String() string { return fmt.Sprintf("Dropout %g", d.P) }
