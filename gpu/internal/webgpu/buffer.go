//go:build !js

package webgpu

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// From webgpu.h. The binding's own MapAsync passes C the address of a Go variable that nothing
// keeps alive, and its callback reads the variable later.
extern void wgpuBufferMapAsync(void *buffer, uint32_t mode, size_t offset, size_t size,
	void (*callback)(int32_t status, void *userdata), void *userdata);
extern void wgpuDevicePushErrorScope(void *device, int32_t filter);
extern void wgpuDevicePopErrorScope(void *device,
	void (*callback)(int32_t type, char const *message, void *userdata), void *userdata);

// mapping is allocated by C, so that it stays in place until the callback.
typedef struct {
	int32_t status; // -1 while it is pending
	char *refused;  // a message, or null
} mapping;

static void mapped(int32_t status, void *m) {
	((mapping *)m)->status = status;
}

static void refused(int32_t type, char const *message, void *m) {
	if (type != 0) {
		((mapping *)m)->refused = strdup(message);
	}
}

static void map_read(void *buffer, void *device, size_t size, mapping *m) {
	m->status = -1;
	m->refused = NULL;
	wgpuDevicePushErrorScope(device, 0);
	wgpuBufferMapAsync(buffer, 1, 0, size, mapped, m);
	wgpuDevicePopErrorScope(device, refused, m);
}
*/
import "C"

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// Buffer is memory of a device.
type Buffer struct {
	d     *Device
	h     *wgpu.Buffer
	bytes int64
	m     *C.mapping // nil before the first Map
}

// NewBuffer allocates zeroed memory. The size must be a multiple of 4 bytes.
func (d *Device) NewBuffer(label string, bytes int64, usage Usage) (*Buffer, error) {
	h, err := d.h.CreateBuffer(&wgpu.BufferDescriptor{Label: label, Size: uint64(bytes),
		Usage: wgpu.BufferUsage(usage)})
	if err != nil {
		return nil, check(err)
	}
	return &Buffer{d: d, h: h, bytes: bytes}, nil
}

// Release frees the memory at once.
func (b *Buffer) Release() {
	b.h.Destroy() // Release alone only drops the handle
	b.h.Release()
	if b.m != nil && b.m.status != pending { // wgpu has yet to write to a pending one
		C.free(unsafe.Pointer(b.m))
	}
	b.m = nil
}

// Write queues a copy of data to the buffer. The caller may change data afterwards.
func (b *Buffer) Write(offset int64, data []byte) error {
	return check(b.d.queue.WriteBuffer(b.h, uint64(offset), data))
}

// The statuses of a mapping: WGPUBufferMapAsyncStatus of webgpu.h.
const (
	pending        = -1
	statusSuccess  = 0
	statusLost     = 3
	statusDropped  = 4 // the buffer was destroyed
	statusUnmapped = 5
)

// Map begins to map the buffer, which must have the usage MapRead. The mapping completes once the
// work in the queue is done. It makes progress in Device.Poll.
func (b *Buffer) Map() error {
	if b.m == nil {
		b.m = (*C.mapping)(C.malloc(C.sizeof_mapping))
	} else if b.m.status == pending {
		return &Error{"the buffer is already being mapped"}
	}
	C.map_read(pointerAt(unsafe.Pointer(b.h), bufferRef), pointerAt(unsafe.Pointer(b.h), bufferDevice),
		C.size_t(b.bytes), b.m)
	if b.m.refused != nil {
		text := C.GoString(b.m.refused)
		C.free(unsafe.Pointer(b.m.refused))
		b.m.refused = nil
		return check(errors.New(text))
	}
	return nil
}

// Mapped reports whether the mapping that Map began is done. If it has failed, Mapped returns true
// and the error.
func (b *Buffer) Mapped() (done bool, err error) {
	switch b.m.status {
	case pending:
		return false, nil
	case statusSuccess:
		return true, nil
	case statusLost:
		return true, ErrLost
	case statusDropped, statusUnmapped:
		return true, &Error{"the buffer was released before it was mapped"}
	}
	return true, &Error{"the buffer could not be mapped"}
}

// Read fills dst with bytes of a mapped buffer, starting at offset, a multiple of 8. No byte can be
// read twice in one mapping.
func (b *Buffer) Read(offset int64, dst []byte) {
	copy(dst, b.h.GetMappedRange(0, uint(b.bytes))[offset:])
}

// Unmap ends the mapping, so that the queue can use the buffer again.
func (b *Buffer) Unmap() error { return check(b.h.Unmap()) }

// The offsets of the C pointers in the binding's Buffer.
var (
	bufferRef    = offset[wgpu.Buffer]("ref")
	bufferDevice = offset[wgpu.Buffer]("deviceRef")
)

// offset returns the offset of an unexported field in one of the binding's structs.
func offset[T any](field string) uintptr {
	t := reflect.TypeFor[T]()
	f, ok := t.FieldByName(field)
	if !ok || f.Type.Kind() != reflect.Pointer {
		panic("webgpu: this version of the binding has another " + t.String())
	}
	return f.Offset
}

// pointerAt returns the pointer at an offset in a struct.
func pointerAt(object unsafe.Pointer, offset uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(object, offset))
}
