//go:build !js

package webgpu

import (
	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// Encoder records commands. After an error it ignores further commands, and Submit returns the
// error.
type Encoder struct {
	d    *Device
	h    *wgpu.CommandEncoder
	err  error
	pass Pass // the open one, if any
}

// NewEncoder begins a recording. End it with Submit or Discard.
func (d *Device) NewEncoder() (*Encoder, error) {
	h, err := d.h.CreateCommandEncoder(nil)
	if err != nil {
		return nil, check(err)
	}
	return &Encoder{d: d, h: h}, nil
}

// Submit puts the commands into the queue and releases the encoder. It does not wait. If the device
// is lost, wgpu may abort the process here instead of returning an error.
func (e *Encoder) Submit() error {
	defer e.h.Release()
	if e.err != nil {
		return check(e.err)
	}
	cmd, err := e.h.Finish(nil)
	if err != nil {
		return check(err)
	}
	defer cmd.Release()
	e.d.queue.Submit(cmd)
	return nil
}

// Discard releases the encoder without submitting its commands.
func (e *Encoder) Discard() { e.h.Release() }

// Copy copies bytes from one buffer to another. The offsets and bytes must be multiples of 4.
func (e *Encoder) Copy(to *Buffer, toOffset int64, from *Buffer, fromOffset, bytes int64) {
	if e.err == nil {
		e.err = e.h.CopyBufferToBuffer(from.h, uint64(fromOffset), to.h, uint64(toOffset), uint64(bytes))
	}
}

// Resolve copies the first n timestamps of s to the start of a buffer, as 64-bit
// numbers.
func (e *Encoder) Resolve(to *Buffer, s *QuerySet, n int) {
	if e.err == nil {
		e.err = e.h.ResolveQuerySet(s.h, 0, uint32(n), to.h, 0)
	}
}

// Pass is a series of dispatches. Each sees what those before it wrote.
type Pass struct {
	e    *Encoder
	h    *wgpu.ComputePassEncoder
	push pusher
	set  *QuerySet // nil without timestamps
	end  uint32    // index of the timestamp for the end
}

// Pass begins a pass. If s is not nil, it receives the times of the pass's beginning and end as the
// timestamps first and first+1.
func (e *Encoder) Pass(s *QuerySet, first int) *Pass {
	e.timestamp(s, uint32(first))
	e.pass = Pass{e: e, h: e.h.BeginComputePass(nil), set: s, end: uint32(first) + 1}
	return &e.pass
}

func (e *Encoder) timestamp(s *QuerySet, i uint32) {
	if s != nil && e.err == nil {
		e.err = e.h.WriteTimestamp(s.h, i)
	}
}

// Dispatch runs x*y workgroups of p on the buffers of g.
func (p *Pass) Dispatch(pipeline *Pipeline, g *BindGroup, x, y uint32) {
	p.h.SetPipeline(pipeline.h)
	if len(pipeline.constants) > 0 {
		p.push.constants(p.h, pipeline.constants)
	}
	p.h.SetBindGroup(0, g.h, nil)
	p.h.DispatchWorkgroups(x, y, 1)
}

// End ends the pass. The encoder can be used again after it.
func (p *Pass) End() {
	if err := p.h.End(); err != nil && p.e.err == nil {
		p.e.err = err
	}
	p.h.Release()
	p.e.timestamp(p.set, p.end)
}
