package webgpu

import "syscall/js"

// Buffer is memory of a device.
type Buffer struct {
	object
	mapping bool  // a mapping is pending
	err     error // of the last mapping
}

// NewBuffer allocates zeroed memory. The size must be a multiple of 4 bytes.
func (d *Device) NewBuffer(label string, bytes int64, usage Usage) (*Buffer, error) {
	h, err := d.create("createBuffer", map[string]any{"label": label, "size": bytes, "usage": int(usage)})
	if err != nil {
		return nil, err
	}
	return &Buffer{object: d.number(h)}, nil
}

// Release frees the memory at once.
func (b *Buffer) Release() {
	b.h.Call("destroy")
	b.object.Release()
}

// maxChunk is the number of bytes that are written at a time. JavaScript gets a copy of them.
const maxChunk = 1 << 20

// Write queues a copy of data to the buffer. The caller may change data afterwards. If WebGPU
// refuses the write, a later call returns the error.
func (b *Buffer) Write(offset int64, data []byte) error {
	if err := b.d.failed(); err != nil {
		return err
	}
	for len(data) > 0 {
		n := min(len(data), maxChunk)
		js.CopyBytesToJS(b.d.glue.Call("room", n), data[:n])
		if err := thrown(b.d.glue.Call("write", b.h, offset, n)); err != nil {
			return err
		}
		offset, data = offset+int64(n), data[n:]
	}
	b.d.busy = true
	return nil
}

// thrown returns the error of a function of glue.js. text is what the function returned: the
// error's text, or undefined.
func thrown(text js.Value) error {
	if text.IsUndefined() {
		return nil
	}
	return check(text.String())
}

// Map begins to map the buffer, which must have the usage MapRead. The mapping completes once the
// work in the queue is done. It makes progress in Device.Poll.
func (b *Buffer) Map() error {
	if err := b.d.failed(); err != nil {
		return err
	}
	if b.mapping {
		return &Error{"the buffer is already being mapped"}
	}
	b.mapping, b.err = true, nil
	b.d.glue.Call("map", b.h, b.d.ask(func(err error) { b.mapping, b.err = false, err }))
	return nil
}

// Mapped reports whether the mapping that Map began is done. If it has failed, Mapped returns true
// and the error. It also returns errors of earlier commands.
func (b *Buffer) Mapped() (done bool, err error) {
	if b.mapping && !b.d.lost {
		return false, nil
	}
	if err := b.d.failed(); err != nil {
		if b.err == nil {
			b.h.Call("unmap")
		}
		return true, err
	}
	return true, b.err
}

// Read fills dst with bytes of a mapped buffer, starting at offset, a multiple of 8. No byte can be
// read twice in one mapping.
func (b *Buffer) Read(offset int64, dst []byte) {
	if len(dst) > 0 {
		js.CopyBytesToGo(dst, b.d.glue.Call("read", b.h, offset, (len(dst)+3)/4*4))
	}
}

// Unmap ends the mapping, so that the queue can use the buffer again.
func (b *Buffer) Unmap() error {
	b.h.Call("unmap")
	return nil
}
