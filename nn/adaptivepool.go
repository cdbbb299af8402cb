package nn

import (
	"errors"

	"wgnin/nn/onnx"
	"wgnin/shaders"
	"wgnin/shaders/adaptivepool"
)

// AdaptiveAvgPool2D is average pooling to H rows and W columns, as torch.nn.AdaptiveAvgPool2d((H,
// W)). Along an axis of n pixels, window o of m covers the pixels from o*n/m, rounded down, up to
// but not including (o+1)*n/m, rounded up. W 0 means H.
//
// Shapes: x [N,C,H',W']; y [N,C,H,W], which may be larger than x.
type AdaptiveAvgPool2D struct{ H, W int }

// Build records the pooling.
func (p AdaptiveAvgPool2D) Build(g *Graph, x *Tensor) *Tensor {
	if x.Flat {
		return g.Fail(errors.New("input is a vector; want an image (before Flatten)"))
	}
	s := adaptivepool.Shape{N: g.N, C: x.Stride, InH: x.H, InW: x.W, OutH: p.H, OutW: orDefault(p.W, p.H)}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	y := g.OutputLike(x, Shape{C: x.C, H: s.OutH, W: s.OutW})
	s.Forward().Record(g.rec, adaptivepool.ForwardArgs[view]{X: x.Data, Y: y.Data})
	g.Backward(func() {
		if dX := g.Gradient(x); !dX.IsZero() {
			s.Backward().Record(g.rec, adaptivepool.BackwardArgs[view]{DY: y.Grad, DX: dX})
		}
	})
	g.ONNX(y, func() (onnx.Node, error) {
		if s.InH%s.OutH != 0 || s.InW%s.OutW != 0 {
			return onnx.Node{},
				errors.New("ONNX 1.8 has no pooling with windows of different sizes; want sides that divide those of the input")
		}
		k, l := s.InH/s.OutH, s.InW/s.OutW
		return slide("AveragePool", shaders.Window{InH: s.InH, InW: s.InW, KH: k, KW: l, StrideH: k, StrideW: l},
			nil, nil), nil
	}, x)
	return y
}

func (p AdaptiveAvgPool2D) String() string { return Text(p) }
