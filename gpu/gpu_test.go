package gpu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
)

type addArgs struct {
	X gpu.View `wgsl:"read array<f32>"`
	Y gpu.View `wgsl:"write array<f32>"`
}

// add computes y = x + 1 for n elements, each in its own workgroup.
func add(n int) gpu.Kernel[addArgs] {
	return gpu.Kernel[addArgs]{Name: "test/add", Detail: "+1", Groups: n, Lanes: 1,
		Source: "fn run(group : u32, lane : u32) { y[group] = x[group] + 1.0; }"}
}

func TestFoldBeyondOneDimension(t *testing.T) {
	d := gputest.Device(t)
	const n = 70001 // a prime above 65,535
	in, err := d.NewBuffer("in", n*4)
	require.NoError(t, err)
	defer in.Release()
	out, err := d.NewBuffer("out", n*4)
	require.NoError(t, err)
	defer out.Release()
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i)
	}
	require.NoError(t, gpu.Write(in.All(), x))
	r := d.NewRecorder()
	add(n).Record(r, addArgs{in.All(), out.All()})
	p, err := r.Plan()
	require.NoError(t, err)
	defer p.Release()
	err = d.Run(p)
	require.NoError(t, err)
	y := make([]float32, n)
	require.NoError(t, gpu.Read(out.All(), y))
	for i := range y {
		require.Equal(t, float32(i)+1, y[i])
	}
}

func TestTempsShareMemory(t *testing.T) {
	d := gputest.Device(t)
	const n, chain = 1000, 8
	in, err := d.NewBuffer("in", n*4)
	require.NoError(t, err)
	defer in.Release()
	r := d.NewRecorder()
	v := in.All()
	var first gpu.View
	for i := range chain {
		next := r.Temp("t", n*4)
		if i == 0 {
			first = next
			r.Keep(first)
		}
		add(n).Record(r, addArgs{v, next})
		v = next
	}
	r.Keep(v)
	p, err := r.Plan()
	require.NoError(t, err)
	defer p.Release()
	assert.Less(t, p.ArenaBytes(), int64(5*n*4), "of eight temps, two are kept and two are alive at a time")
	rb, err := d.NewReadback(3, v)
	require.NoError(t, err)
	defer rb.Release()
	for range 3 {
		require.NoError(t, rb.Run(p))
	}
	assert.True(t, rb.Full())
	assert.Error(t, rb.Run(p))
	got := make([]float32, n)
	for range 3 {
		require.NoError(t, rb.Next(got))
		assert.Equal(t, float32(chain), got[n-1])
	}
	require.NoError(t, gpu.Read(first, got))
	assert.Equal(t, float32(1), got[0])
	assert.Equal(t, chain, strings.Count(p.String(), "test/add"))
}

// Written finds the last dispatch that writes to a part of a buffer.
func TestWritten(t *testing.T) {
	d := gputest.Device(t)
	const n = 64
	in, err := d.NewBuffer("in", n*4)
	require.NoError(t, err)
	defer in.Release()
	out, err := d.NewBuffer("out", 3*n*4)
	require.NoError(t, err)
	defer out.Release()
	r := d.NewRecorder()
	part := func(i int64) gpu.View { return out.Slice(i*n*4, n*4) }
	for _, i := range []int64{1, 0, 1} {
		add(n).Record(r, addArgs{in.All(), part(i)})
	}
	p, err := r.Plan()
	require.NoError(t, err)
	defer p.Release()
	assert.Equal(t, 3, p.Len())
	assert.Equal(t, 2, p.Written(part(0)))
	assert.Equal(t, 3, p.Written(part(1)))
	assert.Equal(t, 0, p.Written(part(2)))
	assert.Equal(t, 3, p.Written(out.All()))
	assert.Equal(t, 0, p.Written(in.All()), "it is only read")
}

func TestErrorsNameLayerAndKernel(t *testing.T) {
	d := gputest.Device(t)
	r := d.NewRecorder()
	r.Layer("7 (conv 5x5)")
	add(1).Record(r, addArgs{X: r.Temp("x", 16)})
	_, err := r.Plan()
	assert.EqualError(t, err, "layer 7 (conv 5x5): test/add: argument Y has no buffer")

	r = d.NewRecorder()
	r.Layer("relu")
	add(1).Record(r, addArgs{r.Temp("activation", 16), r.Temp("y", 16)})
	_, err = r.Plan()
	assert.EqualError(t, err, "layer relu: test/add: x reads activation before anything wrote it")

	r = d.NewRecorder()
	r.Layer("big")
	add(1).Record(r, addArgs{r.Temp("x", 16), r.Temp("y", 16)})
	_, err = d.NewBuffer("huge", 1<<62)
	assert.ErrorContains(t, err, "allows at most")

	b, err := d.NewBuffer("b", 16)
	require.NoError(t, err)
	b.Release()
	b.Release()
	assert.ErrorContains(t, gpu.Write(b.All(), []float32{1}), "used after release")
}

