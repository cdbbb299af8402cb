package gpu

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wgnin/gpu/internal/webgpu"
)

// Plan is a list of dispatches ready to run: compiled, placed and bound. Running it creates no
// object, except for the first run on a GPU (see Options.MaxSubmit).
type Plan struct {
	d       *Device
	entries []entry
	steps   []*step // in the order of entries
	arenas  []*Buffer
	temps   []*Buffer
	sizes   *Buffer // of all kernels whose sizes are in a buffer
}

// step is an entry that is ready to run.
type step struct {
	entry *entry
	parts []part // more than one only if a GPU would be busy too long
	ready bool   // it has run, so parts are timed and compiled
}

// part is a dispatch of all or some workgroups of a step.
type part struct {
	entry    *entry
	pipeline *pipeline
	group    *webgpu.BindGroup
	x, y     uint32
	took     time.Duration // if known
	last     bool          // of the step
}

// Plan makes a plan of the recording. It compiles the kernels, places the temporaries such that
// those with separate lifetimes share memory, and binds the buffers. The caller releases the plan.
//
// Errors, with the layer and the kernel: the first error of the recording; a temporary that is read
// before a kernel has written it; sizes beyond the adapter's limits, which wrap [ErrTooLarge]; too
// little memory, which wraps [ErrOutOfMemory]; and WGSL that does not compile. A browser compiles
// several kernels at a time, and reports those that it refuses when the plan first runs.
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
	var count *compilation
	if r.d.adapter.compilesInPlan() {
		count = r.d.compilation(p)
		defer count.end()
	}
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
	if err := p.placeSizes(); err != nil {
		p.Release()
		return nil, err
	}
	for i := range p.entries {
		e := &p.entries[i]
		if err := p.fits(e); err != nil {
			p.Release()
			return nil, e.wrap(err)
		}
		s := &step{entry: e}
		p.steps = append(p.steps, s)
		if r.d.dry {
			continue
		}
		count.begin(e)
		all, err := r.d.bind(e, 0, e.groups)
		if err != nil {
			p.Release()
			return nil, e.wrap(err)
		}
		all.last = true
		s.parts = []part{all}
	}
	r.d.warm(p.entries)
	return p, nil
}

// placeSizes uploads the sizes of the kernels; equal sizes share a place.
func (p *Plan) placeSizes() (err error) {
	align := max(1, int(p.d.adapter.Limits.OffsetAlign/4))
	var words []uint32
	at := map[string]int{}
	offsets := make([]int, len(p.entries))
	for i := range p.entries {
		sizes := p.entries[i].sizes
		if sizes == nil {
			continue
		}
		key := fmt.Sprint(sizes)
		if _, ok := at[key]; !ok {
			words = append(words, make([]uint32, (align-len(words)%align)%align)...)
			at[key] = len(words)
			words = append(words, sizes...)
		}
		offsets[i] = at[key]
	}
	if len(words) == 0 {
		return nil
	}
	if p.sizes, err = p.d.NewBuffer("sizes", int64(len(words))*4); err != nil {
		return err
	}
	for i := range p.entries {
		if e := &p.entries[i]; e.sizes != nil {
			e.sizesView = p.sizes.Slice(int64(offsets[i])*4, int64(len(e.sizes))*4)
		}
	}
	return Write(p.sizes.All(), words)
}

// wrap adds the name of the entry that caused err.
func (e *entry) wrap(err error) error {
	return fmt.Errorf("%s: %w", strings.TrimSpace(e.where()+" "+e.detail), err)
}

