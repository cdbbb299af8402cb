package gpu

import (
	"errors"
	"fmt"

	"wgnin/gpu/internal/webgpu"
)

// Readback copies small views to the host some runs after they were written, so that the queue
// never runs empty. Call Run for each run, and Next once Full reports true.
type Readback struct {
	d     *Device
	src   []View
	at    []int64 // the offset of each view's copy in a slot
	slots []*Buffer
	head  int // oldest pending slot
	n     int // pending
}

// NewReadback makes a readback of the views in src that allows up to depth runs in flight. The
// caller releases it. Errors: an empty src, and those of [Device.NewBuffer].
func (d *Device) NewReadback(depth int, src ...View) (*Readback, error) {
	if len(src) == 0 {
		return nil, errors.New("gpu: readback without views; want at least one")
	}
	rb := &Readback{d: d, src: src}
	bytes := int64(0)
	for _, v := range src {
		rb.at = append(rb.at, bytes)
		bytes += roundUp(v.bytes, 8)
	}
	for i := range depth {
		b, err := d.newBuffer(fmt.Sprintf("readback %s %d", src[0].Label(), i), bytes, stagingUsage)
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

// Run submits the plans, as [Device.Run] does, and a copy of the views after them. Errors: those
// of [Device.Run], and a readback that is full.
func (rb *Readback) Run(plans ...*Plan) error {
	if rb.Full() {
		return errors.New("gpu: readback: all slots are pending; call Next first")
	}
	for _, v := range rb.src {
		if err := v.check(); err != nil {
			return err
		}
	}
	slot := (rb.head + rb.n) % len(rb.slots)
	err := rb.d.run(plans, func(enc *webgpu.Encoder) {
		for i, v := range rb.src {
			enc.Copy(rb.slots[slot].h, rb.at[i], v.buf.h, v.start(), v.bytes)
		}
	})
	if err != nil {
		return err
	}
	rb.n++
	return nil
}

// Next waits for the oldest pending run and copies the start of each view to its slice in dst,
// which may have fewer slices than there are views. Errors: no pending run, more slices than views,
// a slice longer than its view, and [ErrLost].
func (rb *Readback) Next(dst ...[]float32) error {
	if rb.n == 0 {
		return errors.New("gpu: readback: nothing is pending")
	}
	slot := rb.head
	rb.head = (rb.head + 1) % len(rb.slots)
	rb.n--
	if len(dst) > len(rb.src) {
		return fmt.Errorf("gpu: readback %s: %d slices for %d views", rb.src[0].Label(), len(dst), len(rb.src))
	}
	pieces := make([]piece, len(dst))
	for i, values := range dst {
		if v := rb.src[i]; int64(len(values))*4 > v.bytes {
			return fmt.Errorf("gpu: readback %s: %d values for a view of %d bytes", v.Label(), len(values), v.bytes)
		}
		pieces[i] = piece{rb.at[i], webgpu.Bytes(values)}
	}
	return rb.d.readMapped(rb.slots[slot], pieces...)
}

// Release frees the staging buffers. It may be called on nil.
func (rb *Readback) Release() {
	if rb == nil {
		return
	}
	for _, b := range rb.slots {
		b.Release()
	}
	rb.slots, rb.n = nil, 0
}
