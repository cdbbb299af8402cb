package gpu

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"wgnin/gpu/internal/webgpu"
)

// Device is an open adapter with its queue. Only one goroutine at a time may use it. A program
// should open a single device, because the software driver never frees all memory of one.
type Device struct {
	instance *webgpu.Instance
	dev      *webgpu.Device
	handle   *webgpu.Adapter
	adapter  Adapter
	missed   string // see MissedGPU
	surface  *Surface
	idle     func() // of Options

	compiling func(kernel string, done, all int) // of Options

	pipelines  map[string]*pipeline // by WGSL text
	buffers    atomic.Int64         // open buffers
	bytes      atomic.Int64         // in open buffers
	timestamps bool
	broadcast  bool
	profile    *profiler
	warmer     warmer
	reads      atomic.Int64 // see Reads
	readBytes  atomic.Int64
	dry        bool // see Dry
	fault      func(call string) error
	lost       bool
	maxSubmit  time.Duration // see Options.MaxSubmit; 0 if unlimited
	batch      []part        // reused by run
	peak       atomic.Int64  // the most bytes in open buffers
	written    int64         // bytes written since the last submit
}

// Open opens the adapter that opt chooses, with that adapter's own limits. The caller closes the
// device.
//
// Errors: [ErrNoAdapter] if no adapter can run kernels, or if none matches Options.Adapter, with a
// list of the adapters; [ErrNoPresent] if no adapter can draw in Options.Window; and errors of the
// driver.
func Open(opt Options) (_ *Device, err error) {
	d := &Device{instance: webgpu.NewInstance(), pipelines: map[string]*pipeline{}, idle: opt.Idle,
		compiling: opt.Compiling, fault: opt.Fault}
	d.warmer.met = map[string]bool{}
	defer func() {
		if err != nil {
			d.surface.release()
			d.release()
		}
	}()
	if opt.Window != nil {
		d.surface = &Surface{d: d, h: d.instance.NewSurface(opt.Window)}
	}
	if err := d.choose(opt); err != nil {
		return nil, err
	}
	if d.maxSubmit = opt.MaxSubmit; d.maxSubmit == 0 && d.adapter.Class != Software {
		d.maxSubmit = watchdog
	}
	d.warmer.options = Options{Adapter: d.adapter.ID(), Portable: opt.Portable}
	d.timestamps = d.handle.Info.Timestamps
	d.broadcast = d.adapter.wantsBroadcast() && !opt.Portable && d.handle.Info.ConstantBytes >= len(digitValues)*4
	err = d.call("open", func() (err error) {
		d.dev, err = d.handle.Open("nin", webgpu.Features{Timestamps: d.timestamps, Constants: d.broadcast})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("gpu: open %s: %w", d.adapter.Name, err)
	}
	if d.broadcast {
		if d.broadcast, err = d.readsDigits(); err != nil {
			return nil, err
		}
	}
	if err = d.surface.open(); err != nil {
		return nil, err
	}
	return d, nil
}

// choose sets the adapter that opt asks for. If there is a window, it considers only adapters that
// can draw in it.
func (d *Device) choose(opt Options) error {
	all := enumerate(d.instance)
	if d.surface != nil && len(all) > 0 {
		all = slices.DeleteFunc(all, func(c candidate) bool {
			able := len(d.surface.h.Formats(c.handle)) > 0
			if !able {
				c.handle.Release()
			}
			return !able
		})
		if len(all) == 0 {
			return ErrNoPresent
		}
	}
	infos := make([]Adapter, len(all))
	for i, c := range all {
		infos[i] = c.info
	}
	d.missed = MissedGPU(infos)
	pick, err := choose(infos, opt.Adapter)
	for i, c := range all {
		if err != nil || i != pick {
			c.handle.Release()
		}
	}
	if err == nil {
		d.adapter, d.handle = all[pick].info, all[pick].handle
	}
	return err
}

// Adapter returns the adapter of the device.
func (d *Device) Adapter() Adapter { return d.adapter }

// MissedGPU returns the result of the function [MissedGPU] for the adapters that were found when
// the device was opened.
func (d *Device) MissedGPU() string { return d.missed }

// Usage returns the number of open buffers and the bytes in them.
func (d *Device) Usage() (buffers int, bytes int64) {
	return int(d.buffers.Load()), d.bytes.Load()
}

// Peak returns the most bytes that were in open buffers at one time since the last call.
func (d *Device) Peak() int64 { return d.peak.Swap(d.bytes.Load()) }

// Reads returns how often data was copied to the host, and how many bytes in total.
func (d *Device) Reads() (times, bytes int64) { return d.reads.Load(), d.readBytes.Load() }

// Close waits for the queue and releases the device. It may be called twice, and on nil. It returns
// an error if buffers are still open, with their number. It does not release a lost device, because
// wgpu would abort the process.
func (d *Device) Close() error {
	if d == nil || d.dev == nil {
		return nil
	}
	d.warmer.close()
	d.Wait()
	d.profile.release()
	d.surface.release()
	n, bytes := d.Usage()
	d.release()
	if n > 0 {
		return fmt.Errorf("gpu: closed with %d buffers (%d bytes) still open", n, bytes)
	}
	return nil
}

// release releases everything but the surface. It is safe on a partly opened device.
func (d *Device) release() {
	if d.lost {
		d.dev = nil
		return
	}
	if d.dev != nil {
		for _, p := range d.pipelines {
			p.h.Release()
		}
		d.dev.Release()
	}
	if d.handle != nil {
		d.handle.Release()
	}
	d.instance.Release()
	d.dev = nil
}

// Wait returns when all submitted work is done.
func (d *Device) Wait() { d.poll(func(idle bool) bool { return idle }) }

// poll lets the device make progress until done reports true. It passes done whether the queue is
// empty.
func (d *Device) poll(done func(idle bool) bool) {
	if d.dry || d.lost {
		return
	}
	start, pause := time.Now(), time.Duration(0)
	for !done(d.dev.Poll(pause)) {
		if pause == time.Millisecond && d.idle != nil {
			d.idle()
		}
		pause = min(max(time.Since(start)/32, 10*time.Microsecond), time.Millisecond)
	}
}
