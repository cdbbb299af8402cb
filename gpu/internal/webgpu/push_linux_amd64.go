package webgpu

/*
#include <stdint.h>

// wgpu-core's own C interface, linked into wgpu-native; wgpu.h has only the twin for
// render passes. The data is copied.
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

// The binding whose library push constants are known to work with, and where
// wgpu-core's pass begins in wgpu-native's WGPUComputePassEncoder there: after 24
// bytes of references and a lock.
const (
	pushModule  = "github.com/rajveermalviya/go-webgpu/wgpu"
	pushVersion = "v0.17.1"
	passOffset  = 24
)

// canPush reports whether compute passes can have push constants: whether this
// program is linked with the version of the binding that is known to work.
var canPush = sync.OnceValue(func() bool {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == pushModule {
				return m.Replace == nil && m.Version == pushVersion
			}
		}
	}
	// A test has no list of modules, but knows the file of each function.
	pc := reflect.ValueOf(wgpu.BackendType.String).Pointer()
	file, _ := runtime.FuncForPC(pc).FileLine(pc)
	return knownSource(file)
})

// knownSource reports whether a file of the binding is of the known version, as the
// module cache or -trimpath names it.
func knownSource(file string) bool {
	return strings.Contains("/"+file, "/"+pushModule+"@"+pushVersion+"/")
}

var passRef = offset[wgpu.ComputePassEncoder]("ref")

// pusher writes the push constants of one pass.
type pusher struct{ pass unsafe.Pointer } // of C

// constants fills the push constants of the pass's pipeline.
func (p *pusher) constants(h *wgpu.ComputePassEncoder, words []uint32) {
	if p.pass == nil {
		p.pass = unsafe.Add(pointerAt(unsafe.Pointer(h), passRef), passOffset)
	}
	data := Bytes(words)
	C.wgpu_compute_pass_set_push_constant(p.pass, 0, C.uint32_t(len(data)), (*C.uint8_t)(unsafe.SliceData(data)))
}
