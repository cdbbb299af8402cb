package nn

import (
	"errors"
	"fmt"
	"slices"

	"wgnin/gpu"
)

// ErrDiverged reports a loss, a weight or a logit that is not finite.
var ErrDiverged = errors.New("the learning rate is likely too large")

// diverged returns an error that names the layers at which the step s diverged. The weights have
// not changed since the loss of s was computed, or since its update if that made them not finite.
// So diverged checks the weights first. If they are finite, it runs the forward pass again, layer
// by layer, up to the first output that is not finite. A ReLU that is fused into a layer is part of
// that layer's output.
func (t *Trainer) diverged(s Step) error {
	where, err := t.net.badWeights()
	if where == "" && err == nil {
		where, err = t.badOutput(s)
	}
	if err != nil {
		where = fmt.Sprintf("the layer is unknown: %v", err)
	}
	if v := s.Loss; v-v != 0 { // NaN or infinite
		where = fmt.Sprintf("the loss is %g; %s", v, where)
	}
	err = fmt.Errorf("step %d: %s: %w", s.Step, where, ErrDiverged)
	if t.exchange != nil {
		return everywhere{err}
	}
	return err
}

// badWeights names the layers whose weights are not finite, or returns "".
func (net *Net) badWeights() (string, error) {
	arena := make([]float32, net.size)
	if err := gpu.Read(net.weights.All(), arena); err != nil {
		return "", err
	}
	var bad []string
	for _, l := range net.layers {
		if !l.frozen && !finite(arena[l.offset:][:l.size]) {
			bad = append(bad, l.String())
		}
	}
	switch n := len(bad); n {
	case 0:
		return "", nil
	case 1:
		return fmt.Sprintf("the weights of layer %s are not finite", bad[0]), nil
	default:
		return fmt.Sprintf("the weights of %d of %d layers are not finite, from layer %s to layer %s", n,
			len(net.layers), bad[0], bad[n-1]), nil
	}
}

// badOutput names the first layer whose output in the step is not finite.
func (t *Trainer) badOutput(s Step) (string, error) {
	for r := range t.runs(s.Images) {
		if err := t.setBatch(s, r); err != nil {
			return "", err
		}
		where, err := t.net.overflow(t.forward, t.outputs)
		if where != "" || err != nil {
			return where, err
		}
	}
	return "the outputs of all layers are finite, but too large for a loss", nil
}

// overflow runs the forward pass with which a plan begins, layer by layer. It names the first layer
// whose output is not finite, or returns "".
func (net *Net) overflow(plan *gpu.Plan, outputs []*Described) (string, error) {
	done := 0
	for _, o := range outputs {
		if o.end <= done { // such as Flatten, which moves nothing
			continue
		}
		if err := net.dev.Run(plan.Part(done, o.end)); err != nil {
			return "", err
		}
		done = o.end
		if ok, err := finiteOutput(o.output); err != nil {
			return "", err
		} else if !ok {
			return fmt.Sprintf("all weights are finite, and the output of layer %s is not", o), nil
		}
	}
	return "", nil
}

// overflowed reports a loss or logits that are not finite outside training. It is an ErrDiverged
// with a text of its own, because the text of ErrDiverged is about the learning rate.
type overflowed struct{ where string }

func (e overflowed) Error() string { return e.where + ": the weights are too large" }

func (overflowed) Is(target error) bool { return target == ErrDiverged }

// finiteOutput reads a tensor back and reports whether all its values are finite.
func finiteOutput(t *Tensor) (bool, error) {
	values := make([]float32, t.Data.Bytes()/4)
	err := gpu.Read(t.Data, values)
	return finite(values), err
}

func finite(values []float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return v-v != 0 })
}
