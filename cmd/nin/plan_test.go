package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Plan prints the golden plan of the chapter's network, and says how the adapter splits a batch.
func TestPlan(t *testing.T) {
	golden, err := os.ReadFile("../../nin/testdata/plans/chapter.txt")
	require.NoError(t, err)
	code, out, stderr := runNin("plan", "-batch", "64", "-adapter", "webgpu")
	assert.Zero(t, code, stderr)
	head := "recipe d2l, batch 64, planned for any WebGPU adapter\n\n" +
		"layer      kernel                   shape                                          groups  arguments\n"
	assert.Equal(t, head+string(golden), out)

	code, out, stderr = runNin("plan", "-adapter", "webgpu")
	assert.Zero(t, code, stderr)
	assert.Contains(t, out, "recipe d2l, batch 128, 64 images at a time, planned for any WebGPU adapter\n")

	code, out, stderr = runNin("plan", "-adapter", "webgpu", "-net", "conv 10 3; relu; globalavgpool; flatten",
		"-input", "8,3,9,9")
	assert.Zero(t, code, stderr)
	assert.Contains(t, out, "your own network, batch 8, planned for any WebGPU adapter\n")
	assert.Contains(t, out, "[8,3->10] 9x9 3x3 ")

	refuses(t, []string{"plan", "-net", "conv 10 30", "-input", "9x9"}, 1, "nin: plan: ")
	refuses(t, []string{"plan", "-net", "cnov 10 3"}, 2, "nin: plan: ")
	refuses(t, []string{"plan", "-recipe", "none"}, 2, "nin: plan: ")
	refuses(t, []string{"plan", "-batch", "100000", "-adapter", "webgpu"}, 2, "nin: plan: -batch is 100000; want ")
}
