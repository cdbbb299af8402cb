package nn

import (
	"wgnin/gpu"
	"wgnin/shaders/sgd"
)

// buildUpdate records the update of all weights of the net by stochastic gradient
// descent; velocity is the momentum's memory, nil if Momentum is 0.
func (h Hyper) buildUpdate(r *gpu.Recorder, net *Net, velocity, metrics *gpu.Buffer) {
	r.Layer("update")
	c := sgd.Shape{Count: net.size, Momentum: float32(h.Momentum), Decay: float32(h.WeightDecay)}
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
