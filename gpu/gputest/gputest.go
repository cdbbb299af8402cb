// Package gputest opens the adapter that tests run on, and detects leaks.
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

// compileQuickly makes llvmpipe compile without LLVM's optimisations. The code computes the same
// bits. Compiling takes a third of the time, and is most of the time of tests that run many kernels
// a few times each. The commands that a test starts inherit the setting. Benchmarks run optimised
// code, and so do tests if GALLIVM_PERF is set, even to an empty string.
func compileQuickly() error {
	const setting = "GALLIVM_PERF"
	bench := flag.Lookup("test.bench")
	if _, chosen := os.LookupEnv(setting); chosen || bench != nil && bench.Value.String() != "" {
		return nil
	}
	return os.Setenv(setting, "nopt")
}

// Long reports whether NIN_LONG is 1, which enables the tests that take minutes.
func Long() bool { return os.Getenv("NIN_LONG") == "1" }

// choice lists the environment variables that decide whether there is a device, and which. The go
// command reuses a test's cached result until a variable that the test has read changes. But the
// Vulkan loader reads some of these variables, which the go command cannot see, and TestMain may
// read the others before the tests begin.
var choice = []string{"NIN_ADAPTER", "NIN_PORTABLE", "REQUIRE_GPU", "VK_DRIVER_FILES", "VK_ICD_FILENAMES"}

// Device returns the device of the test binary, on the adapter that $NIN_ADAPTER names. All tests
// share it. If there is no adapter, Device skips the test, or fails it if REQUIRE_GPU is 1. The
// test fails if it leaves buffers open.
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
