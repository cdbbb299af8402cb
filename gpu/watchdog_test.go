package gpu_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
)

// increment computes x += 1 for n elements, each in its own workgroup.
func increment(n int) gpu.Kernel[incrementArgs] {
	return gpu.Kernel[incrementArgs]{Name: "test/increment", Detail: "+1", Groups: n, Lanes: 1,
		Source: "fn run(group : u32, lane : u32) { x[group] = x[group] + 1.0; }"}
}

type incrementArgs struct {
	X gpu.View `wgsl:"update array<f32>"`
}

// filled plans a chain of three additions for n elements. The second is declared slow, and the
// third works in place. sum runs the plan and returns the result.
func filled(t *testing.T, d *gpu.Device, n int) (p *gpu.Plan, sum func() []float32) {
	t.Helper()
	in, err := d.NewBuffer("in", int64(n)*4)
	require.NoError(t, err)
	t.Cleanup(in.Release)
	out, err := d.NewBuffer("out", int64(n)*4)
	require.NoError(t, err)
	t.Cleanup(out.Release)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i)
	}
	require.NoError(t, gpu.Write(in.All(), x))
	r := d.NewRecorder()
	between := r.Temp("between", int64(n)*4)
	add(n).Record(r, addArgs{in.All(), between})
	heavy := add(n)
	heavy.Flops = 1e10
	heavy.Record(r, addArgs{between, out.All()})
	increment(n).Record(r, incrementArgs{out.All()})
	p, err = r.Plan()
	require.NoError(t, err)
	t.Cleanup(p.Release)
	return p, func() []float32 {
		y := make([]float32, n)
		require.NoError(t, gpu.Read(out.All(), y))
		return y
	}
}

func TestPartsComputeTheWhole(t *testing.T) {
	d := gputest.Device(t)
	const n = 140003 // more than two rows of 65,535
	for _, parts := range []int{1, 2, 3, 7} {
		p, sum := filled(t, d, n)
		require.NoError(t, p.Partition(parts))
		assert.Equal(t, 3*parts, p.Parts())
		require.NoError(t, d.Run(p))
		for i, y := range sum() {
			require.Equal(t, float32(i)+3, y, "%d of %d parts", i, parts)
		}
	}
}

// If MaxSubmit is tiny, each dispatch has its own submit and runs one workgroup, unless it works in
// place. If it is large, all dispatches share one submit.
func TestMaxSubmit(t *testing.T) {
	gputest.Device(t)
	const n = 5
	for name, c := range map[string]struct {
		max            time.Duration
		parts, submits int // the latter of a second run
	}{
		"short": {1, n + n + 1, n + n + 1},
		"long":  {time.Hour, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			submits := 0
			d, err := gpu.Open(gpu.Options{Adapter: os.Getenv("NIN_ADAPTER"), MaxSubmit: c.max,
				Fault: func(call string) error {
					if call == "submit" {
						submits++
					}
					return nil
				}})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.Close()) })
			p, sum := filled(t, d, n)
			require.NoError(t, d.Run(p))
			assert.Equal(t, []float32{3, 4, 5, 6, 7}, sum())
			assert.Equal(t, c.parts, p.Parts())
			submits = 0
			require.NoError(t, d.Run(p))
			assert.Equal(t, c.submits, submits)
			assert.Equal(t, []float32{3, 4, 5, 6, 7}, sum())
		})
	}
}
