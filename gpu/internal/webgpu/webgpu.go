// Package webgpu wraps the WebGPU calls that package gpu needs in a small Go API. Only this package
// of gpu imports a WebGPU library and contains unsafe code.
//
// There are two implementations: over wgpu-native, and for GOOS=js over the browser's
// navigator.gpu, in a page or a worker. They have this in common:
//
//   - No call waits for the GPU. [Buffer.Map] begins a mapping, [Buffer.Mapped]
//     reports whether it is done, and [Device.Poll] lets the device make progress for
//     a limited time, in which a browser runs its event loop.
//   - Calls that are promises in a browser park the goroutine: [Instance.Adapters],
//     [Adapter.Open], [Pipeline.Wait], and functions that make buffers. So a callback of the page
//     must not call them, but start a goroutine that does.
//   - [Device.NewPipeline] may return before the shader is compiled. [Pipeline.Wait] waits
//     for that, and must have returned nil before an [Encoder] that dispatches the pipeline
//     is submitted. Browsers compile all pipelines that were begun, on threads of their own.
//   - Mistakes in the commands of an [Encoder] are reported by [Encoder.Submit]. A browser
//     finds most of them, and of those in writes and bindings, later: the next call that
//     submits, writes or maps returns them, or [Buffer.Mapped] at the latest.
//
// Release each object explicitly, and once. Only one goroutine at a time may use a device and its
// objects. Devices are independent of each other.
package webgpu

import (
	"errors"
	"unsafe"
)

// The kinds of errors, for [errors.Is]. ErrLost and ErrOutOfMemory are returned unwrapped;
// ErrValidation is wrapped by an [Error].
var (
	// ErrLost reports that the driver has given the device up. All later calls on the device are
	// useless.
	ErrLost = errors.New("the device is lost")
	// ErrOutOfMemory reports that the adapter has no memory for an object.
	ErrOutOfMemory = errors.New("out of memory")
	// ErrValidation reports arguments that WebGPU or the driver refuses.
	ErrValidation = errors.New("refused by WebGPU")
)

// Error reports a call that was refused. It wraps [ErrValidation].
type Error struct {
	Text string // one line
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns [ErrValidation].
func (e *Error) Unwrap() error { return ErrValidation }

// Processor is the kind of an adapter's processor.
type Processor int

// The kinds of processors.
const (
	UnknownProcessor Processor = iota
	DiscreteGPU
	IntegratedGPU
	CPU
)

// Info describes an adapter.
type Info struct {
	Name      string
	Driver    string // driver and version, or empty
	Backend   string // vulkan, metal, d3d12 or webgpu
	Compiler  string // of d3d12: FXC; otherwise empty
	Vendor    uint32 // PCI vendor, or 0
	Processor Processor
	Limits    Limits

	Timestamps    bool // whether passes can be timed
	ConstantBytes int  // most bytes of Shader.Constants; 0 if there can be none
}

// Limits are the limits of an adapter, and of a device opened on it.
type Limits struct {
	BufferBytes    uint64 // of a buffer
	StorageBytes   uint64 // of a storage binding
	UniformBytes   uint64 // of a uniform binding
	OffsetAlign    uint32 // of a binding's offset
	StorageBuffers uint32 // of a pipeline
	Groups         uint32 // in one dimension of a dispatch
	GroupSize      uint32 // invocations of a workgroup
	SharedBytes    uint32 // workgroup memory
	TextureSide    uint32 // of a texture
}

// Features are the optional features that a device is opened with.
type Features struct {
	Timestamps bool // see Info.Timestamps
	Constants  bool // see Info.ConstantBytes
}

// Usage is a set of uses of a buffer. Its bits have the values of the WebGPU standard.
type Usage uint32

// The uses of a buffer.
const (
	MapRead      Usage = 0x1
	CopySrc      Usage = 0x4
	CopyDst      Usage = 0x8
	Uniform      Usage = 0x40
	Storage      Usage = 0x80
	QueryResolve Usage = 0x200
)

// BindingType is how a shader uses a buffer that is bound to it.
type BindingType int

// The types of bindings.
const (
	StorageBinding         BindingType = iota // read and written
	ReadOnlyStorageBinding                    // only read
	UniformBinding
)

// Binding is the part of a buffer that is bound at an index.
type Binding struct {
	Buffer        *Buffer
	Offset, Bytes int64
}

// Shader describes a compute pipeline.
type Shader struct {
	Label    string
	WGSL     string        // with an entry point main
	Bindings []BindingType // @group(0) @binding(0), 1 and so on
	// Constants are push constants for each dispatch. They need a device opened with
	// Features.Constants. The slice is not copied.
	Constants []uint32
}

// Drawing describes a render pipeline that draws triangles, without vertex buffers.
type Drawing struct {
	Label            string
	WGSL             string
	Vertex, Fragment string        // entry points
	Bindings         []BindingType // of the fragment shader: @group(0) @binding(0), 1 and so on
	Format           Format        // of the texture
}

// Format is the format of a texture's pixels, named as in the WebGPU standard.
type Format string

// The formats of windows, with 8 bits for each channel.
const (
	BGRA8     Format = "bgra8unorm"
	RGBA8     Format = "rgba8unorm"
	BGRA8SRGB Format = "bgra8unorm-srgb"
	RGBA8SRGB Format = "rgba8unorm-srgb"
)

// Bytes returns the memory of s as bytes, without a copy.
func Bytes[T ~float32 | ~uint32 | ~int32 | ~float64](s []T) []byte {
	var element T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(element)))
}
