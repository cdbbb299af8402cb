package viz

import (
	"slices"

	"wgnin/gpu"
)

// program is a plan that is recorded again only when what it binds has changed,
// not when numbers that its kernels are told have.
type program struct {
	dev    *gpu.Device
	name   string
	plan   *gpu.Plan
	bound  []bound
	params *gpu.Buffer // of each dispatch, slot bytes apart
	words  []uint32
}

// dispatch is a kernel with what it is told.
type dispatch struct {
	bound
	params []uint32
	record func(r *gpu.Recorder, params gpu.View)
}

// bound is what a dispatch cannot change without being recorded again.
type bound struct {
	kernel string
	groups int
	views  [4]gpu.View
}

// slotBytes is more than the parameters of any kernel; an adapter may ask for more.
const slotBytes = 256

// set makes the dispatches what the program does. It says whether that is
// different from before.
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

// plans are what is to run: none, if there are no dispatches.
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
