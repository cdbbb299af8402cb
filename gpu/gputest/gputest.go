// Package gputest opens the adapter that tests run on, and finds what leaks.
package gputest

import (
	"os"
	"sync"
	"testing"

	"wgnin/gpu"
)

var open = sync.OnceValues(func() (*gpu.Device, error) {
	return gpu.Open(gpu.Options{Adapter: os.Getenv("NIN_ADAPTER"), Portable: os.Getenv("NIN_PORTABLE") == "1"})
})

// Device is one device for the whole test binary, on the adapter that
// $NIN_ADAPTER names. Where there is none the test is skipped, or fails if
// REQUIRE_GPU is 1. When the test ends, all buffers that it opened must be
// closed.
func Device(t testing.TB) *gpu.Device {
	t.Helper()
	d, err := open()
	if err != nil {
		if os.Getenv("REQUIRE_GPU") == "1" {
			t.Fatalf("REQUIRE_GPU=1: %v", err)
		}
		t.Skip(err)
	}
	before, _ := d.Usage()
	t.Cleanup(func() {
		if after, bytes := d.Usage(); after > before && !t.Failed() {
			t.Errorf("%d device buffers left open (%d bytes in all)", after-before, bytes)
		}
	})
	return d
}
