package gpu

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"wgnin/gpu/internal/webgpu"
)

// A software Vulkan driver compiles a kernel to machine code when the queue first runs it, on the
// one thread of the queue, so the other cores are idle during a first step. To use them, other
// devices run the kernels too, starting with the last, in dispatches without workgroups. The driver
// caches the code on disk, where the queue finds it.

// warmer compiles kernels ahead of the queue.
type warmer struct {
	options Options         // of the device
	met     map[string]bool // by WGSL text
	devices []*Device       // see compilers
	done    sync.WaitGroup

	mu      sync.Mutex
	waiting []entry
	running int // goroutines, one for each device
}

// Fewer than minKernelsAhead kernels are not worth compiling ahead. If the first minKernelsAhead
// compile in less than cachedCompile each, the driver's cache is assumed to hold all of them.
const (
	minKernelsAhead = 4
	cachedCompile   = 30 * time.Millisecond
)

// CompileAhead begins to compile kernels that later plans will record. It saves time on software
// adapters of Vulkan; elsewhere it does nothing. [Recorder.Plan] compiles the kernels of its own
// plan ahead without this call.
func (d *Device) CompileAhead(ks []Ahead) {
	entries := make([]entry, len(ks))
	for i, k := range ks {
		entries[i] = k.entry
	}
	d.warm(entries)
}

// WaitAhead waits until no kernel is being compiled ahead. Call it before measuring time or memory.
func (d *Device) WaitAhead() { d.warmer.done.Wait() }

// warm begins to compile those kernels of entries that are new to the device, starting with the
// last.
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
	if w.running > 0 { // they take the new ones too
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

// run compiles waiting kernels on h until none is left.
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

// forget drops the waiting kernels; the queue will compile them.
func (w *warmer) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = nil
}

// close drops the waiting kernels, waits for those being compiled, and closes the devices.
func (w *warmer) close() {
	w.forget()
	w.done.Wait()
	for _, d := range w.devices {
		_ = d.Close() // it has no buffers
	}
}

// meet makes the driver compile e for its cache on disk, by a dispatch without workgroups. It keeps
// no pipeline.
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