func TestBindingLimitIsAnError(t *testing.T) {
	d := gputest.Device(t)
	limit := d.Adapter().Limits.MaxBindingBytes
	if limit >= d.Adapter().Limits.MaxBufferBytes || limit > 1<<28 {
		t.Skip("the adapter binds whole buffers")
	}
	x, err := d.NewBuffer("x", limit+1024)
	require.NoError(t, err)
	defer x.Release()
	r := d.NewRecorder()
	r.Layer("conv")
	add(1).Record(r, addArgs{x.All(), r.Temp("y", 16)})
	_, err = r.Plan()
	assert.ErrorContains(t, err, fmt.Sprintf("layer conv: test/add +1: x is %d bytes; %s binds at most %d: too large",
		limit+1024, d.Adapter().Name, limit))
	assert.ErrorIs(t, err, gpu.ErrTooLarge)
}

func TestBrokenShaderIsAnError(t *testing.T) {
	d := gputest.Device(t)
	k := add(1)
	k.Source = "fn run() { let x = ; }"
	b, err := d.NewBuffer("b", 16)
	require.NoError(t, err)
	defer b.Release()
	r := d.NewRecorder()
	k.Record(r, addArgs{b.All(), r.Temp("y", 16)})
	p, err := r.Plan()
	if err == nil { // in a browser
		defer p.Release()
		err = d.Run(p)
	}
	assert.ErrorContains(t, err, "test/add")
}

func TestProfile(t *testing.T) {
	d := gputest.Device(t)
	err := d.Profile()
	if errors.Is(err, gpu.ErrNoTimestamps) {
		t.Skip(err)
	}
	require.NoError(t, err)
	x, err := d.NewBuffer("x", 4000)
	require.NoError(t, err)
	r := d.NewRecorder()
	add(1000).Record(r, addArgs{x.All(), r.Temp("y", 4000)})
	p, err := r.Plan()
	require.NoError(t, err)
	for range 3 {
		err = d.Run(p)
		require.NoError(t, err)
	}
	ts := d.Timings()
	require.Len(t, ts, 1)
	assert.Equal(t, 3, ts[0].Count)
	assert.Positive(t, ts[0].Total)
	p.Release()
	x.Release()
	d.StopProfile()
}

func TestOpenRefusesUnknownAdapter(t *testing.T) {
	gputest.Device(t)
	_, err := gpu.Open(gpu.Options{Adapter: "no such adapter"})
	assert.ErrorIs(t, err, gpu.ErrNoAdapter)
	assert.ErrorContains(t, err, "the adapters are:")
}

func TestBroadcast(t *testing.T) {
	d := gputest.Device(t)
	if !d.Broadcast() {
		t.Skip("only llvmpipe has it")
	}
	const n = 3000
	out, err := d.NewBuffer("y", n*4)
	require.NoError(t, err)
	defer out.Release()
	type args struct {
		Y gpu.View `wgsl:"write array<u32>"`
	}
	r := d.NewRecorder()
	gpu.Kernel[args]{
		Name: "test/same", Groups: n, Lanes: 1, Broadcast: true,
		Source: "fn run(group : u32, lane : u32) { y[group] = same24(group * 5591u); }\n",
	}.Record(r, args{out.All()})
	p, err := r.Plan()
	require.NoError(t, err)
	defer p.Release()
	err = d.Run(p)
	require.NoError(t, err)
	got := make([]uint32, n)
	require.NoError(t, gpu.Read(out.All(), got))
	for i := range got {
		require.Equal(t, uint32(i*5591), got[i])
	}
}

