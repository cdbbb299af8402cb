package main

import (
	"encoding/json"
	"testing"

	"wgnin/gpu/gputest"
	"wgnin/nin/report"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCost(t *testing.T) {
	code, out, stderr := runNin("cost", "-recipe", "mini", "-adapter", "webgpu")
	assert.Zero(t, code, stderr)
	assert.Contains(t, out, "recipe mini, input [128,1,28,28], planned for any WebGPU adapter")
	assert.Contains(t, out, "planned peak")

	code, out, stderr = runNin("cost", "-adapter", "webgpu", "-net", "conv 10 3; relu; globalavgpool; flatten",
		"-input", "9x9")
	assert.Zero(t, code, stderr)
	assert.Contains(t, out, "your own network, input [128,1,9,9], planned for any WebGPU adapter")
	refuses(t, []string{"cost", "-recipe", "d2l,mini", "-net", "conv 10 3"}, 2, "-net is for one recipe")

	// Twice the images take twice the activations. A batch costs the same in whichever way it is
	// given.
	var costs []report.Cost
	for _, args := range [][]string{{"-batch", "32"}, {"-input", "64,1,28,28"},
		{"-input", "64,1,28,28", "-batch", "64"}, {"-input", "28x28", "-batch", "64"}} {
		code, out,
			stderr := runNin(append([]string{"cost", "-recipe", "mini", "-adapter", "webgpu", "-json"}, args...)...)
		assert.Zero(t, code, stderr)
		var c report.Cost
		require.NoError(t, json.Unmarshal([]byte(out), &c))
		costs = append(costs, c)
	}
	assert.Equal(t, 2*costs[0].Layers[1].PredictBytes, costs[1].Layers[1].PredictBytes)
	assert.Equal(t, costs[1], costs[2])
	assert.Equal(t, costs[1], costs[3])
	assert.Equal(t, 112_646, costs[0].Parameters)
}

// The command compares the chapter's network with its neighbours. The adapter cannot bind the
// weights of one layer of VGG-11.
func TestCostsSideBySide(t *testing.T) {
	code, out, stderr := runNin("cost", "-recipe", "d2l,alexnet,vgg11", "-adapter", "webgpu")
	assert.Zero(t, code, stderr)
	assert.Regexp(t, `(?m)^d2l +\[128,1,224,224\] +64 +1992166 +762\.3 `, out)
	assert.Regexp(t, `(?m)^alexnet +\[128,1,224,224\] +64 +46764746 +938\.1 `, out)
	assert.Regexp(t, `(?m)^vgg11 +\[128,1,224,224\] +128 +128806154 +7547\.2 `, out)
	assert.Contains(t, out,
		"vgg11 is planned for an adapter that binds 4 GiB: layer 6 (linear 4096) on [25088]: weights take 411058176 bytes")

	code, out, stderr = runNin("cost", "-recipe", "mini,lenet", "-adapter", "webgpu", "-json", "-batch", "2")
	assert.Zero(t, code, stderr)
	var costs []report.Cost
	require.NoError(t, json.Unmarshal([]byte(out), &costs))
	require.Len(t, costs, 2)
	assert.Equal(t, "lenet", costs[1].Recipe)
	assert.Equal(t, []int{2, 1, 28, 28}, costs[1].Input)
}

// With -ranks the command measures the time of a step, or takes it from a flag, and predicts the
// time for more ranks.
func TestCostOfRanks(t *testing.T) {
	code, out, stderr := runNin("cost", "-recipe", "mini", "-adapter", "webgpu", "-ranks", "4", "-step-time", "100ms",
		"-network", "1Gb", "-latency", "0")
	assert.Zero(t, code, stderr)
	assert.Contains(t, out, "computed for a network of 1 Gb/s a rank, 0 µs latency and 1 µs a message")
	assert.Contains(t, out, "a step of 128 images takes 100ms, as given")
	assert.Regexp(t, `(?m)^ +4 +0\.69 `, out)

	gputest.Device(t)
	code, out, stderr = runNin("cost", "-recipe", "mini", "-batch", "4", "-ranks", "2", "-json")
	assert.Zero(t, code, stderr)
	var s report.Scaling
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	require.Len(t, s.Rows, 2)
	assert.Positive(t, s.Compute.Alone)
	assert.InEpsilon(t, 4, s.Rows[0].Weak.Seconds/s.Compute.Alone*4, 1e-9)
	assert.Greater(t, s.Rows[1].Bytes, int64(4*112_646))
	assert.Contains(t, s.Compute.Measured, "steps of 1 and 4 images, measured on ")
}

func TestCostRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-recipe", "mimi"}, 2, "mini"},
		{[]string{"-recipe", "mini,"}, 2, `there is no recipe ""`},
		{[]string{"-input", "1,2,3"}, 2, "want N,C,H,W"},
		{[]string{"-input", "0,1,28,28"}, 2, "want N,C,H,W"},
		{[]string{"-batch", "-1"}, 2, "want 1 to 1000000"},
		{[]string{"-batch", "2", "-input", "1,1,28,28"}, 2, "want one of them"},
		{[]string{"-batch", "70000"}, 2, "want at most 60000, the training images of fashion-mnist"},
		{[]string{"-ranks", "3"}, 2, "-ranks is 3; want a power of two up to 4096"},
		{[]string{"-ranks", "2", "-network", "10GB"}, 2,
			`-network is "10GB"; want bits per second, such as 10Gb or 100Mb`},
		{[]string{"-ranks", "2", "-latency", "-1s"}, 2, "want no less than 0"},
		{[]string{"-ranks", "2", "-freeze", "0"}, 2, "-ranks is for one recipe"},
		{[]string{"-ranks", "2"}, 2, "give -step-time"},
		{[]string{"-input", "1,1,4,4"}, 1, "layer 0.0"},
		{[]string{"-input", "1,1,9000,9000"}, 1, "binds at most"},
	} {
		code, out, stderr := runNin(append([]string{"cost", "-adapter", "webgpu"}, c.args...)...)
		assert.Equal(t, c.code, code, "%v: %s", c.args, stderr)
		assert.Empty(t, out)
		assert.Contains(t, stderr, c.says)
		assert.Regexp(t, "^[^\n]+\n$", stderr)
	}
}
