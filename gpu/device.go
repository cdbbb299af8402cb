package gpu

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// Device is an open adapter with its queue. It is used from one goroutine at a
// time. Each device costs the software driver memory that it never gives back,
// so a program opens one.
type Device struct {
	instance *wgpu.Instance
	dev      *wgpu.Device
	queue    *wgpu.Queue
	adapter  Adapter

	pipelines  map[string]*pipeline // by WGSL text
	buffers    atomic.Int64         // open buffers
	bytes      atomic.Int64         // in open buffers
	timestamps bool
	broadcast  bool
	profile    *profiler
	reads      atomic.Int64 // see Reads
	readBytes  atomic.Int64
	dry        bool         // see Dry
	peak       atomic.Int64 // the most bytes in open buffers
}

// Open opens the adapter that opt chooses, with that adapter's own limits.
func Open(opt Options) (*Device, error) {
	in := newInstance()
	all := enumerate(in)
	infos := make([]Adapter, len(all))
	for i, c := range all {
		infos[i] = c.info
	}
	defer func() {
		for _, c := range all {
			c.handle.Release()
		}
	}()
	pick, err := choose(infos, opt.Adapter)
	if err != nil {
		in.Release()
		return nil, err
	}
	h := all[pick].handle
	desc := &wgpu.DeviceDescriptor{
		Label:          "nin",
		RequiredLimits: &wgpu.RequiredLimits{Limits: h.GetLimits().Limits},
	}
	timestamps := h.HasFeature(wgpu.FeatureName_TimestampQuery)
	if timestamps {
		desc.RequiredFeatures = []wgpu.FeatureName{wgpu.FeatureName_TimestampQuery}
	}
	info := all[pick].info
	broadcast := info.wantsBroadcast() && !opt.Portable && h.HasFeature(wgpu.NativeFeature_PushConstants) &&
		desc.RequiredLimits.Limits.MaxPushConstantSize >= digitsBytes
	if broadcast {
		desc.RequiredFeatures = append(desc.RequiredFeatures, wgpu.NativeFeature_PushConstants)
	}
	dev, err := h.RequestDevice(desc)
	if err != nil {
		in.Release()
		return nil, fmt.Errorf("gpu: open %s: %w", info.Name, err)
	}
	d := &Device{
		instance: in, dev: dev, queue: dev.GetQueue(), adapter: info,
		pipelines: map[string]*pipeline{}, timestamps: timestamps, broadcast: broadcast,
	}
	if broadcast {
		d.broadcast = d.checkBroadcast() == nil
	}
	return d, nil
}

// Adapter describes the device.
func (d *Device) Adapter() Adapter { return d.adapter }

// Usage is the number of open buffers and the bytes in them.
func (d *Device) Usage() (buffers int, bytes int64) {
	return int(d.buffers.Load()), d.bytes.Load()
}

// Peak is the most bytes that were in open buffers at a time since the last
// call.
func (d *Device) Peak() int64 { return d.peak.Swap(d.bytes.Load()) }

// Reads is how often something was brought to the host, and how many bytes in
// all.
func (d *Device) Reads() (times, bytes int64) { return d.reads.Load(), d.readBytes.Load() }

// Close waits for the queue and gives everything back. An error names buffers
// that are still open.
func (d *Device) Close() error {
	if d == nil || d.dev == nil {
		return nil
	}
	d.Wait()
	for _, p := range d.pipelines {
		p.release()
	}
	d.profile.release()
	n, bytes := d.Usage()
	d.queue.Release()
	d.dev.Release()
	d.instance.Release()
	d.dev = nil
	if n > 0 {
		return fmt.Errorf("gpu: closed with %d buffers (%d bytes) still open", n, bytes)
	}
	return nil
}

// Wait returns when all that was submitted is done.
func (d *Device) Wait() { d.poll(func(idle bool) bool { return idle }) }

// poll lets the device make progress until done, which is told whether the
// queue is empty, says so. It never asks wgpu to wait: a wait that takes longer
// than five seconds is taken for done, and memory in use is given back.
func (d *Device) poll(done func(idle bool) bool) {
	if d.dry {
		return
	}
	start := time.Now()
	for !done(d.dev.Poll(false, nil)) {
		time.Sleep(min(max(time.Since(start)/32, 10*time.Microsecond), time.Millisecond))
	}
}