// A dry device counts and refuses the same as an open one, and runs nothing.
func TestDry(t *testing.T) {
	open := gputest.Device(t)
	dry := gpu.Dry(open.Adapter(), open.Broadcast())
	var arena, held [2]int64
	for i, d := range []*gpu.Device{open, dry} {
		_, before := d.Usage()
		x, err := d.NewBuffer("x", 1000)
		require.NoError(t, err)
		require.NoError(t, gpu.Write(x.All(), make([]float32, 250)))
		r := d.NewRecorder()
		r.Layer("one")
		y := r.Temp("y", 4000)
		add(250).Record(r, addArgs{x.All(), y})
		r.Layer("two")
		z := r.Temp("z", 8000)
		add(1000).Record(r, addArgs{y, z})
		p, err := r.Plan()
		require.NoError(t, err)
		flops := add(1000).Flops
		assert.Equal(t, []gpu.LayerCost{{Layer: "one", Flops: add(250).Flops, Bytes: 4000},
			{Layer: "two", Flops: flops, Bytes: 8000}}, p.Layers())
		rb, err := d.NewReadback(2, x.All())
		require.NoError(t, err)
		_, now := d.Usage()
		arena[i], held[i] = p.ArenaBytes(), now-before
		_, err = d.NewBuffer("huge", d.Adapter().Limits.MaxBufferBytes+16)
		assert.ErrorContains(t, err, "allows at most")
		if d == dry {
			assert.Error(t, d.Run(p))
			assert.Error(t, rb.Run(p))
			assert.Error(t, gpu.Read(x.All(), make([]float32, 1)))
			assert.Equal(t, held[i]+16, d.Peak()) // the staging of Read
		}
		rb.Release()
		p.Release()
		x.Release()
		_, after := d.Usage()
		assert.Equal(t, before, after)
	}
	assert.Equal(t, arena[0], arena[1])
	assert.Equal(t, held[0], held[1])
	assert.NoError(t, dry.Close())
}

// A part of a plan runs alone. Copies and runs are done in the order of the calls. Reads counts
// exactly what is copied to the host.
func TestPartCopyReads(t *testing.T) {
	d := gputest.Device(t)
	b, err := d.NewBuffer("b", 3*1024)
	require.NoError(t, err)
	defer b.Release()
	x, kept := b.Slice(0, 1024), b.Slice(1024, 1024)
	other, err := d.NewBuffer("other", 1024)
	require.NoError(t, err)
	defer other.Release()
	r := d.NewRecorder()
	one := r.Temp("one", 1024)
	add(256).Record(r, addArgs{x, one})
	n := r.Len()
	two := r.Temp("two", 1024)
	add(256).Record(r, addArgs{one, two})
	r.Keep(one)
	r.Keep(two)
	p, err := r.Plan()
	require.NoError(t, err)
	defer p.Release()

	times, bytes := d.Reads()
	require.NoError(t, d.Run(p))
	require.NoError(t, gpu.Write(x, []float32{5, 6}))
	require.NoError(t, d.Run(p.Part(0, n)))
	require.NoError(t, d.Copy(gpu.Copy{From: one, To: other.All()}))
	require.NoError(t, d.Copy(gpu.Copy{From: other.All(), To: kept}))
	again, againBytes := d.Reads()
	assert.Equal(t, [2]int64{times, bytes}, [2]int64{again, againBytes})
	got := make([]float32, 2)
	require.NoError(t, gpu.Read(kept, got))
	assert.Equal(t, []float32{6, 7}, got)
	require.NoError(t, gpu.Read(two, got))
	assert.Equal(t, []float32{2, 2}, got)
	again, againBytes = d.Reads()
	assert.Equal(t, [2]int64{times + 2, bytes + 16}, [2]int64{again, againBytes})
	require.NoError(t, d.Run(p.Part(n, n+1)))
	require.NoError(t, gpu.Read(two, got))
	assert.Equal(t, []float32{7, 8}, got)

	assert.ErrorContains(t, d.Copy(gpu.Copy{From: b.All(), To: other.All()}), "3072 bytes, to other of 1024")
	assert.ErrorContains(t, d.Copy(gpu.Copy{From: x, To: kept}), "same memory")
	assert.ErrorContains(t, d.Copy(gpu.Copy{From: x}), "no buffer")
}

func TestLoopsThatADriverCutsShortAreRefused(t *testing.T) {
	a := gpu.Guaranteed
	a.Driver, a.Limits.MaxIterations = "Mesa 22.3.6", 65535
	for iterations, want := range map[int]string{
		65535: "",
		65536: "layer 3: test/add +1: 65536 iterations of a loop; the driver (Mesa 22.3.6) stops after 65535, and Mesa 25 does not: too large",
	} {
		d := gpu.Dry(a, false)
		in, err := d.NewBuffer("in", 64)
		require.NoError(t, err)
		out, err := d.NewBuffer("out", 64)
		require.NoError(t, err)
		r := d.NewRecorder()
		r.Layer("3")
		k := add(16)
		k.Iterations = iterations
		k.Record(r, addArgs{in.All(), out.All()})
		_, err = r.Plan()
		if want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
	}
}
