package nn

import (
	"fmt"

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
	Rate                  Schedule
	Momentum, WeightDecay float64
}

func (o SGD) check() error {
	if o.Rate == nil {
		return fmt.Errorf("sgd: no learning rate")
	}
	if !(o.Momentum >= 0 && float32(o.Momentum) < 1) {
		return fmt.Errorf("sgd: momentum is %g; want 0 <= momentum < 1", o.Momentum)
	}
	if !(o.WeightDecay >= 0 && float32(o.WeightDecay) < 1) {
		return fmt.Errorf("sgd: weight decay is %g; want 0 <= decay < 1", o.WeightDecay)
	}
	return nil
}

// build records the update of all weights of the net; velocity is the
// momentum's memory, none without momentum.
func (o SGD) build(r *gpu.Recorder, net *Net, velocity *gpu.Buffer) {
	r.Layer("update")
	c := sgd.Config{Count: net.size, Momentum: float32(o.Momentum), Decay: float32(o.WeightDecay)}
	if velocity == nil {
		c.Plain().Record(r, sgd.PlainArgs[view, view]{Batch: net.batch.All(), G: net.grads.All(), W: net.weights.All()})
		return
	}
	c.WithMomentum().Record(r, sgd.MomentumArgs[view, view]{
		Batch: net.batch.All(), G: net.grads.All(), W: net.weights.All(), V: velocity.All(),
	})
}
