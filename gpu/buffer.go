package gpu

import (
	"errors"
	"fmt"

	"wgnin/gpu/internal/webgpu"
)

// Scalar is the set of element types that buffers can hold.
type Scalar interface{ ~float32 | ~uint32 | ~int32 }

// Bytes returns the bytes of data as they are in memory, without a copy.
func Bytes[T Scalar](data []T) []byte { return webgpu.Bytes(data) }

// Buffer is a labelled piece of device memory. Its size is a multiple of 16 bytes, so that it can
// be bound as an array of vec4.
type Buffer struct {
	d     *Device
	h     *webgpu.Buffer
	label string
	bytes int64
	base  int64 // where a temp starts in its arena
	temp  *temp // nil unless a plan places the memory
}

// View is a part of a buffer, and the type of a kernel's arguments. The zero View has no buffer.
type View struct {
	buf    *Buffer
	offset int64 // bytes, aligned to Limits.OffsetAlign
	bytes  int64
	err    error // reported where the view is used; see Slice
}

const (
	storageUsage = webgpu.Storage | webgpu.CopySrc | webgpu.CopyDst | webgpu.Uniform
	stagingUsage = webgpu.MapRead | webgpu.CopyDst
)

// NewBuffer allocates device memory, filled with zeros. The size in bytes is rounded up to a
// multiple of 16. The label names the buffer in errors and in printed plans. The caller releases
// the buffer.
//
// Errors: [ErrTooLarge] if the adapter allows no buffer of that size (Limits.MaxBufferBytes),
// [ErrOutOfMemory] if the device lacks the memory, and a size below 1.
func (d *Device) NewBuffer(label string, bytes int64) (*Buffer, error) {
	return d.newBuffer(label, bytes, storageUsage)
}

