package viz

import (
	"slices"

	"wgnin/gpu"
)

// program is a plan that is recorded again only when its kernels, their sizes or their bindings
// change. New parameters are only uploaded.
type program struct {
	dev    *gpu.Device
	name   string
	plan   *gpu.Plan
	bound  []bound
	params *gpu.Buffer // of all dispatches, slot bytes apart
	words  []uint32
}

// dispatch is a kernel with its parameters.
type dispatch struct {
	bound
	params []uint32
	record func(r *gpu.Recorder, params gpu.View)
}

// bound is the part of a dispatch that cannot change without a new recording.
type bound struct {
	kernel string
	groups int
	views  [4]gpu.View
}

// slotBytes is more than the parameters of any kernel take. The alignment of an adapter may require
// more.
const slotBytes = 256

// set makes ds the dispatches of the program. It reports whether they or their parameters have
// changed.
func (p *program) set(ds []dispatch) (changed bool, err error) {
	slot := max(slotBytes, p.dev.Adapter().Limits.OffsetAlign)
	words := make([]uint32, int(slot/4)*len(ds))
	for i, d := range ds {
		copy(words[int(slot/4)*i:], d.params)
	}
	if !slices.EqualFunc(ds, p.bound, func(d dispatch, b bound) bool { return d.bound == b }) {
		p.release()
		if len(ds) == 0 {
			return true, nil
		}
		if p.params, err = p.dev.NewBuffer(p.name, slot*int64(len(ds))); err != nil {
			return false, err
		}
		r := p.dev.NewRecorder()
		r.Layer(p.name)
		for i, d := range ds {
			d.record(r, p.params.Slice(slot*int64(i), slotBytes))
			p.bound = append(p.bound, d.bound)
		}
		if p.plan, err = r.Plan(); err != nil {
			p.release()
			return false, err
		}
	} else if slices.Equal(words, p.words) {
		return false, nil
	}
	p.words = words
	if len(ds) == 0 {
		return false, nil
	}
	return true, gpu.Write(p.params.All(), words)
}

// plans returns the plan to run, or nothing if there are no dispatches.
func (p *program) plans() []*gpu.Plan {
	if p.plan == nil {
		return nil
	}
	return []*gpu.Plan{p.plan}
}

func (p *program) release() {
	p.plan.Release()
	p.params.Release()
	p.plan, p.params, p.bound, p.words = nil, nil, nil, nil
}
