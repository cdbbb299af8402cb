package nn

import (
	"errors"
	"math"

	"wgnin/gpu"
	"wgnin/shaders/sgd"
)

// SGD is stochastic gradient descent, as torch.optim.SGD:
//
//	v = Momentum*v + g + WeightDecay*w;  w = w - rate*v
//
// with v from zero, no dampening and no Nesterov. The decay applies to biases
// too, as in PyTorch.
type SGD struct {
	Rate                  Schedule // must be set: Constant, Steps, Cosine or your own
	Momentum, WeightDecay float64
}

func (o SGD) check() error {
	if o.Rate == nil {
		return errors.New("nn: SGD.Rate is nil; want a schedule, such as nn.Constant(0.1)")
	}
	rate := o.Rate.Rate(1)
	switch {
	case !(rate >= 0 && rate <= math.MaxFloat32):
		return RangeError{"learning rate", rate, "a finite number, 0 or more"}
	case !(o.Momentum >= 0 && float32(o.Momentum) < 1):
		return RangeError{"momentum", o.Momentum, "0 <= momentum < 1"}
	case !(o.WeightDecay >= 0 && float32(o.WeightDecay) < 1):
		return RangeError{"weight decay", o.WeightDecay, "0 <= decay < 1"}
	}
	return nil
}

// build records the update of all weights of the net; velocity is the
// momentum's memory, none without momentum.
func (o SGD) build(r *gpu.Recorder, net *Net, velocity, metrics *gpu.Buffer) {
	r.Layer("update")
	c := sgd.Shape{Count: net.size, Momentum: float32(o.Momentum), Decay: float32(o.WeightDecay)}
	if velocity == nil {
		c.Plain().Record(r, sgd.PlainArgs[view, view]{
			Batch: net.batch.All(), G: net.grads.All(), W: net.weights.All(), Metrics: metrics.All(),
		})
		return
	}
	c.WithMomentum().Record(r, sgd.MomentumArgs[view, view]{
		Batch: net.batch.All(), G: net.grads.All(), W: net.weights.All(), V: velocity.All(), Metrics: metrics.All(),
	})
}
