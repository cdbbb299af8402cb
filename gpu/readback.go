package gpu

import (
	"errors"
	"fmt"

	"wgnin/gpu/internal/webgpu"
)

// Readback copies a small buffer to the host some runs after it was written, so that the queue
// never runs empty: call Run for each run, and Next once Full reports true.
type Readback struct {
	d     *Device
	src   View
	slots []*Buffer
	head  int // oldest pending slot
	n     int // pending
}

// NewReadback makes a readback of src that allows up to depth runs in flight. The caller releases
// it. Errors: those of [Device.NewBuffer].
func (d *Device) NewReadback(src View, depth int) (*Readback, error) {
	rb := &Readback{d: d, src: src}
	for i := range depth {
		b, err := d.newBuffer(fmt.Sprintf("readback %s %d", src.Label(), i), src.bytes, stagingUsage)
		if err != nil {
			rb.Release()
			return nil, err
		}
		rb.slots = append(rb.slots, b)
	}
	return rb, nil
}

// Pending returns the number of runs whose values Next has not returned yet.
func (rb *Readback) Pending() int { return rb.n }

// Full reports whether Next must be called before Run.
func (rb *Readback) Full() bool { return rb.n == len(rb.slots) }

// Run submits the plans, as [Device.Run] does, and a copy of the source after them. Errors: those
// of [Device.Run], and a readback that is full.
func (rb *Readback) Run(plans ...*Plan) error {
	if rb.Full() {
		return errors.New("gpu: readback: all slots are pending; call Next first")
	}
	if err := rb.src.check(); err != nil {
		return err
	}
	slot := (rb.head + rb.n) % len(rb.slots)
	err := rb.d.run(plans, func(enc *webgpu.Encoder) {
		enc.Copy(rb.slots[slot].h, 0, rb.src.buf.h, rb.src.start(), rb.src.bytes)
	})
	if err != nil {
		return err
	}
	rb.n++
	return nil
}

// Next waits for the oldest pending run and copies its values to dst. Errors: nothing pending, dst
// longer than the source, and [ErrLost].
func (rb *Readback) Next(dst []float32) error {
	if rb.n == 0 {
		return errors.New("gpu: readback: nothing is pending")
	}
	slot := rb.head
	rb.head = (rb.head + 1) % len(rb.slots)
	rb.n--
	if int64(len(dst))*4 > rb.src.bytes {
		return fmt.Errorf("gpu: readback %s: %d values of %d bytes", rb.src.Label(), len(dst), rb.src.bytes)
	}
	return rb.d.readMapped(rb.slots[slot], webgpu.Bytes(dst))
}

// Release gives the staging buffers back. It may be called on nil.
func (rb *Readback) Release() {
	if rb == nil {
		return
	}
	for _, b := range rb.slots {
		b.Release()
	}
	rb.slots, rb.n = nil, 0
}
