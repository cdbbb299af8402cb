package gpu_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
)

// A software adapter promises more memory than the machine has, and the process is killed when it
// uses the memory. So the device refuses larger buffers.
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
	if len(open) == 0 {
		t.Skip("the driver has no memory for one large buffer, as SwiftShader in Chromium")
	}
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

// Sizes near the limits of integers either work or are refused. If they reached the binding, it
// would abort the process.
func TestAbsurdSizes(t *testing.T) {
	d := gputest.Device(t)
	limits := d.Adapter().Limits
	numbers := []int64{
		math.MinInt64, -1 << 62, -256, -1, 0, 1, 15, 16, 256, 257, 768, 1024, 1025, 1 << 16, limits.MaxBufferBytes + 1,
		1 << 48, 1 << 62,
		math.MaxInt64 - 256, math.MaxInt64 - 15, math.MaxInt64,
	}
	x, err := d.NewBuffer("x", 1024)
	require.NoError(t, err)
	defer x.Release()
	y, err := d.NewBuffer("y", 1024)
	require.NoError(t, err)
	defer y.Release()
	wide, err := d.NewBuffer("wide", 4096)
	require.NoError(t, err)
	defer wide.Release()
	run := func(k gpu.Kernel[addArgs], args func(r *gpu.Recorder) addArgs) error {
		r := d.NewRecorder()
		k.Record(r, args(r))
		p, err := r.Plan()
		if err != nil {
			return err
		}
		defer p.Release()
		return d.Run(p)
	}
	for _, n := range numbers {
		b, err := d.NewBuffer("b", n)
		assert.Equal(t, n > 0 && n <= limits.MaxBufferBytes, err == nil, "%d bytes: %v", n, err)
		b.Release()
		err = run(add(1), func(r *gpu.Recorder) addArgs { return addArgs{x.All(), r.Temp("t", n)} })
		assert.Equal(t, n > 0 && n <= 1<<16, err == nil, "temporary of %d bytes: %v", n, err)
		if n <= 1<<16 || n >= 1<<48 { // others may run for long
			err = run(add(int(n)), func(*gpu.Recorder) addArgs { return addArgs{x.All(), y.All()} })
			assert.Equal(t, n > 0 && n <= 1<<16, err == nil, "%d workgroups: %v", n, err)
		}
		lanes := gpu.Kernel[addArgs]{Name: "test/lanes", Source: add(1).Source, Groups: 1, Lanes: int(n)}
		err = run(lanes, func(*gpu.Recorder) addArgs { return addArgs{x.All(), y.All()} })
		assert.Equal(t, n > 0 && n <= int64(limits.MaxGroupSize), err == nil, "%d lanes: %v", n, err)
		for _, offset := range numbers {
			v := x.Slice(offset, n)
			within := wide.Slice(1024, 1024).Slice(offset, n) // a slice of a view that is not the whole buffer
			inside := offset >= 0 && offset <= 1024 && offset%limits.OffsetAlign == 0 && n > 0 && n <= 1024-offset
			four := inside && n >= 16
			what := fmt.Sprintf("%d bytes from %d", n, offset)
			for _, v := range []gpu.View{v, within} {
				assert.Equal(t, four, gpu.Write(v, make([]float32, 4)) == nil, what)
				assert.Equal(t, four, gpu.Read(v, make([]float32, 4)) == nil, what)
				if inside {
					continue
				}
				assert.Error(t, d.Copy(gpu.Copy{From: v, To: y.All()}), what)
				assert.Error(t, d.Copy(gpu.Copy{From: y.All(), To: v}), what)
				assert.Error(t, run(add(1), func(*gpu.Recorder) addArgs { return addArgs{v, y.All()} }), what)
			}
		}
	}
	assert.EqualError(t, gpu.Read(wide.Slice(1024, 1024).Slice(512, 768).Slice(0, 256), make([]float32, 4)),
		"gpu: buffer wide: a slice of 768 bytes from 512 on, of a view of 1024; want one inside it")
	d.Wait()
}

// If buffers are in the machine's memory, the device leaves room for the driver and for Go.
func TestMemoryOfTheHostCounts(t *testing.T) {
	d := gputest.Device(t)
	if d.Adapter().Class != gpu.Software {
		t.Skip("a GPU has memory of its own")
	}
	const live = 256 << 20
	before := d.Others()
	assert.GreaterOrEqual(t, before, int64(gpu.DriverBytes))
	host := make([]byte, live)
	assert.GreaterOrEqual(t, d.Others(), int64(gpu.DriverBytes+live))
	runtime.KeepAlive(host)

	_, bytes := d.Usage()
	limit := d.SetMaxBytes(bytes + gpu.DriverBytes + 2<<20) // Go has none
	defer d.SetMaxBytes(limit)
	_, err := d.NewBuffer("large", 2<<20)
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	assert.Regexp(t,
		`^gpu: buffer large: 2097152 bytes besides \d+ in other buffers, and \d+ for the program and the driver; .* had \d+ free at the start: `, err.Error())
	_, after := d.Usage()
	assert.Equal(t, bytes, after)
}

// Writes are submitted without waiting for a run, so that wgpu's copies of the data do not pile up.
func TestWritesAreSubmitted(t *testing.T) {
	gputest.Device(t)
	submits := 0
	d, err := gpu.Open(gpu.Options{Fault: func(call string) error {
		if call == "submit" {
			submits++
		}
		return nil
	}})
	require.NoError(t, err)
	defer d.Close()
	b, err := d.NewBuffer("b", 4<<20)
	require.NoError(t, err)
	defer b.Release()
	submits = 0
	for range 9 {
		require.NoError(t, gpu.Write(b.All(), make([]float32, 1<<20)))
	}
	assert.Equal(t, 2, submits)
}
