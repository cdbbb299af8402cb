package nn

import (
	"fmt"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nn/safetensors"
	"wgnin/shaders/adam"
	"wgnin/shaders/clip"
	"wgnin/shaders/decay"
	"wgnin/shaders/sgd"
)

// The optimizers, by their names in torch.optim.
const (
	SGD   = "sgd"
	Adam  = "adam"
	AdamW = "adamw"
)

// Optimizers lists the names of all optimizers.
var Optimizers = []string{SGD, Adam, AdamW}

// Prefixes of the names of the optimizers' state: tensors with one value for each weight. Those of
// Adam are PyTorch's.
const (
	velocityPrefix = "velocity."
	meanPrefix     = "exp_avg."
	squarePrefix   = "exp_avg_sq."
)

// IsOptimizerState reports whether a tensor with this name in a checkpoint is state of an optimizer
// rather than a weight.
func IsOptimizerState(name string) bool {
	return slices.ContainsFunc([]string{velocityPrefix, meanPrefix, squarePrefix}, func(p string) bool {
		return strings.HasPrefix(name, p)
	})
}

// optimizerState returns the prefixes of the state of the optimizer.
func (h Hyper) optimizerState() []string {
	switch {
	case h.Optimizer == Adam || h.Optimizer == AdamW:
		return []string{meanPrefix, squarePrefix}
	case h.Momentum != 0:
		return []string{velocityPrefix}
	}
	return nil
}

// checkOptimizer returns a [RangeError] if there is no such optimizer, or if it has no Nesterov
// momentum.
func (h Hyper) checkOptimizer() error {
	name := h.optimizer()
	if !slices.Contains(Optimizers, name) {
		return RangeError{"Optimizer", fmt.Sprintf("%q", name), strings.Join(Optimizers, ", ")}
	}
	if h.Nesterov && (name != SGD || h.Momentum == 0) {
		return RangeError{"Nesterov", h.Nesterov, "it with sgd and a momentum above 0"}
	}
	return nil
}

func (h Hyper) optimizer() string {
	if h.Optimizer == "" {
		return SGD
	}
	return h.Optimizer
}

// decays returns the decay of each weight, in the device's layout. It returns nil if all weights
// have the same decay.
func (h Hyper) decays(net *Net) []float32 {
	if !h.SpareBiases {
		return nil
	}
	all := net.arenas()[learning]
	net.each(func(_ int, _ string, in arena, offset int, t WeightTensor) {
		if in != learning || len(t.Shape) < 2 {
			return
		}
		for i := range t.Len() {
			all[offset+t.place(i)] = float32(h.WeightDecay)
		}
	})
	return all
}

// UpdateLayer is the layer name of the weight update in the plan of a training step.
const UpdateLayer = "update"

// buildUpdate records the update of all weights of the net, in stretches that the adapter can bind.
// state holds the buffers of [Hyper.optimizerState], and decays is the buffer of [Hyper.decays] or
// nil.
func (h Hyper) buildUpdate(r *gpu.Recorder, net *Net, state []*gpu.Buffer, decays, metrics *gpu.Buffer) {
	r.Layer(UpdateLayer)
	all := net.stretches(net.size)
	if h.ClipNorm > 0 {
		h.clip(r, net, all)
	}
	for _, s := range all {
		h.updateStretch(r, net, state, decays, metrics, s)
	}
}

// stretch is a range of count values of weights or state, starting at first.
type stretch struct{ first, count int }

// stretches divides size values of weights or state into the fewest stretches that the adapter can
// bind.
func (net *Net) stretches(size int) []stretch {
	limits := net.dev.Adapter().Limits
	return cut(size, int(limits.MaxBindingBytes/limits.OffsetAlign*limits.OffsetAlign)/4)
}

// cut divides size values into stretches of at most most values.
func cut(size, most int) (all []stretch) {
	for first := 0; first < size; first += most {
		all = append(all, stretch{first, min(most, size-first)})
	}
	return all
}

