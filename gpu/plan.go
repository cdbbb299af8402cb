package gpu

import (
	"fmt"
	"strings"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// Plan is a list of dispatches ready to run: compiled, placed and bound.
// Running it creates nothing.
type Plan struct {
	d       *Device
	entries []entry
	steps   []step // in the order of entries
	arenas  []*Buffer
	temps   []*Buffer
}

type step struct {
	pipeline *pipeline
	group    *wgpu.BindGroup
	x, y     uint32
}

// Plan compiles what was recorded. It reports the first error of the
// recording, and sizes that the adapter cannot bind.
func (r *Recorder) Plan() (*Plan, error) {
	if r.err != nil {
		return nil, r.err
	}
	if err := r.live(); err != nil {
		return nil, err
	}
	arenas, err := r.place()
	if err != nil {
		return nil, err
	}
	p := &Plan{d: r.d, entries: r.entries, temps: r.temps}
	for i, a := range arenas {
		b, err := r.d.NewBuffer(fmt.Sprintf("arena %d", i), a.bytes)
		if err != nil {
			p.Release()
			return nil, err
		}
		p.arenas = append(p.arenas, b)
		for _, t := range a.tenants {
			t.h = b.h
		}
	}
	for i := range p.entries {
		s, err := p.bind(&p.entries[i])
		if err != nil {
			e := p.entries[i]
			p.Release()
			return nil, fmt.Errorf("layer %s: %s %s: %w", e.layer, e.name, e.detail, err)
		}
		p.steps = append(p.steps, s)
	}
	r.d.warm(p.entries)
	return p, nil
}

func (p *Plan) bind(e *entry) (step, error) {
	limits := p.d.adapter.Limits
	x, y := fold(e.groups, limits.MaxGroupsPerDim)
	if e.groups < 1 || y > limits.MaxGroupsPerDim {
		return step{}, fmt.Errorf("%d workgroups; want 1 to %d", e.groups, int64(limits.MaxGroupsPerDim)*int64(limits.MaxGroupsPerDim))
	}
	if limits.MaxIterations > 0 && e.iterations > limits.MaxIterations {
		return step{}, fmt.Errorf("%d iterations of a loop; the driver (%s) stops after %d, and Mesa 25 does not", e.iterations, p.d.adapter.Driver, limits.MaxIterations)
	}
	storage := 0
	entries := make([]wgpu.BindGroupEntry, len(e.binds))
	for i, b := range e.binds {
		if err := b.view.check(); err != nil {
			return step{}, fmt.Errorf("%s: %w", b.name, err)
		}
		limit := limits.MaxBindingBytes
		if b.access == "uniform" {
			limit = limits.MaxUniformBytes
		} else {
			storage++
		}
		if b.view.bytes > limit {
			return step{}, fmt.Errorf("%s is %d bytes; %s binds at most %d: use a smaller batch", b.name, b.view.bytes, p.d.adapter.Name, limit)
		}
		entries[i] = wgpu.BindGroupEntry{
			Binding: uint32(i), Buffer: b.view.buf.h,
			Offset: uint64(b.view.buf.base + b.view.offset), Size: uint64(b.view.bytes),
		}
	}
	if storage > limits.MaxStorageBuffers {
		return step{}, fmt.Errorf("%d storage buffers; %s binds at most %d", storage, p.d.adapter.Name, limits.MaxStorageBuffers)
	}
	if p.d.dry {
		return step{}, nil
	}
	pl, err := p.d.pipeline(e)
	if err != nil {
		return step{}, err
	}
	s := step{pipeline: pl, x: uint32(x), y: uint32(y)}
	err = p.d.call("bind", func() (err error) {
		s.group, err = p.d.dev.CreateBindGroup(&wgpu.BindGroupDescriptor{Label: e.name, Layout: pl.layout, Entries: entries})
		return err
	})
	return s, err
}

// Release gives back the plan's memory. It may be called twice, and on nil.
func (p *Plan) Release() {
	if p == nil {
		return
	}
	for _, s := range p.steps {
		if s.group != nil {
			s.group.Release()
		}
	}
	for _, t := range p.temps {
		t.h = nil
	}
	for _, a := range p.arenas {
		a.Release()
	}
	p.steps, p.arenas = nil, nil
}

// Part is the part of p that is its dispatches from one up to another. It
// belongs to p and is not released.
func (p *Plan) Part(from, to int) *Plan {
	return &Plan{d: p.d, entries: p.entries[from:to], steps: p.steps[from:to]}
}

// ArenaBytes is the memory that the plan's temps share.
func (p *Plan) ArenaBytes() int64 {
	var n int64
	for _, a := range p.arenas {
		n += a.bytes
	}
	return n
}

// LayerCost is what the dispatches of a layer cost in one run.
type LayerCost struct {
	Layer string
	Flops int64
	Bytes int64 // of the temps that the layer writes first, before temps share memory
}

// Layers are the costs of the plan's layers, in the order in which they first
// run.
func (p *Plan) Layers() []LayerCost {
	var costs []LayerCost
	index := map[string]int{}
	for _, e := range p.entries {
		if _, ok := index[e.layer]; !ok {
			index[e.layer] = len(costs)
			costs = append(costs, LayerCost{Layer: e.layer})
		}
		costs[index[e.layer]].Flops += e.flops
	}
	for _, b := range p.temps {
		if b.temp.first >= 0 {
			costs[index[p.entries[b.temp.first].layer]].Bytes += b.bytes
		}
	}
	return costs
}

// Flops is the arithmetic of one run.
func (p *Plan) Flops() int64 {
	var n int64
	for _, e := range p.entries {
		n += e.flops
	}
	return n
}

// String is the plan, one dispatch a line: layer, kernel, shape, workgroups and
// arguments.
func (p *Plan) String() string {
	var b strings.Builder
	for _, e := range p.entries {
		fmt.Fprintf(&b, "%-10s %-24s %-44s %8d ", e.layer, e.name, e.detail, e.groups)
		for _, a := range e.binds {
			arrow := "<-"
			if a.writes() {
				arrow = "->"
			}
			fmt.Fprintf(&b, " %s%s%s", a.name, arrow, a.view.buf.label)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// check refuses a plan of which something was released: submitting it would end
// the process.
func (p *Plan) check() error {
	if p.steps == nil {
		return fmt.Errorf("plan %w", errReleased)
	}
	for _, e := range p.entries {
		for _, b := range e.binds {
			if b.view.buf.h == nil {
				return fmt.Errorf("layer %s: %s: buffer %s %w", e.layer, e.name, b.view.buf.label, errReleased)
			}
		}
	}
	return nil
}

// Run submits the plans, one after the other, in one encoder and one pass. It
// does not wait.
func (d *Device) Run(plans ...*Plan) error {
	return d.encode(func(enc *wgpu.CommandEncoder) error { return d.dispatch(enc, plans) })
}

func (d *Device) encode(work func(*wgpu.CommandEncoder) error) error {
	if d.dry {
		return errDry
	}
	err := d.call("submit", func() error {
		enc, err := d.dev.CreateCommandEncoder(nil)
		if err != nil {
			return err
		}
		defer enc.Release()
		if err := work(enc); err != nil {
			return err
		}
		cmd, err := enc.Finish(nil)
		if err != nil {
			return err
		}
		defer cmd.Release()
		d.queue.Submit(cmd)
		return nil
	})
	if err != nil {
		return fmt.Errorf("gpu: %w", err)
	}
	if d.profile != nil {
		return d.profile.collect(d)
	}
	return nil
}

func (d *Device) dispatch(enc *wgpu.CommandEncoder, plans []*Plan) error {
	for _, p := range plans {
		if err := p.check(); err != nil {
			return err
		}
	}
	if d.profile != nil {
		return d.profile.dispatch(enc, plans)
	}
	pass := enc.BeginComputePass(nil)
	defer pass.Release()
	for _, p := range plans {
		for _, s := range p.steps {
			s.dispatch(pass)
		}
	}
	return pass.End()
}
