package webgpu

/*
#include <stdint.h>

// This function is part of wgpu-core's own C interface, which is linked into wgpu-native. wgpu.h
// declares only its counterpart for render passes. The data is copied.
extern void wgpu_compute_pass_set_push_constant(void *pass, uint32_t offset, uint32_t size, uint8_t const *data);
*/
import "C"

import (
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"unsafe"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// Push constants are known to work with the library of this version of the binding. In it,
// passOffset is the offset of wgpu-core's pass in wgpu-native's WGPUComputePassEncoder, after
// references and a lock.
const (
	pushModule  = "github.com/rajveermalviya/go-webgpu/wgpu"
	pushVersion = "v0.17.1"
	passOffset  = 24
)

// canPush reports whether compute passes can have push constants. It requires that the program is
// linked with the known version of the binding.
var canPush = sync.OnceValue(func() bool {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == pushModule {
				return m.Replace == nil && m.Version == pushVersion
			}
		}
	}
	// A test binary has no list of modules, but knows the source file of each function.
	pc := reflect.ValueOf(wgpu.BackendType.String).Pointer()
	file, _ := runtime.FuncForPC(pc).FileLine(pc)
	return knownSource(file)
})

// knownSource reports whether file, a path in the module cache or one written by -trimpath, belongs
// to the known version of the binding.
func knownSource(file string) bool {
	return strings.Contains("/"+file, "/"+pushModule+"@"+pushVersion+"/")
}

var passRef = offset[wgpu.ComputePassEncoder]("ref")

// pusher writes the push constants of one pass.
type pusher struct{ pass unsafe.Pointer } // a C pointer

// constants fills the push constants of the pass's pipeline.
func (p *pusher) constants(h *wgpu.ComputePassEncoder, words []uint32) {
	if p.pass == nil {
		p.pass = unsafe.Add(pointerAt(unsafe.Pointer(h), passRef), passOffset)
	}
	data := Bytes(words)
	C.wgpu_compute_pass_set_push_constant(p.pass, 0, C.uint32_t(len(data)), (*C.uint8_t)(unsafe.SliceData(data)))
}