// fits returns an error if the adapter cannot bind or dispatch e.
func (p *Plan) fits(e *entry) error {
	limits := p.d.adapter.Limits
	_, y := fold(e.groups, limits.MaxGroupsPerDim)
	if e.groups < 1 || y > limits.MaxGroupsPerDim {
		return fmt.Errorf("%d workgroups; want 1 to %d: %w", e.groups,
			int64(limits.MaxGroupsPerDim)*int64(limits.MaxGroupsPerDim), ErrTooLarge)
	}
	if e.lanes < 1 || e.lanes > limits.MaxGroupSize {
		return fmt.Errorf("%d invocations in a workgroup; %s has at most %d: %w", e.lanes, p.d.adapter.Name,
			limits.MaxGroupSize, ErrTooLarge)
	}
	if e.sharedBytes > limits.MaxSharedBytes {
		return fmt.Errorf("%d bytes of workgroup memory; %s takes at most %d: %w", e.sharedBytes, p.d.adapter,
			limits.MaxSharedBytes, ErrTooLarge)
	}
	if limits.MaxIterations > 0 && e.iterations > limits.MaxIterations {
		return fmt.Errorf("%d iterations of a loop; the driver (%s) stops after %d, and Mesa 25 does not: %w",
			e.iterations, p.d.adapter.Driver, limits.MaxIterations, ErrTooLarge)
	}
	storage := 0
	for _, b := range e.binds {
		if err := b.view.check(); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		limit := limits.MaxBindingBytes
		if b.access == "uniform" {
			limit = limits.MaxUniformBytes
		} else {
			storage++
		}
		if b.view.bytes > limit {
			return fmt.Errorf("%s is %d bytes; %s binds at most %d: %w", b.name, b.view.bytes, p.d.adapter.Name, limit,
				ErrTooLarge)
		}
	}
	if storage > limits.MaxStorageBuffers {
		return fmt.Errorf("%d storage buffers; %s binds at most %d", storage, p.d.adapter.Name,
			limits.MaxStorageBuffers)
	}
	return nil
}

// bind returns the workgroups [first,end) of e, ready to run.
func (d *Device) bind(e *entry, first, end int) (part, error) {
	maxPerDim := d.adapter.Limits.MaxGroupsPerDim
	text := e.text
	if first > 0 || end < e.groups {
		text = strings.TrimSuffix(text, e.entryPoint(0, e.groups, maxPerDim)) + e.entryPoint(first, end, maxPerDim)
	}
	pl, err := d.pipeline(e, text)
	if err != nil {
		return part{}, err
	}
	bindings := make([]webgpu.Binding, len(e.binds))
	for i, b := range e.binds {
		bindings[i] = b.view.binding()
	}
	if e.sizes != nil {
		bindings = append(bindings, e.sizesView.binding())
	}
	x, y := fold(end-first, maxPerDim)
	p := part{entry: e, pipeline: pl, x: uint32(x), y: uint32(y)}
	err = d.call("bind", func() (err error) {
		p.group, err = pl.h.Bind(e.name, bindings)
		return err
	})
	return p, err
}

// Release frees the plan's memory. It may be called twice, and on nil.
func (p *Plan) Release() {
	if p == nil {
		return
	}
	for _, s := range p.steps {
		s.release()
	}
	for _, t := range p.temps {
		t.h = nil
	}
	for _, a := range p.arenas {
		a.Release()
	}
	p.sizes.Release()
	p.steps, p.arenas, p.sizes = nil, nil, nil
}

func (s *step) release() {
	for _, p := range s.parts {
		p.group.Release()
	}
	s.parts = nil
}

// Part returns a plan of p's dispatches with indices in [from,to). It belongs to p and must not be
// released.
func (p *Plan) Part(from, to int) *Plan {
	return &Plan{d: p.d, entries: p.entries[from:to], steps: p.steps[from:to]}
}

// Len returns the number of dispatches.
func (p *Plan) Len() int { return len(p.entries) }

// Written returns how many of the plan's first dispatches must run until v has its final value; 0
// if none writes to v. v must not be a temporary.
func (p *Plan) Written(v View) int {
	for i, e := range slices.Backward(p.entries) {
		for _, b := range e.binds {
			w := b.view
			if b.writes() && w.buf == v.buf && w.offset < v.offset+v.bytes && v.offset < w.offset+w.bytes {
				return i + 1
			}
		}
	}
	return 0
}

// ArenaBytes returns the size in bytes of the memory that the plan's temporaries share.
func (p *Plan) ArenaBytes() int64 {
	var n int64
	for _, a := range p.arenas {
		n += a.bytes
	}
	return n
}

// LayerCost is the cost of a layer's dispatches in one run.
type LayerCost struct {
	Layer string
	Flops int64
	Bytes int64 // of the temporaries that the layer is the first to write, not yet sharing memory
}

// Layers returns the costs of the plan's layers, in the order in which they first run.
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

// Flops returns the number of arithmetic operations of one run.
func (p *Plan) Flops() int64 {
	var n int64
	for _, e := range p.entries {
		n += e.flops
	}
	return n
}

