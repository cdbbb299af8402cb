package gpu

import (
	"fmt"
	"slices"
)

// Recorder collects dispatches in the order they will run. Its error is sticky: recording continues
// after a mistake, and [Recorder.Plan] returns the first error with the layer that caused it.
type Recorder struct {
	d       *Device
	layer   string
	entries []entry
	temps   []*Buffer
	err     error
}

// entry is one dispatch.
type entry struct {
	layer, name, detail string
	groups              int
	flops               int64 // or those of Kernel.Replaces
	work                int64 // operations that it does
	bytes               int64 // read and written; 0 means the size of all of binds
	binds               []bind
	lanes               int
	text                string // WGSL
	begin               string // first statements of the entry point in text
	sizes               []uint32
	sizesView           View // where the plan placed the sizes
	broadcast           bool
	sharedBytes         int
	iterations          int
}

// where returns the kernel's name for errors, and its layer's name if it has one.
func (e *entry) where() string {
	if e.layer == "" {
		return e.name
	}
	return "layer " + e.layer + ": " + e.name
}

// temp describes memory that is in use only while a plan runs, and where the plan places it.
type temp struct {
	of          *Recorder
	given       bool // see Placeholder
	first, last int  // entries that use it
	keep        bool
	arena       int
}

// NewRecorder starts an empty recording.
func (d *Device) NewRecorder() *Recorder { return &Recorder{d: d} }

// Device returns the device on which the recording will run.
func (r *Recorder) Device() *Device { return r.d }

// Layer sets the layer's name for the dispatches that are recorded from now on.
func (r *Recorder) Layer(name string) { r.layer = name }

// Len returns the number of dispatches recorded so far.
func (r *Recorder) Len() int { return len(r.entries) }

// Reads returns the views that dispatch i reads. A temporary that is read slice by slice counts
// once, as a whole, where its first slice is read.
func (r *Recorder) Reads(i int) (views []View) {
	for _, b := range r.entries[i].binds {
		v := b.view
		if v.buf.temp != nil && v.offset == 0 {
			v = v.buf.All()
		}
		if b.access != "write" && b.access != "part" {
			views = append(views, v)
		}
	}
	return views
}

// Failed reports whether the recording has an error.
func (r *Recorder) Failed() bool { return r.err != nil }

// Err returns the first error of the recording.
func (r *Recorder) Err() error { return r.err }

// Fail records err for [Recorder.Plan], unless err is nil or an earlier error is recorded.
func (r *Recorder) Fail(err error) {
	if err != nil {
		r.fail("", err)
	}
}

func (r *Recorder) fail(kernel string, err error) {
	if r.err != nil {
		return
	}
	switch {
	case r.layer != "" && kernel != "":
		r.err = fmt.Errorf("layer %s: %s: %w", r.layer, kernel, err)
	case r.layer != "":
		r.err = fmt.Errorf("layer %s: %w", r.layer, err)
	case kernel != "":
		r.err = fmt.Errorf("%s: %w", kernel, err)
	default:
		r.err = err
	}
}

// Temp returns memory for values that are needed only while the plan runs. The plan decides where
// it lies. Temporaries whose lifetimes do not overlap share memory, so the contents are undefined
// until a kernel writes them. See [Recorder.Keep] for values that are read after the run.
func (r *Recorder) Temp(label string, bytes int64) View {
	if bytes <= 0 {
		r.fail("", fmt.Errorf("gpu: temporary %s: %d bytes; want at least 1", label, bytes))
		bytes = 16
	}
	b := &Buffer{d: r.d, label: label, bytes: roundUp(bytes, 16), temp: &temp{of: r, first: -1}}
	r.temps = append(r.temps, b)
	return b.All()
}

// Placeholder returns memory that counts as written, for a recording that is checked and never
// planned.
func (r *Recorder) Placeholder(label string, bytes int64) View {
	v := r.Temp(label, bytes)
	v.buf.temp.given = true
	return v
}

// Check returns the first error of the recording, or the error of a temporary that is read before a
// kernel writes it. [Recorder.Plan] checks the same; Check allocates nothing.
func (r *Recorder) Check() error {
	if r.err != nil {
		return r.err
	}
	return r.live()
}

