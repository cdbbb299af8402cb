package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/gpu"
)

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1 KiB", 128 << 20: "128 MiB", 1 << 50: "1024 TiB", 1 << 62: "no limit",
		math.MaxInt64: "no limit",
	} {
		assert.Equal(t, want, size(bytes))
	}
}

func TestDriver(t *testing.T) {
	assert.Equal(t, "Mesa 25.0.7", driver(gpu.Adapter{Driver: "Mesa 25.0.7", Vendor: 0x1002}))
	assert.Equal(t, "AMD, version not reported, FXC", driver(gpu.Adapter{Vendor: 0x1002, Compiler: "FXC"}))
	assert.Equal(t, "version not reported, FXC", driver(gpu.Adapter{Vendor: 1, Compiler: "FXC"}))
	assert.Equal(t, "version not reported", driver(gpu.Adapter{}))
}
