package webgpu

import "syscall/js"

// Encoder records commands as numbers, which glue.js reads.
type Encoder struct {
	d       *Device
	numbers []float64
	pass    Pass
}

// The first number of each command, in the order of glue.js.
const (
	beginPass = iota
	dispatch
	endPass
	copyBuffer
	resolve
	draw
	copyTexture
)

// NewEncoder begins a recording. End it with Submit or Discard.
func (d *Device) NewEncoder() (*Encoder, error) {
	if err := d.failed(); err != nil {
		return nil, err
	}
	e := &Encoder{d: d, numbers: d.numbers[:0]}
	d.numbers = nil
	return e, nil
}

// Submit puts the commands into the queue and releases the encoder. It does not wait. It returns an
// error for arguments that are not numbers of the right kind; a later call of the device returns
// other errors.
func (e *Encoder) Submit() error {
	defer e.Discard()
	if err := e.d.failed(); err != nil {
		return err
	}
	js.CopyBytesToJS(e.d.glue.Call("room", len(e.numbers)*8), Bytes(e.numbers))
	e.d.busy = true
	return thrown(e.d.glue.Call("submit", len(e.numbers)))
}

// Discard releases the encoder without submitting its commands.
func (e *Encoder) Discard() { e.d.numbers = e.numbers }

func (e *Encoder) add(numbers ...float64) { e.numbers = append(e.numbers, numbers...) }

// id returns the number of the object in commands.
func (o object) id() float64 { return float64(o.n) }

// Copy copies bytes from one buffer to another. The offsets and bytes must be multiples of 4.
func (e *Encoder) Copy(to *Buffer, toOffset int64, from *Buffer, fromOffset, bytes int64) {
	e.add(copyBuffer, from.id(), float64(fromOffset), to.id(), float64(toOffset), float64(bytes))
}

// Resolve copies the first n timestamps of s to the start of a buffer, as 64-bit
// numbers.
func (e *Encoder) Resolve(to *Buffer, s *QuerySet, n int) {
	e.add(resolve, s.id(), float64(n), to.id())
}

// Pass is a series of dispatches. Each sees what those before it wrote.
type Pass struct{ e *Encoder }

// Pass begins a pass. If s is not nil, it receives the times of the pass's beginning and end as the
// timestamps first and first+1.
func (e *Encoder) Pass(s *QuerySet, first int) *Pass {
	var set float64 // 0 stands for no object
	if s != nil {
		set = s.id()
	}
	e.add(beginPass, set, float64(first))
	e.pass = Pass{e}
	return &e.pass
}

// Dispatch runs x*y workgroups of p on the buffers of g.
func (p *Pass) Dispatch(pipeline *Pipeline, g *BindGroup, x, y uint32) {
	p.e.add(dispatch, pipeline.id(), g.id(), float64(x), float64(y))
}

// End ends the pass. The encoder can be used again after it.
func (p *Pass) End() { p.e.add(endPass) }
