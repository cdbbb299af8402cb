package main

import (
	"encoding/json"
	"testing"

	"wgnin/nin/report"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCost(t *testing.T) {
	code, out, stderr := runNin("cost", "-recipe", "mini", "-adapter", "webgpu")
	assert.Zero(t, code, stderr)
	assert.Contains(t, out, "recipe mini, input [128,1,28,28], planned for any WebGPU adapter")
	assert.Contains(t, out, "planned peak")

	// Twice the images take twice the activations, and a batch is one however
	// it is given.
	var costs []report.Cost
	for _, args := range [][]string{{"-batch", "32"}, {"-input", "64,1,28,28"}, {"-input", "64,1,28,28", "-batch", "64"}, {"-input", "28x28", "-batch", "64"}} {
		code, out, stderr := runNin(append([]string{"cost", "-recipe", "mini", "-adapter", "webgpu", "-json"}, args...)...)
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
	assert.Contains(t, out, "vgg11 is planned for an adapter that binds 4 GiB: layer 6 (linear 4096) on [25088]: weights take 411058176 bytes")

	code, out, stderr = runNin("cost", "-recipe", "mini,lenet", "-adapter", "webgpu", "-json", "-batch", "2")
	assert.Zero(t, code, stderr)
	var costs []report.Cost
	require.NoError(t, json.Unmarshal([]byte(out), &costs))
	require.Len(t, costs, 2)
	assert.Equal(t, "lenet", costs[1].Recipe)
	assert.Equal(t, []int{2, 1, 28, 28}, costs[1].Input)
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
