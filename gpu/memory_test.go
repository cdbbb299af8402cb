package gpu_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
)

// A software adapter hands out more than the machine has, and the process dies
// when it is used; so more is refused.
func TestOutOfMemory(t *testing.T) {
	d := gputest.Device(t)
	if d.Adapter().Class != gpu.Software {
		t.Skip("a GPU's memory is its driver's to give")
	}
	const bytes = 1 << 30
	var open []*gpu.Buffer
	var err error
	for range 1 << 14 {
		var b *gpu.Buffer
		if b, err = d.NewBuffer("large", bytes); err != nil {
			break
		}
		open = append(open, b)
	}
	if err == nil {
		t.Skip("the system does not say how much memory it has")
	}
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	for _, b := range open {
		b.Release()
	}
	b, err := d.NewBuffer("after", bytes)
	require.NoError(t, err, "memory that was given back can be had again")
	b.Release()
}

func TestRunOfReleasedBufferIsRefused(t *testing.T) {
	d := gputest.Device(t)
	in, err := d.NewBuffer("in", 64)
	require.NoError(t, err)
	out, err := d.NewBuffer("out", 64)
	require.NoError(t, err)
	defer out.Release()
	r := d.NewRecorder()
	r.Layer("0")
	add(16).Record(r, addArgs{in.All(), out.All()})
	p, err := r.Plan()
	require.NoError(t, err)
	defer p.Release()
	in.Release()
	assert.EqualError(t, d.Run(p), "gpu: layer 0: test/add: buffer in used after release")
}