// Keep makes the contents of a Temp last until the plan runs again, so that they can be read after
// a run.
func (r *Recorder) Keep(v View) {
	if v.buf != nil && v.buf.temp != nil {
		v.buf.temp.keep = true
	}
}

// live finds the first and the last use of each temp. It returns an error if a temp is read before
// it is written.
func (r *Recorder) live() error {
	for i, e := range r.entries {
		for _, b := range e.binds {
			t := b.view.buf.temp
			if t == nil || t.given {
				continue
			}
			if t.of != r {
				if !t.keep {
					return fmt.Errorf("%s: %s is %s, a temporary of another plan that does not keep it", e.where(),
						b.name, b.view.buf.label)
				}
				continue
			}
			if t.first < 0 {
				if b.access != "write" && b.access != "part" {
					return fmt.Errorf("%s: %s reads %s before anything wrote it", e.where(), b.name, b.view.buf.label)
				}
				t.first = i
			}
			t.last = i
		}
	}
	for _, b := range r.temps {
		if b.temp.keep {
			b.temp.last = len(r.entries)
		}
	}
	return nil
}

// arena describes a buffer that holds temps.
type arena struct {
	bytes   int64
	tenants []*Buffer
}

// place gives each temp an arena and an offset in it. A dispatch may not read and write one buffer,
// even at different offsets. So a temp that a dispatch reads and one that it writes go to different
// arenas. The largest temp is placed first. Each gets the lowest offset at which it overlaps no
// temp that is alive at the same time.
func (r *Recorder) place() ([]*arena, error) {
	conflicts := r.conflicts()
	order := slices.Clone(r.temps)
	order = slices.DeleteFunc(order, func(b *Buffer) bool { return b.temp.first < 0 })
	slices.SortStableFunc(order, func(a, b *Buffer) int { return int(b.bytes>>4 - a.bytes>>4) })
	var arenas []*arena
	limits := r.d.adapter.Limits
	for _, b := range order {
		best, bestOffset, bestGrowth := -1, int64(0), int64(0)
		for i, a := range arenas {
			if slices.ContainsFunc(a.tenants, func(o *Buffer) bool { return conflicts[pair{b, o}] }) {
				continue
			}
			offset := a.lowest(b, limits.OffsetAlign)
			growth := max(0, offset+b.bytes-a.bytes)
			if offset+b.bytes <= limits.MaxBufferBytes && (best < 0 || growth < bestGrowth) {
				best, bestOffset, bestGrowth = i, offset, growth
			}
		}
		if best < 0 {
			if b.bytes > limits.MaxBufferBytes {
				return nil, fmt.Errorf("gpu: temporary %s: %d bytes; %s allows at most %d in one buffer: %w", b.label,
					b.bytes, r.d.adapter.Name, limits.MaxBufferBytes, ErrTooLarge)
			}
			arenas = append(arenas, &arena{})
			best = len(arenas) - 1
		}
		a := arenas[best]
		b.base, b.temp.arena = bestOffset, best
		a.bytes = max(a.bytes, bestOffset+b.bytes)
		a.tenants = append(a.tenants, b)
	}
	return arenas, nil
}

type pair struct{ a, b *Buffer }

// conflicts returns the pairs of temps such that some dispatch reads one and writes the other.
func (r *Recorder) conflicts() map[pair]bool {
	c := map[pair]bool{}
	for _, e := range r.entries {
		for _, x := range e.binds {
			for _, y := range e.binds {
				a, b := x.view.buf, y.view.buf
				if a != b && a.temp != nil && b.temp != nil && x.writes() != y.writes() {
					c[pair{a, b}], c[pair{b, a}] = true, true
				}
			}
		}
	}
	return c
}

// lowest returns the smallest offset at which b overlaps no tenant that is alive at the same time.
func (a *arena) lowest(b *Buffer, align int64) int64 {
	var alive []*Buffer
	for _, o := range a.tenants {
		if o.temp.first <= b.temp.last && b.temp.first <= o.temp.last {
			alive = append(alive, o)
		}
	}
	slices.SortFunc(alive, func(x, y *Buffer) int { return int((x.base - y.base) >> 4) })
	offset := int64(0)
	for _, o := range alive {
		if offset+b.bytes <= o.base {
			break
		}
		offset = max(offset, roundUp(o.base+o.bytes, align))
	}
	return offset
}
