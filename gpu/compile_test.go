package gpu_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
)

// Options.Compiling is called once for each kernel, before it is compiled, and once at the end.
// Kernels may be compiled when a plan is made or when it first runs.
func TestCompiling(t *testing.T) {
	gputest.Device(t)
	var told []string
	d, err := gpu.Open(gpu.Options{Adapter: os.Getenv("NIN_ADAPTER"), Portable: true,
		Compiling: func(kernel string, done, all int) {
			told = append(told, fmt.Sprintf("%s: %d of %d", kernel, done, all))
		}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	x, err := d.NewBuffer("x", 64)
	require.NoError(t, err)
	defer x.Release()
	kernel := func(add int) gpu.Kernel[incrementArgs] {
		return gpu.Kernel[incrementArgs]{Name: "test/add", Detail: fmt.Sprint(add), Groups: 16, Lanes: 1,
			Source: fmt.Sprintf("fn run(group : u32, lane : u32) { x[group] = x[group] + %d.0; }", add)}
	}
	run := func(adds ...int) {
		r := d.NewRecorder()
		for _, add := range adds {
			kernel(add).Record(r, incrementArgs{x.All()})
		}
		p, err := r.Plan()
		require.NoError(t, err)
		defer p.Release()
		require.NoError(t, d.Run(p))
	}
	run(1, 2, 1)
	assert.Equal(t, []string{"test/add 1: 0 of 2", "test/add 2: 1 of 2", ": 2 of 2"}, told)
	told = nil
	run(2, 1)
	assert.Empty(t, told, "compiled before")
	run(1, 3)
	assert.Equal(t, []string{"test/add 3: 0 of 1", ": 1 of 1"}, told)
	got := make([]float32, 16)
	require.NoError(t, gpu.Read(x.All(), got))
	for _, v := range got {
		assert.EqualValues(t, 1+2+1+2+1+1+3, v)
	}
}

// Kernels that differ only in their sizes compute the same as with constants. On a software adapter
// they share one text. The test runs them in one dispatch and in parts, with Broadcast and without.
func TestSizes(t *testing.T) {
	d := gputest.Device(t)
	const n = 16
	x, err := d.NewBuffer("x", n*4)
	require.NoError(t, err)
	defer x.Release()
	type sizes struct{ Add, Groups int }
	for _, broadcast := range []bool{false, true} {
		if broadcast && !d.Broadcast() {
			continue
		}
		kernel := func(add int) gpu.Kernel[incrementArgs] {
			return gpu.Kernel[incrementArgs]{Name: "test/add", Detail: fmt.Sprint(add), Groups: n, Lanes: 1,
				Broadcast: broadcast, Sizes: sizes{add, n},
				Source: "fn run(group : u32, lane : u32) { if (group < Groups) { x[group] = x[group] + f32(Add); } }"}
		}
		assert.Contains(t, kernel(3).WGSL(0), "const Add : u32 = 3u;\nconst Groups : u32 = 16u;\n")
		require.NoError(t, gpu.Write(x.All(), make([]float32, n)))
		r := d.NewRecorder()
		const large = 1 << 24 // the smallest that needs its own text with broadcast
		for _, add := range []int{4, 16, 256, 16, large} {
			kernel(add).Record(r, incrementArgs{x.All()})
		}
		buffers, _ := d.Usage()
		p, err := r.Plan()
		require.NoError(t, err)
		texts := 4
		if a := d.Adapter(); a.Class == gpu.Software && a.Backend != "d3d12" {
			texts = 1
			if broadcast {
				texts = 2
			}
		}
		assert.Len(t, p.Kernels(), texts)
		for range 2 {
			require.NoError(t, d.Run(p))
			require.NoError(t, p.Partition(3))
		}
		got := make([]float32, n)
		require.NoError(t, gpu.Read(x.All(), got))
		for _, v := range got {
			assert.EqualValues(t, 2*(292+large), v)
		}
		p.Release()
		after, _ := d.Usage()
		assert.Equal(t, buffers, after)
	}
}

// A kernel with too much workgroup memory or too many lanes is refused. The error names the kernel.
func TestWorkgroupMemoryIsLimited(t *testing.T) {
	a := gpu.Guaranteed
	a.Limits.MaxSharedBytes = 1024
	d := gpu.Dry(a, false)
	x, err := d.NewBuffer("x", 64)
	require.NoError(t, err)
	defer x.Release()
	k := gpu.Kernel[incrementArgs]{Name: "test/shared", Groups: 1, Lanes: 64, SharedBytes: 1024,
		Source: "fn run(group : u32, lane : u32) {}"}
	plan := func() error {
		r := d.NewRecorder()
		k.Record(r, incrementArgs{x.All()})
		p, err := r.Plan()
		p.Release()
		return err
	}
	assert.NoError(t, plan())
	k.SharedBytes++
	err = plan()
	assert.ErrorIs(t, err, gpu.ErrTooLarge)
	assert.ErrorContains(t, err, "test/shared")
	assert.ErrorContains(t, err, "1025 bytes of workgroup memory")
	k.SharedBytes, k.Lanes = 0, a.Limits.MaxGroupSize+1
	assert.ErrorIs(t, plan(), gpu.ErrTooLarge)
}

// The temporaries of another plan are refused, unless that plan keeps them.
func TestTemporariesOfAnotherPlan(t *testing.T) {
	d := gputest.Device(t)
	x, err := d.NewBuffer("x", 64)
	require.NoError(t, err)
	defer x.Release()
	first := d.NewRecorder()
	between := first.Temp("between", 64)
	add(16).Record(first, addArgs{x.All(), between})
	second := func() error {
		r := d.NewRecorder()
		add(16).Record(r, addArgs{between, r.Temp("out", 64)})
		p, err := r.Plan()
		p.Release()
		return err
	}
	p, err := first.Plan()
	require.NoError(t, err)
	defer p.Release()
	assert.ErrorContains(t, second(), "between, a temporary of another plan that does not keep it")
	first.Keep(between)
	assert.NoError(t, second())
}
