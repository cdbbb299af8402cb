//go:build !js

package webgpu

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The messages are wgpu-native's, as the binding returns them.
func TestMessagesBecomeOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"wgpu.(*Device).CreateShaderModule(): Validation Error\n\nCaused by:\n    In wgpuDeviceCreateShaderModule\n      note: label = `conv/forward`\n    \n" +
			"Shader 'conv/forward' parsing error: no definition in scope for identifier: 'z'\n  ┌─ wgsl:1:44\n  │\n1 │ fn main() { z[0] = 1.0; }\n" +
			"  │             ^ unknown identifier\n\n\n    no definition in scope for identifier: 'z'\n": "WGSL parsing error: no definition in scope for identifier: 'z': at line 1, column 44",
		"wgpu.(*Device).CreateComputePipeline(): Validation Error\n\nCaused by:\n    In wgpuDeviceCreateComputePipeline\n      note: label = `conv/forward`\n" +
			"    Error matching shader requirements against the pipeline\n    Unable to find entry point 'main'\n": "Error matching shader requirements against the pipeline: Unable to find entry point 'main'",
		"wgpu.(*Buffer).Unmap(): Validation Error\n\nCaused by:\n    In wgpuBufferUnmap\n    Buffer is not mapped\n": "Buffer is not mapped",
		"Validation Error\n\nCaused by:\n    In wgpuBufferMapAsync\n    Buffer is already mapped\n":                  "Buffer is already mapped",
		"failed to request device": "failed to request device",
		"wgpu.(*Queue).New(): \n":  "wgpu.(*Queue).New():",
	} {
		err := check(errors.New(text))
		assert.EqualError(t, err, want)
		assert.ErrorIs(t, err, ErrValidation)
	}
	in := "wgpu.(*Device).CreateBuffer(): Validation Error\n\nCaused by:\n    In wgpuDeviceCreateBuffer\n      note: label = `b`\n    "
	assert.Equal(t, ErrOutOfMemory, check(errors.New(in+"Not enough memory left\n")))
	assert.Equal(t, ErrLost, check(errors.New(in+"Parent device is lost\n")))
	assert.NoError(t, check(nil))
}