// of returns the part of b that belongs to s. b has one value for each weight, or for each value of
// state.
func (s stretch) of(b *gpu.Buffer) view { return b.Slice(int64(s.first)*4, int64(s.count)*4) }

// clip records the clipping of the gradient by its norm over all stretches.
func (h Hyper) clip(r *gpu.Recorder, net *Net, all []stretch) {
	shape := func(s stretch) clip.Shape { return clip.Shape{Count: s.count, MaxNorm: float32(h.ClipNorm)} }
	parts := 0
	for _, s := range all {
		parts += shape(s).Parts()
	}
	part, factor := r.Temp("norms", int64(parts)*8), r.Temp("factor", 4)
	first := 0
	for _, s := range all {
		shape(s).Norms(first).Record(r, clip.NormsArgs[view]{G: s.of(net.grads), Part: part})
		first += shape(s).Parts()
	}
	shape(all[0]).Factor(parts).Record(r, clip.FactorArgs[view]{Part: part, Factor: factor})
	for _, s := range all {
		shape(s).Scale().Record(r, clip.ScaleArgs[view]{G: s.of(net.grads), Factor: factor})
	}
}

// updateStretch records the update of a stretch of the weights.
func (h Hyper) updateStretch(r *gpu.Recorder, net *Net, state []*gpu.Buffer, decays, metrics *gpu.Buffer, s stretch) {
	batch, g, w, m, count := net.batch.All(), s.of(net.grads), s.of(net.weights), metrics.All(), s.count
	if decays != nil {
		d := decay.Shape{Count: count}
		if h.optimizer() == AdamW {
			d.Decoupled().Record(r, decay.DecoupledArgs[view, view]{Batch: batch, W: w, Decay: s.of(decays),
				Metrics: m})
		} else {
			d.Coupled().Record(r, decay.CoupledArgs[view]{G: g, W: w, Decay: s.of(decays)})
		}
		h.WeightDecay = 0 // the optimizer's own kernel must not decay
	}
	if name := h.optimizer(); name != SGD {
		a := adam.Shape{Count: count, Decay: float32(h.WeightDecay), Decoupled: name == AdamW}
		a.Kernel().Record(r, adam.Args[view, view]{Batch: batch, G: g, W: w, M: s.of(state[0]), V: s.of(state[1]),
			Metrics: m})
		return
	}
	o := sgd.Shape{Count: count, Momentum: float32(h.Momentum), Decay: float32(h.WeightDecay), Nesterov: h.Nesterov}
	if len(state) == 0 {
		o.Plain().Record(r, sgd.PlainArgs[view, view]{Batch: batch, G: g, W: w, Metrics: m})
		return
	}
	o.WithMomentum().Record(r, sgd.MomentumArgs[view, view]{Batch: batch, G: g, W: w, V: s.of(state[0]), Metrics: m})
}

// readState reads the optimizer's state back from the device.
func (t *Trainer) readState() (all []safetensors.Tensor, err error) {
	for i, prefix := range t.cfg.optimizerState() {
		ts, err := t.net.read(t.state[i])
		if err != nil {
			return nil, err
		}
		for _, tensor := range ts {
			tensor.Name = prefix + tensor.Name
			all = append(all, tensor)
		}
	}
	return all, nil
}

// writeState sets the optimizer's state.
func (t *Trainer) writeState(all []safetensors.Tensor) error {
	read := 0
	for i, prefix := range t.cfg.optimizerState() {
		var ts []safetensors.Tensor
		for _, tensor := range all {
			if name, ok := strings.CutPrefix(tensor.Name, prefix); ok {
				tensor.Name = name
				ts = append(ts, tensor)
			}
		}
		if err := t.net.write(t.state[i], ts); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSuffix(prefix, "."), err)
		}
		read += len(ts)
	}
	if read != len(all) {
		return fmt.Errorf("%d tensors do not belong to the state of %s", len(all)-read, t.cfg.optimizer())
	}
	return nil
}
