// Package gputest opens the adapter that tests run on, and finds what leaks.
package gputest

import (
	"flag"
	"os"
	"sync"
	"testing"

	"wgnin/gpu"
)

var open = sync.OnceValues(func() (*gpu.Device, error) {
	if err := compileQuickly(); err != nil {
		return nil, err
	}
	return gpu.Open(gpu.Options{Adapter: os.Getenv("NIN_ADAPTER"), Portable: os.Getenv("NIN_PORTABLE") == "1"})
})

// compileQuickly asks llvmpipe for machine code without LLVM's optimisations. It has the same bits
// and takes a third of the time to compile, which is most of the time of tests that run many
// kernels a few times each. The commands that a test starts inherit the setting. Benchmarks measure
// optimised code, and so does a test run with GALLIVM_PERF set, to nothing for example.
func compileQuickly() error {
	const setting = "GALLIVM_PERF"
	bench := flag.Lookup("test.bench")
	if _, chosen := os.LookupEnv(setting); chosen || bench != nil && bench.Value.String() != "" {
		return nil
	}
	return os.Setenv(setting, "nopt")
}

// Long reports whether NIN_LONG is 1, which asks for the tests that take minutes.
func Long() bool { return os.Getenv("NIN_LONG") == "1" }

// choice are the variables that decide whether there is a device, and which. The go command repeats
// the result of a test until a variable changes that the test itself has read. But the Vulkan
// loader reads some of these, and TestMain may read the others before the tests begin.
var choice = []string{"NIN_ADAPTER", "NIN_PORTABLE", "REQUIRE_GPU", "VK_DRIVER_FILES", "VK_ICD_FILENAMES"}

// Device is one device for the whole test binary, on the adapter that
// $NIN_ADAPTER names. Where there is none the test is skipped, or fails if
// REQUIRE_GPU is 1. When the test ends, all buffers that it opened must be
// closed.
func Device(t testing.TB) *gpu.Device {
	t.Helper()
	for _, name := range choice {
		_ = os.Getenv(name)
	}
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
