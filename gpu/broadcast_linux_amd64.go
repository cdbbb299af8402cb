package gpu

/*
#include <stdint.h>

// wgpu-core's own C interface, linked into wgpu-native; wgpu.h has only the
// twin for render passes.
extern void wgpu_compute_pass_set_push_constant(void *pass, uint32_t offset, uint32_t size, const uint8_t *data);

// set_digits gives the pass 0, 1 .. 63 as its push constants. wgpu-native's
// WGPUComputePassEncoder is a reference-counted context (24 bytes) followed by
// wgpu-core's pass: in the binding's library for this platform, which go.sum
// pins.
static void set_digits(void *encoder) {
	static uint32_t digits[64];
	for (uint32_t i = 0; i < 64; i++) {
		digits[i] = i;
	}
	wgpu_compute_pass_set_push_constant((char *)encoder + 24, 0, sizeof digits, (const uint8_t *)digits);
}
*/
import "C"

import (
	"unsafe"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// canBroadcast says that setDigits works on this platform.
const canBroadcast = true

// setDigits fills the push constants of the pass's pipeline.
func setDigits(pass *wgpu.ComputePassEncoder) {
	// The binding's struct is {device, encoder}, both pointers of C.
	C.set_digits((*[2]unsafe.Pointer)(unsafe.Pointer(pass))[1])
}
