//go:build !js

package webgpu

import (
	"testing"
	"time"

	"github.com/rajveermalviya/go-webgpu/wgpu"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Mistakes cause errors of one line and of a known kind.
func TestMistakes(t *testing.T) {
	d := open(t)
	storage, staging := buffer(t, d, 64, Storage|CopySrc), buffer(t, d, 64, MapRead|CopyDst)
	_, err := d.NewBuffer("test", 1<<60, Storage)
	refused(t, err, "1152921504606846976")
	refused(t, storage.Write(0, make([]byte, 8)), "COPY_DST")
	refused(t, storage.Map(), "MAP_READ")
	refused(t, staging.Unmap(), "not mapped")
	require.NoError(t, staging.Map())
	refused(t, staging.Map(), "already being mapped")
	for done := false; !done; done, err = staging.Mapped() {
		d.Poll(time.Millisecond)
	}
	require.NoError(t, err)
	refused(t, staging.Map(), "mapped")
	require.NoError(t, staging.Unmap())

	_, err = d.NewPipeline(Shader{Label: "test", WGSL: "fn main() { x = 1; }"})
	refused(t, err, "WGSL parsing error: no definition in scope for identifier: 'x': at line 1, column 13")
	_, err = d.NewPipeline(Shader{Label: "test", WGSL: "@compute @workgroup_size(1) fn other() {}"})
	refused(t, err, "entry point 'main'")
	p, err := d.NewPipeline(Shader{Label: "test", WGSL: "@compute @workgroup_size(1) fn main() {}",
		Bindings: []BindingType{UniformBinding}})
	require.NoError(t, err)
	defer p.Release()
	_, err = p.Bind("test", []Binding{{storage, 0, 64}})
	refused(t, err, "UNIFORM")

	e, err := d.NewEncoder()
	require.NoError(t, err)
	e.Copy(storage, 0, storage, 0, 8)
	e.Copy(staging, 0, storage, 0, 8)
	refused(t, e.Submit(), "cannot be the same buffer")
	e, err = d.NewEncoder()
	require.NoError(t, err)
	e.Discard()
}

func TestUsagesAreTheStandards(t *testing.T) {
	for usage, want := range map[Usage]wgpu.BufferUsage{
		MapRead: wgpu.BufferUsage_MapRead, CopySrc: wgpu.BufferUsage_CopySrc, CopyDst: wgpu.BufferUsage_CopyDst,
		Uniform: wgpu.BufferUsage_Uniform, Storage: wgpu.BufferUsage_Storage,
		QueryResolve: wgpu.BufferUsage_QueryResolve,
	} {
		assert.EqualValues(t, want, usage)
	}
}
