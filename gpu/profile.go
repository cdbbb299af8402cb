package gpu

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"wgnin/gpu/internal/webgpu"
)

// Timing holds the times that one dispatch of a plan took, over all runs.
type Timing struct {
	Layer, Kernel, Detail string
	Count                 int
	Total                 time.Duration
	Min, Median           time.Duration
	Flops                 int64 // of one run; see Kernel.Replaces
	Work                  int64 // of one run; see Kernel.Flops
	Bytes                 int64 // moved in one run, if the kernel reads and writes each value once
	Streams               int   // tensors moved, except those that are small beside the largest

	runs []time.Duration
}

// maxQueries is the number of timestamps that WebGPU allows in a query set.
const maxQueries = 4096

// maxRuns is the largest number of runs that a median is computed from.
const maxRuns = 1000

type profiler struct {
	set     *webgpu.QuerySet
	resolve *Buffer
	staging *Buffer
	period  float64       // nanoseconds in a tick
	pending []part        // between timestamps 2i and 2i+1
	took    time.Duration // by the parts of a step so far
	timings map[[3]string]*Timing
}

// ErrNoTimestamps reports that an adapter cannot time its kernels.
var ErrNoTimestamps = errors.New("has no timestamp queries")

// Profile times every dispatch from now on, each in a pass of its own, and waits for each run. On a
// GPU, the first run of a plan is left out, because it is timed for the watchdog. Profiling does
// not change the results of kernels. Errors: [ErrNoTimestamps].
func (d *Device) Profile() error {
	if d.profile != nil {
		return nil
	}
	if !d.timestamps {
		return fmt.Errorf("gpu: %s %w", d.adapter.Name, ErrNoTimestamps)
	}
	p := &profiler{timings: map[[3]string]*Timing{}}
	err := d.call("profile", func() (err error) {
		p.set, err = d.dev.NewQuerySet("profile", maxQueries)
		return err
	})
	if err != nil {
		return fmt.Errorf("gpu: profile: %w", err)
	}
	p.resolve, err = d.newBuffer("timestamps", maxQueries*8, webgpu.QueryResolve|webgpu.CopySrc)
	if err == nil {
		p.staging, err = d.newBuffer("timestamps", maxQueries*8, stagingUsage)
	}
	if err == nil {
		err = p.calibrate(d)
	}
	if err != nil {
		p.release()
		return err
	}
	d.profile = p
	return nil
}

// calibrate measures the length of a tick with the host's clock, because the binding does not
// report it.
func (p *profiler) calibrate(d *Device) error {
	var ticks [2]uint64
	var at [2]time.Time
	for i := range ticks {
		err := d.encode(func(enc *webgpu.Encoder) {
			enc.Pass(p.set, 0).End()
			p.copyOut(enc, 2)
		})
		if err != nil {
			return err
		}
		d.Wait()
		at[i] = time.Now()
		var raw [4]uint32
		if err := d.readMapped(p.staging, piece{0, webgpu.Bytes(raw[:])}); err != nil {
			return err
		}
		ticks[i] = uint64(raw[2]) | uint64(raw[3])<<32
		if i == 0 {
			time.Sleep(50 * time.Millisecond)
		}
	}
	if ticks[1] <= ticks[0] {
		return errors.New("gpu: " + d.adapter.Name + ": timestamps do not advance")
	}
	p.period = float64(at[1].Sub(at[0])) / float64(ticks[1]-ticks[0])
	return nil
}

// copyOut copies the first n timestamps to the staging buffer.
func (p *profiler) copyOut(enc *webgpu.Encoder, n int) {
	enc.Resolve(p.resolve.h, p.set, n)
	enc.Copy(p.staging.h, 0, p.resolve.h, 0, int64(n*8))
}

func (p *profiler) dispatch(enc *webgpu.Encoder, parts []part) {
	for _, part := range parts {
		set, q := p.set, 2*len(p.pending)
		if q+2 <= maxQueries {
			p.pending = append(p.pending, part)
		} else {
			set = nil
		}
		pass := enc.Pass(set, q)
		part.dispatch(pass)
		pass.End()
	}
	if len(p.pending) > 0 {
		p.copyOut(enc, 2*len(p.pending))
	}
}

func (p *profiler) collect(d *Device) error {
	if len(p.pending) == 0 {
		return nil
	}
	raw := make([]uint32, 4*len(p.pending))
	if err := d.readMapped(p.staging, piece{0, webgpu.Bytes(raw)}); err != nil {
		return err
	}
	at := func(i int) uint64 { return uint64(raw[2*i]) | uint64(raw[2*i+1])<<32 }
	for i, part := range p.pending {
		if p.took += time.Duration(float64(at(2*i+1)-at(2*i)) * p.period); !part.last {
			continue
		}
		e := part.entry
		key := [3]string{e.layer, e.name, e.detail}
		t := p.timings[key]
		if t == nil {
			t = &Timing{Layer: e.layer, Kernel: e.name, Detail: e.detail, Flops: e.flops, Work: e.work}
			t.Bytes, t.Streams = e.moves()
			p.timings[key] = t
		}
		t.Count++
		t.Total += p.took
		if len(t.runs) < maxRuns {
			t.runs = append(t.runs, p.took)
		}
		p.took = 0
	}
	p.pending = p.pending[:0]
	return nil
}

// A tensor counts as a stream if it has at least 1/smallStream of the bytes of the largest.
const smallStream = 8

// moves returns the number of bytes that e reads and writes, each counted once, and the number of
// streams.
func (e *entry) moves() (bytes int64, streams int) {
	var each []int64
	for _, b := range e.binds {
		each = append(each, b.view.bytes)
		if b.access == "update" {
			each = append(each, b.view.bytes)
		}
	}
	largest := slices.Max(each)
	for _, n := range each {
		bytes += n
		if n*smallStream >= largest {
			streams++
		}
	}
	return cmp.Or(e.bytes, bytes), streams
}

func (p *profiler) release() {
	if p == nil {
		return
	}
	p.set.Release()
	p.resolve.Release()
	p.staging.Release()
}

// Timings returns the results of Profile, the most expensive dispatch first.
func (d *Device) Timings() []Timing {
	if d.profile == nil {
		return nil
	}
	var ts []Timing
	for _, t := range d.profile.timings {
		slices.Sort(t.runs)
		t.Min, t.Median = t.runs[0], t.runs[len(t.runs)/2]
		ts = append(ts, *t)
	}
	slices.SortFunc(ts, func(a, b Timing) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Kernel, b.Kernel),
			cmp.Compare(a.Detail, b.Detail))
	})
	return ts
}

// StopProfile ends Profile and forgets its results.
func (d *Device) StopProfile() {
	d.profile.release()
	d.profile = nil
}