func (d *Device) newBuffer(label string, bytes int64, usage webgpu.Usage) (*Buffer, error) {
	if bytes <= 0 {
		return nil, fmt.Errorf("gpu: buffer %s: %d bytes; want at least 1", label, bytes)
	}
	if limit := d.adapter.Limits.MaxBufferBytes; bytes > limit/16*16 {
		return nil, fmt.Errorf("gpu: buffer %s: %d bytes; %s allows at most %d in one buffer: %w", label, bytes,
			d.adapter.Name, limit, ErrTooLarge)
	}
	bytes = roundUp(bytes, 16)
	if usage != stagingUsage || bytes > smallRead {
		if err := d.fits(bytes); err != nil {
			return nil, fmt.Errorf("gpu: buffer %s: %w", label, err)
		}
	}
	if d.dry {
		return d.opened(&Buffer{d: d, h: new(webgpu.Buffer), label: label, bytes: bytes}), nil
	}
	b := &Buffer{d: d, label: label, bytes: bytes}
	err := d.call("buffer", func() (err error) {
		b.h, err = d.dev.NewBuffer(label, bytes, usage)
		return err
	})
	if errors.Is(err, ErrOutOfMemory) {
		err = fmt.Errorf("%d bytes besides %d in other buffers of %s: %w", bytes, d.bytes.Load(), d.adapter.Name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("gpu: buffer %s: %w", label, err)
	}
	return d.opened(b), nil
}

// opened records b in the usage counters.
func (d *Device) opened(b *Buffer) *Buffer {
	d.buffers.Add(1)
	d.peak.Store(max(d.peak.Load(), d.bytes.Add(b.bytes)))
	return b
}

// Bytes returns the size of b in bytes.
func (b *Buffer) Bytes() int64 { return b.bytes }

// All returns the view of the whole buffer.
func (b *Buffer) All() View { return View{buf: b, bytes: b.bytes} }

// Slice returns the view of bytes of b, starting at offset, both in bytes. The offset must be a
// multiple of the adapter's Limits.OffsetAlign, and the view must lie in the buffer; otherwise its
// use is an error.
func (b *Buffer) Slice(offset, bytes int64) View { return b.All().Slice(offset, bytes) }

// Release frees the memory. It may be called twice, and on nil. Later uses of the buffer are
// errors.
func (b *Buffer) Release() {
	if b == nil || b.h == nil || b.temp != nil {
		return
	}
	if !b.d.dry {
		b.h.Release()
	}
	b.h = nil
	b.d.buffers.Add(-1)
	b.d.bytes.Add(-b.bytes)
}

// Slice returns the view of bytes of v, starting at offset in v; see [Buffer.Slice]. Using a slice
// that does not lie in v is an error, even if the slice lies in v's buffer.
func (v View) Slice(offset, bytes int64) View {
	s := View{v.buf, v.offset + offset, bytes, v.err}
	if s.err == nil && (offset < 0 || bytes <= 0 || bytes > v.bytes-offset) {
		s.err = fmt.Errorf("gpu: buffer %s: a slice of %d bytes from %d on, of a view of %d; want one inside it",
			v.Label(), bytes, offset, v.bytes)
	}
	return s
}

// IsZero reports whether v is the zero View, which has no buffer.
func (v View) IsZero() bool { return v.buf == nil }

// Bytes returns the size of v in bytes.
func (v View) Bytes() int64 { return v.bytes }

// Label returns the label of v's buffer, or "none".
func (v View) Label() string {
	if v.buf == nil {
		return "none"
	}
	return v.buf.label
}

var errReleased = errors.New("used after release")

// start returns the offset of v in the memory that holds its buffer.
func (v View) start() int64 { return v.buf.base + v.offset }

func (v View) binding() webgpu.Binding {
	return webgpu.Binding{Buffer: v.buf.h, Offset: v.start(), Bytes: v.bytes}
}

func (v View) check() error {
	switch {
	case v.buf == nil:
		return errors.New("gpu: no buffer given")
	case v.buf.h == nil:
		return fmt.Errorf("gpu: buffer %s: %w", v.buf.label, errReleased)
	case v.err != nil:
		return v.err
	case v.offset%v.buf.d.adapter.Limits.OffsetAlign != 0:
		return fmt.Errorf("gpu: buffer %s: offset %d is not a multiple of %d", v.buf.label, v.offset,
			v.buf.d.adapter.Limits.OffsetAlign)
	}
	return nil
}

// Write queues a copy of data to the start of v, in order with the runs before and after it. The
// caller may change data once Write returns. Errors: data longer than v, and a released buffer.
func Write[T Scalar](v View, data []T) error {
	if err := v.check(); err != nil {
		return err
	}
	n := int64(len(data)) * 4
	if n > v.bytes {
		return fmt.Errorf("gpu: buffer %s: write of %d bytes into a view of %d", v.buf.label, n, v.bytes)
	}
	if n == 0 || v.buf.d.dry {
		return nil
	}
	err := v.buf.d.call("write", func() error {
		return v.buf.h.Write(v.start(), webgpu.Bytes(data))
	})
	if err != nil {
		return fmt.Errorf("gpu: write %s: %w", v.buf.label, err)
	}
	return v.buf.d.wrote(n)
}

// maxWritten is the number of bytes that may be written before a submit. Until then wgpu holds a
// copy of them.
const maxWritten = 16 << 20

// wrote counts written bytes. Once there are maxWritten of them, it submits them and waits.
func (d *Device) wrote(bytes int64) error {
	if d.written += bytes; d.written < maxWritten {
		return nil
	}
	if err := d.encode(func(*webgpu.Encoder) {}); err != nil {
		return err
	}
	d.Wait()
	return nil
}

// Copy queues copies on the device, in order with the runs before and after it. Each copies a whole
// view to the start of another. Errors: a target that is smaller than its source or in the same
// buffer, and a released buffer.
func (d *Device) Copy(copies ...Copy) error {
	for _, c := range copies {
		if err := errors.Join(c.From.check(), c.To.check()); err != nil {
			return err
		}
		if c.To.bytes < c.From.bytes {
			return fmt.Errorf("gpu: copy of %s, %d bytes, to %s of %d", c.From.Label(), c.From.bytes,
				c.To.Label(), c.To.bytes)
		}
		if c.To.buf.h == c.From.buf.h {
			return fmt.Errorf("gpu: copy of %s to %s in the same memory", c.From.Label(), c.To.Label())
		}
	}
	return d.encode(func(enc *webgpu.Encoder) {
		for _, c := range copies {
			enc.Copy(c.To.buf.h, c.To.start(), c.From.buf.h, c.From.start(), c.From.bytes)
		}
	})
}

// Copy is a copy from one view to another.
type Copy struct{ From, To View }

// Read waits for the queue and fills dst with values from the start of v. Errors: dst longer than
// v, a released buffer, and [ErrLost].
func Read[T Scalar](v View, dst []T) error {
	if err := v.check(); err != nil {
		return err
	}
	d, n := v.buf.d, int64(len(dst))*4
	if n > v.bytes {
		return fmt.Errorf("gpu: buffer %s: read of %d bytes from a view of %d", v.buf.label, n, v.bytes)
	}
	if n == 0 {
		return nil
	}
	staging, err := d.newBuffer("read "+v.buf.label, n, stagingUsage)
	if err != nil {
		return err
	}
	defer staging.Release()
	err = d.encode(func(enc *webgpu.Encoder) { enc.Copy(staging.h, 0, v.buf.h, v.start(), n) })
	if err != nil {
		return err
	}
	return d.readMapped(staging, piece{0, webgpu.Bytes(dst)})
}

// piece is a part of a buffer to copy to dst. Its offset is a multiple of 8.
type piece struct {
	offset int64
	dst    []byte
}

// readMapped maps b, which waits for the work that writes to it, and copies pieces of it.
func (d *Device) readMapped(b *Buffer, pieces ...piece) error {
	err := d.call("map", func() error {
		if err := b.h.Map(); err != nil {
			return err
		}
		var err error
		d.poll(func(bool) (done bool) {
			done, err = b.h.Mapped()
			return done
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("gpu: map %s: %w", b.label, err)
	}
	for _, p := range pieces {
		b.h.Read(p.offset, p.dst)
		d.readBytes.Add(int64(len(p.dst)))
	}
	d.reads.Add(1)
	return d.call("unmap", b.h.Unmap)
}

func roundUp(v, to int64) int64 { return (v + to - 1) / to * to }
