package gpu

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"wgnin/gpu/internal/webgpu"
)

// A software driver of Vulkan compiles a kernel to machine code when it first meets it, on
// the one thread of its queue, which leaves the other cores idle through a first
// step. So other devices meet the kernels too, the last first, in dispatches of
// no workgroup; the code goes to the driver's cache on disk, where the queue
// finds it.

// warmer compiles kernels ahead of the queue.
type warmer struct {
	options Options         // of the device
	met     map[string]bool // by WGSL text
	devices []*Device       // one for each other core
	done    sync.WaitGroup

	mu      sync.Mutex
	waiting []entry
	running int // goroutines, one a device
}

// Below minKernelsAhead kernels, compiling ahead is not worth it. If the first
// minKernelsAhead compile within cachedCompile each, the driver's cache has them, and
// the others too.
const (
	minKernelsAhead = 4
	cachedCompile   = 30 * time.Millisecond
)

// CompileAhead begins to compile kernels that will be recorded in plans of their own. It saves time
// on Vulkan's software adapters; elsewhere it does nothing. The kernels of one plan need no such
// call.
func (d *Device) CompileAhead(ks []Ahead) {
	entries := make([]entry, len(ks))
	for i, k := range ks {
		entries[i] = k.entry
	}
	d.warm(entries)
}

// WaitAhead returns when no kernel is being compiled ahead, for measurements of time and memory.
func (d *Device) WaitAhead() { d.warmer.done.Wait() }

// warm begins to compile the kernels of entries that the device has not met.
func (d *Device) warm(entries []entry) {
	w := &d.warmer
	if !d.adapter.compilesInQueue() || d.dry {
		return
	}
	var fresh []entry
	for _, e := range slices.Backward(entries) {
		if !w.met[e.text] {
			w.met[e.text] = true
			fresh = append(fresh, e)
		}
	}
	if len(fresh) < minKernelsAhead {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, fresh...)
	if w.running > 0 { // they go on with what waits
		return
	}
	for len(w.devices) < d.compilers(runtime.GOMAXPROCS(0)) {
		h, err := Open(w.options)
		if err != nil {
			return // the queue compiles them itself
		}
		w.devices = append(w.devices, h)
	}
	for _, h := range w.devices {
		w.running++
		w.done.Add(1)
		go w.run(h)
	}
}

// run compiles what waits on h.
func (w *warmer) run(h *Device) {
	defer w.done.Done()
	start := time.Now()
	for n := 1; ; n++ {
		e, ok := w.next()
		if !ok {
			return
		}
		if h.meet(&e) != nil || n == minKernelsAhead && time.Since(start) < minKernelsAhead*cachedCompile {
			w.forget()
		}
	}
}

func (w *warmer) next() (e entry, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.running--
		return e, false
	}
	e, w.waiting = w.waiting[0], w.waiting[1:]
	return e, true
}

// forget leaves what waits to the queue.
func (w *warmer) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = nil
}

// close waits until nothing is compiled.
func (w *warmer) close() {
	w.forget()
	w.done.Wait()
	for _, d := range w.devices {
		_ = d.Close() // it has no buffers
	}
}

// meet makes the driver compile e, but runs none of it, and keeps nothing: the
// code is in the driver's cache.
func (d *Device) meet(e *entry) error {
	in, err1 := d.NewBuffer("in", 256)
	out, err2 := d.NewBuffer("out", 256)
	defer in.Release()
	defer out.Release()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	p, err := d.pipeline(e, e.text)
	if err != nil {
		return err
	}
	defer func() {
		p.h.Release()
		delete(d.pipelines, e.text)
	}()
	bindings := make([]webgpu.Binding, len(e.binds))
	for i, b := range e.binds {
		buf := in
		if b.writes() {
			buf = out
		}
		bindings[i] = buf.All().binding()
	}
	if e.sizes != nil {
		bindings = append(bindings, in.All().binding())
	}
	g, err := p.h.Bind(e.name, bindings)
	if err != nil {
		return err
	}
	defer g.Release()
	err = d.submit(part{pipeline: p, group: g, x: 0, y: 1})
	d.Wait()
	return err
}
