package webgpu

import (
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T) *Device {
	t.Helper()
	in := NewInstance()
	t.Cleanup(in.Release)
	all := in.Adapters()
	for _, a := range all {
		t.Cleanup(a.Release)
	}
	for _, a := range all {
		if name := os.Getenv("NIN_ADAPTER"); strings.Contains(strings.ToLower(a.Info.Name), strings.ToLower(name)) {
			d, err := a.Open("test", Features{Timestamps: a.Info.Timestamps})
			require.NoError(t, err)
			t.Cleanup(func() {
				for !d.Poll(time.Millisecond) {
				}
				d.Release()
			})
			return d
		}
	}
	if os.Getenv("REQUIRE_GPU") == "1" {
		t.Fatal("REQUIRE_GPU=1: no adapter")
	}
	t.Skip("no adapter")
	return nil
}

func buffer(t *testing.T, d *Device, bytes int64, usage Usage) *Buffer {
	t.Helper()
	b, err := d.NewBuffer("test", bytes, usage)
	require.NoError(t, err)
	t.Cleanup(b.Release)
	return b
}

// read maps b and returns its first n bytes. It collects garbage meanwhile.
func read(t *testing.T, d *Device, b *Buffer, n int) []byte {
	t.Helper()
	require.NoError(t, b.Map())
	runtime.GC()
	for {
		d.Poll(10 * time.Microsecond)
		done, err := b.Mapped()
		if !assert.NoError(t, err) {
			return nil
		}
		if done {
			break
		}
		runtime.GC()
	}
	out := make([]byte, n)
	b.Read(0, out)
	assert.NoError(t, b.Unmap())
	return out
}

// Several devices write, dispatch, copy and read back at the same time, while garbage is collected.
func TestRoundTrips(t *testing.T) {
	rounds := uint32(50)
	if runtime.GOOS == "js" { // collecting garbage is slow there
		rounds = 5
	}
	var devices []*Device
	for range 3 {
		devices = append(devices, open(t))
	}
	var all sync.WaitGroup
	for _, d := range devices {
		staging := buffer(t, d, 64, MapRead|CopyDst)
		x := buffer(t, d, 64, Storage|CopySrc|CopyDst)
		all.Go(func() {
			p, err := d.NewPipeline(Shader{
				Label: "double", Bindings: []BindingType{StorageBinding},
				WGSL: "@group(0) @binding(0) var<storage, read_write> x : array<u32>;\n" +
					"@compute @workgroup_size(16) fn main(@builtin(local_invocation_index) i : u32) { x[i] = 2u * x[i]; }",
			})
			if !assert.NoError(t, err) {
				return
			}
			defer p.Release()
			if !assert.NoError(t, p.Wait()) {
				return
			}
			g, err := p.Bind("double", []Binding{{x, 0, 64}})
			if !assert.NoError(t, err) {
				return
			}
			defer g.Release()
			for round := range rounds {
				words := make([]uint32, 16)
				for i := range words {
					words[i] = round + uint32(i)
				}
				assert.NoError(t, x.Write(0, Bytes(words)))
				e, err := d.NewEncoder()
				if !assert.NoError(t, err) {
					return
				}
				pass := e.Pass(nil, 0)
				pass.Dispatch(p, g, 1, 1)
				pass.End()
				e.Copy(staging, 0, x, 0, 64)
				assert.NoError(t, e.Submit())
				for i := range words {
					words[i] *= 2
				}
				assert.Equal(t, Bytes(words), read(t, d, staging, 64))
			}
		})
	}
	all.Wait()
}

// refused checks that err wraps ErrValidation and is one line that contains a text.
func refused(t *testing.T, err error, contains string) {
	t.Helper()
	if assert.ErrorIs(t, err, ErrValidation) {
		assert.Contains(t, err.Error(), contains)
		assert.NotContains(t, err.Error(), "\n")
	}
}

// Releasing a buffer while it is being mapped must not free memory that wgpu still writes to.
func TestReleaseOfPendingMapping(t *testing.T) {
	d := open(t)
	for range 100 {
		b, err := d.NewBuffer("test", 64, MapRead|CopyDst)
		require.NoError(t, err)
		require.NoError(t, b.Map())
		b.Release()
		d.Poll(0)
	}
}
