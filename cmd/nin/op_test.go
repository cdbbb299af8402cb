package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin/report"
)

// A wrong op, layer or shape is refused with an error that says what would be right.
func TestParseOp(t *testing.T) {
	for _, c := range []struct{ op, shape, says string }{
		{"pol", "", `"pol" is neither an op nor a layer: the nearest is pool (of activation, adam,`},
		{"", "1,2,3,4", "want an op: activation, adam,"},
		{"pool", "", `pool has no shape; want one such as "N=8 C=96 InH=54`},
		{"pool", "N=8 Q=1", `"Q=1" in the shape; want NAME=VALUE, of N, C, InH, InW, KH, KW,`},
		{"pool", "N=8 C=many", `C=many: want a whole number`},
		{"pool", "N=8 C=4 InH=2 InW=2 KH=3 KW=3 StrideH=1 StrideW=1", "kernel 3x3 does not fit"},
		{"sgd", "Count=4 Nesterov=perhaps", "want true or false"},
		{"activation", "Function=swish Pixels=1 C=1 Stride=4", "want sigmoid, tanh, "},
		{"conv2d", "N=1", "image is 0x0"},
		{"conv 256 5 pad", "8,3,8,8", "pad"},
		{"conv 256 5 pad 2", "8,96,26", `shape "8,96,26"; want N,C,H,W`},
		{"conv 256 5", "8,96,3,3", "kernel 5x5 does not fit"},
		{"linear 10", "8,96,3,3", "put Flatten before"},
		{"relu", "8,96,3,3,3", "want N,C,H,W"},
		{"relu", "0,96,3,3", "0 images; want 1 to"},
	} {
		_, err := parseOp(c.op, c.shape)
		assert.ErrorContains(t, err, c.says, "%s at %s", c.op, c.shape)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
		}
	}
}

// bench measures the kernels of an op in each variant, beside their twins, and a layer with the
// variants of its convolutions.
func TestBenchOp(t *testing.T) {
	dev := gputest.Device(t)
	buffers, _ := dev.Usage()
	bench := func(op, shape, kernel string) (report.OpReport, error) {
		o, err := parseOp(op, shape)
		require.NoError(t, err)
		return report.BenchOp(context.Background(), dev, o, kernel, 2)
	}
	rep, err := bench("pool", "N=2 C=8 InH=9 InW=9 KH=3 KW=3 StrideH=2 StrideW=2", "max")
	require.NoError(t, err)
	require.Len(t, rep.Kernels, 2)
	for i, name := range []string{"pool/max_forward", "pool/max_backward"} {
		k := rep.Kernels[i]
		assert.Equal(t, name, k.Kernel)
		assert.Equal(t, "vec4", k.Variant)
		assert.Positive(t, k.MinMs)
		assert.LessOrEqual(t, k.MinMs, k.Ms)
		assert.Positive(t, k.GBs)
		assert.LessOrEqual(t, k.Error, 1.0)
	}
	for _, c := range []float64{rep.FMAGFlops, rep.ReadGBs, rep.CopyGBs, rep.BlendGBs} {
		assert.Positive(t, c)
	}
	var text strings.Builder
	require.NoError(t, rep.Write(&text))
	assert.Contains(t, text.String(), "pool at N=2 C=8 InH=9 InW=9")
	assert.Contains(t, text.String(), "pool/max_backward")

	rep, err = bench("conv 8 3 pad 1; relu", "2,4,6,6", "")
	require.NoError(t, err)
	require.Len(t, rep.Variants, 3)
	for i, pass := range []string{"forward", "dx", "dw"} {
		assert.Equal(t, pass, rep.Variants[i].Pass)
		assert.NotEmpty(t, rep.Variants[i].Candidates)
	}
	assert.NotEmpty(t, rep.Kernels)
	for _, k := range rep.Kernels {
		assert.True(t, strings.HasPrefix(k.Layer, "1."), k.Layer)
	}
	out, err := json.Marshal(rep)
	require.NoError(t, err)
	assert.Contains(t, string(out), `"fma_gflop_per_s":`)
	assert.Contains(t, string(out), `"variants":[{`)
	text.Reset()
	require.NoError(t, rep.Write(&text))
	assert.Regexp(t, `forward +\S.* 1\.0 +\[2,4->8\] 6x6 3x3`, text.String())

	rep, err = bench("relu", "2,4,6,6", "") // the layer of the same name
	require.NoError(t, err)
	assert.Len(t, rep.Kernels, 2)

	_, err = bench("relu", "Elems=64", "nonsense")
	assert.EqualError(t, err, `Kernel is "nonsense"; want a part of the name of a kernel of relu`)
	_, err = bench("dropout", "Rows=100000 RowElems=100000 P=0.5", "")
	assert.ErrorContains(t, err, "a tensor of 10000000000 values; want at most")
	after, _ := dev.Usage()
	assert.Equal(t, buffers, after)
}
