package webgpu

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wait maps a buffer, waits until that is done, and returns its error.
func wait(t *testing.T, d *Device, b *Buffer) error {
	t.Helper()
	require.NoError(t, b.Map())
	for {
		d.Poll(time.Second)
		if done, err := b.Mapped(); done {
			return err
		}
	}
}

// Mistakes cause errors of one line and of a known kind. The next mapping returns those of the
// queue.
func TestMistakes(t *testing.T) {
	d := open(t)
	storage, staging := buffer(t, d, 64, Storage|CopySrc), buffer(t, d, 64, MapRead|CopyDst)
	for _, size := range []int64{1 << 60, 1 << 50} {
		_, err := d.NewBuffer("test", size, Storage)
		refused(t, err, "")
	}
	refused(t, wait(t, d, storage), "MapRead")
	require.NoError(t, storage.Write(0, make([]byte, 8)))
	refused(t, wait(t, d, staging), "CopyDst")
	refused(t, storage.Write(0, make([]byte, 7)), "multiple of 4")

	// Pipelines are compiled concurrently, and each returns its own error.
	pipeline := func(wgsl string) *Pipeline {
		p, err := d.NewPipeline(Shader{Label: "test", WGSL: wgsl, Bindings: []BindingType{UniformBinding}})
		require.NoError(t, err)
		t.Cleanup(p.Release)
		return p
	}
	unresolved, nameless := pipeline("fn main() { x = 1; }"), pipeline("@compute @workgroup_size(1) fn other() {}")
	p := pipeline("@compute @workgroup_size(1) fn main() {}")
	for range 2 {
		require.NoError(t, p.Wait())
		refused(t, nameless.Wait(), "main")
		refused(t, unresolved.Wait(), "unresolved value 'x'")
	}
	_, err := p.Bind("test", []Binding{{storage, 0, 64}})
	require.NoError(t, err)
	refused(t, wait(t, d, staging), "Uniform")

	other := buffer(t, d, 64, MapRead|CopyDst)
	e, err := d.NewEncoder()
	require.NoError(t, err)
	e.Copy(other, 0, other, 0, 8)
	require.NoError(t, e.Submit())
	refused(t, wait(t, d, other), "same buffer")
	require.NoError(t, wait(t, d, other))
	require.NoError(t, other.Unmap())
	e, err = d.NewEncoder()
	require.NoError(t, err)
	e.Copy(other, 0.0, storage, 0, -8)
	refused(t, e.Submit(), "")
	e, err = d.NewEncoder()
	require.NoError(t, err)
	e.Discard()
}

// All calls of a lost device return ErrLost, also those that were waiting.
func TestLostDevice(t *testing.T) {
	d := open(t)
	staging, storage := buffer(t, d, 64, MapRead|CopyDst), buffer(t, d, 64, Storage|CopyDst)
	require.NoError(t, staging.Map())
	d.Release()
	for range 2 {
		done, err := staging.Mapped()
		for !done {
			d.Poll(time.Second)
			done, err = staging.Mapped()
		}
		assert.ErrorIs(t, err, ErrLost)
	}
	assert.True(t, d.Poll(time.Second))
	_, err := d.NewBuffer("test", 64, Storage)
	assert.ErrorIs(t, err, ErrLost)
	_, err = d.NewEncoder()
	assert.ErrorIs(t, err, ErrLost)
	assert.ErrorIs(t, storage.Write(0, make([]byte, 4)), ErrLost)
	assert.ErrorIs(t, staging.Map(), ErrLost)
}

// The numbers of released objects are used again.
func TestNumbersAreUsedAgain(t *testing.T) {
	d := open(t)
	for range 100 {
		b, err := d.NewBuffer("test", 64, Storage)
		require.NoError(t, err)
		b.Release()
	}
	assert.Equal(t, 1, d.count)
}