// KernelText is a kernel of a plan, with the whole text of its shader.
type KernelText struct {
	Name   string // op and pass, such as conv2d/forward
	Detail string // shape and variant
	WGSL   string
}

// Kernels returns the kernels of the plan in the order of their first dispatch, each once.
func (p *Plan) Kernels() []KernelText {
	var all []KernelText
	seen := map[string]bool{}
	for _, e := range p.entries {
		if !seen[e.text] {
			seen[e.text] = true
			all = append(all, KernelText{e.name, e.detail, e.text})
		}
	}
	return all
}

// String returns the plan with one line for each dispatch: layer, kernel, shape, workgroups and
// arguments. An argument x<-y means that the kernel reads the buffer y as its variable x, and x->y
// that it writes y.
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

// check returns an error if the plan or one of its buffers was released. Submitting it would abort
// the process.
func (p *Plan) check() error {
	if p.steps == nil || slices.ContainsFunc(p.steps, func(s *step) bool { return s.parts == nil }) {
		return fmt.Errorf("plan %w", errReleased)
	}
	for _, e := range p.entries {
		for _, b := range e.binds {
			if b.view.buf.h == nil {
				return fmt.Errorf("%s: buffer %s %w", e.where(), b.view.buf.label, errReleased)
			}
		}
	}
	return nil
}

// Run submits the plans, one after the other, in one encoder and one pass, or in as few as a GPU's
// watchdog allows (see Options.MaxSubmit). It does not wait for them, except in the first run of a
// plan on a GPU, or while Options.Compiling reports kernels that the driver compiles in its queue.
//
// Errors: a plan or a buffer in it that was released, [ErrLost], and a [Dry] device.
func (d *Device) Run(plans ...*Plan) error { return d.run(plans, nil) }

// run is Run with more work at the end of the last encoder; after may be nil.
func (d *Device) run(plans []*Plan, after func(*webgpu.Encoder)) error {
	if d.dry {
		return errDry
	}
	for _, p := range plans {
		if err := p.check(); err != nil {
			return fmt.Errorf("gpu: %w", err)
		}
	}
	var count *compilation
	defer func() { count.end() }()
	batch, took := d.batch[:0], time.Duration(0)
	flush := func(after func(*webgpu.Encoder)) error {
		parts := batch
		batch, took = batch[:0], 0
		if len(parts) == 0 && after == nil {
			return nil
		}
		return d.encode(func(enc *webgpu.Encoder) {
			d.dispatch(enc, parts)
			if after != nil {
				after(enc)
			}
		})
	}
	for _, plan := range plans {
		for _, s := range plan.steps {
			compiled := s.parts[0].pipeline.compiled
			if !compiled {
				if count == nil {
					count = d.compilation(plans...)
				}
				count.begin(s.entry)
			}
			if !s.ready && (d.maxSubmit > 0 || d.compiling != nil && !compiled && d.adapter.compilesInQueue()) {
				if err := flush(nil); err != nil {
					return err
				}
				if err := d.first(s); err != nil {
					return s.entry.wrap(err)
				}
				continue
			}
			for _, p := range s.parts {
				if err := d.wait(p.pipeline); err != nil {
					return s.entry.wrap(err)
				}
				if len(batch) > 0 && took+p.took > d.maxSubmit && d.maxSubmit > 0 {
					if err := flush(nil); err != nil {
						return err
					}
				}
				batch, took = append(batch, p), took+p.took
			}
		}
	}
	err := flush(after)
	d.batch = batch
	return err
}

// encode submits the commands of work.
func (d *Device) encode(work func(*webgpu.Encoder)) error {
	if d.dry {
		return errDry
	}
	d.written = 0
	err := d.call("submit", func() error {
		enc, err := d.dev.NewEncoder()
		if err != nil {
			return err
		}
		work(enc)
		return enc.Submit()
	})
	if err != nil {
		return fmt.Errorf("gpu: %w", err)
	}
	if d.profile != nil {
		return d.profile.collect(d)
	}
	return nil
}

func (d *Device) dispatch(enc *webgpu.Encoder, parts []part) {
	if len(parts) == 0 {
		return
	}
	if d.profile != nil {
		d.profile.dispatch(enc, parts)
		return
	}
	pass := enc.Pass(nil, 0)
	for _, p := range parts {
		p.dispatch(pass)
	}
	pass.End()
}
