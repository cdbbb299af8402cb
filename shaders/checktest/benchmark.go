package checktest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/gpu"
)

// Operand returns a buffer with so many zeros for a benchmark. The rate does not depend on the
// values.
func Operand(b *testing.B, d *gpu.Device, values int) gpu.View {
	buf, err := d.NewBuffer("operand", int64(values)*4)
	require.NoError(b, err)
	b.Cleanup(buf.Release)
	return buf.All()
}

// Benchmark runs a recording, and reports the rate of its multiply-adds in GFLOP/s.
func Benchmark(b *testing.B, d *gpu.Device, r *gpu.Recorder, macs int64) {
	plan, err := r.Plan()
	require.NoError(b, err)
	b.Cleanup(plan.Release)
	require.NoError(b, d.Run(plan)) // compiles
	d.Wait()
	for b.Loop() {
		require.NoError(b, d.Run(plan))
		d.Wait()
	}
	b.ReportMetric(2*float64(macs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
