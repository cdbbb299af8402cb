package nn

import (
	"errors"

	"wgnin/nn/onnx"
	"wgnin/shaders/batchnorm"
)

// BatchNorm2D normalises each channel, and scales and shifts it by learned weights, as
// torch.nn.BatchNorm2d does (Ioffe and Szegedy, 2015, arXiv:1502.03167):
//
//	y = (x - mean) / sqrt(variance + Eps) * weight + bias
//
// In training, mean and variance are those of the images that run together. They also update
// running_mean and running_var to (1-Momentum)*old + Momentum*new, with the unbiased variance.
// Outside training, or if the layer is frozen (see [Freeze]), it uses running_mean and running_var.
// A zero Eps means 1e-5 and a zero Momentum 0.1, PyTorch's defaults.
//
// If a batch is split for lack of memory, or into Hyper.Shards, each part is normalised by its own
// mean and variance, as in PyTorch with accumulated gradients. The gradient then differs from that
// of the whole batch.
//
// Shapes: x and y [N,C,H,W]; weight, bias, running_mean and running_var [C]. PyTorch's
// num_batches_tracked is left out: it changes nothing, and load_state_dict fills it in. The layer
// cannot be the first, because the channels of the images are not padded.
type BatchNorm2D struct {
	Eps      float64 `text:"eps"`
	Momentum float64 `text:"momentum"`
}

// Build records the layer.
func (b BatchNorm2D) Build(g *Graph, x *Tensor) *Tensor {
	if x.Flat {
		return g.Fail(errors.New("input is a vector; want an image (before Flatten)"))
	}
	if x.Stride%4 != 0 {
		return g.Fail(errors.New("input is the images, before any weights; want a convolution before it"))
	}
	if !(b.Eps >= 0 && b.Momentum >= 0 && b.Momentum <= 1) {
		return g.Fail(errors.New("want eps above 0 and momentum from 0 to 1 (0 is the default of each)"))
	}
	s := batchnorm.Shape{N: g.N, P: x.H * x.W, C: x.C, Stride: x.Stride, Eps: 1e-5, Momentum: 0.1}
	if b.Eps != 0 {
		s.Eps = float32(b.Eps)
	}
	if b.Momentum != 0 {
		s.Momentum = float32(b.Momentum)
	}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	channels := []int{x.C}
	w := g.Weights(s.Weights(), WeightTensor{Name: "weight", Shape: channels, Init: Always(1)},
		WeightTensor{Name: "bias", Shape: channels, Init: Zero, Offset: s.Stride})
	state := g.State(s.State(), WeightTensor{Name: "running_mean", Shape: channels},
		WeightTensor{Name: "running_var", Shape: channels, Init: Always(1), Offset: s.Stride})
	s.Running = !g.Training || w.Grad.IsZero()
	g.MACs(int64(x.Len()))
	y, moments, rec := g.Output(x.Shape, x.Stride), g.Temp("moments", s.Moments()), g.rec
	if s.Running {
		s.Fixed().Record(rec, batchnorm.FixedArgs[view]{State: state, Moments: moments})
	} else {
		part := g.Temp("moments of chunks", s.Part())
		s.Stats().Record(rec, batchnorm.StatsArgs[view, view]{Batch: g.Batch, X: x.Data, Part: part})
		s.Combine().Record(rec, batchnorm.CombineArgs[view, view]{Batch: g.Batch, Part: part, State: state,
			Moments: moments})
	}
	s.Forward().Record(rec, batchnorm.ForwardArgs[view]{X: x.Data, Moments: moments, W: w.Data, Y: y.Data})
	g.Backward(func() {
		total := moments // a frozen layer has no sums; the kernel ignores these
		if !w.Grad.IsZero() {
			part := g.Temp("sums of chunks", s.Part())
			total = g.Temp("sums", 2*s.Stride)
			s.Sums().Record(rec, batchnorm.SumsArgs[view, view]{Batch: g.Batch, X: x.Data, DY: y.Grad, Moments: moments,
				Part: part})
			s.Gradients().Record(rec, batchnorm.GradientsArgs[view, view]{Batch: g.Batch, Part: part, Total: total,
				DW: w.Grad})
		}
		if dX := g.Gradient(x); !dX.IsZero() {
			s.Backward().Record(rec, batchnorm.BackwardArgs[view, view]{Batch: g.Batch, X: x.Data, DY: y.Grad,
				Moments: moments, Total: total, W: w.Data, DX: dX})
		}
	})
	g.ONNX(y, func() (onnx.Node, error) {
		return onnx.Node{Op: "BatchNormalization", Float: map[string]float32{"epsilon": s.Eps},
			Inputs: []string{"weight", "bias", "running_mean", "running_var"}}, nil
	}, x)
	return y
}

func (b BatchNorm2D) String() string { return Text(b) }
