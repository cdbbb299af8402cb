package report_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/gpu/machine"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nin/run"
	"wgnin/nn/data"
)

// TestCostIsWhatTheDeviceCounts prepares whole runs, with batches that the adapter splits and
// batches that it does not. The device holds the planned memory, and writing the first checkpoint
// takes it to the planned peak.
func TestCostIsWhatTheDeviceCounts(t *testing.T) {
	dev := gputest.Device(t)
	for _, c := range []struct{ recipe, freeze string }{{"d2l", ""}, {"mini", ""}, {"mini", "0,2,4.0"}} {
		t.Run(c.recipe+" "+c.freeze, func(t *testing.T) {
			recipe, err := nin.Find(c.recipe)
			require.NoError(t, err)
			before, held := dev.Usage()
			cost, err := report.PlanCost(dev, recipe, recipe.Batch, c.freeze)
			require.NoError(t, err)
			buffers, bytes := dev.Usage()
			assert.Equal(t, before, buffers, "planning left buffers")
			assert.Equal(t, held, bytes)

			train, test, err := data.Blank(recipe.Dataset)
			require.NoError(t, err)
			dev.Peak()
			settings := recipe.Settings()
			settings.Freeze = c.freeze
			r, err := run.New(context.Background(), dev, settings, nil, train, test, t.TempDir())
			require.NoError(t, err)
			defer r.Close()
			_, bytes = dev.Usage()
			assert.Equal(t, cost.Training.Peak-cost.Training.Staging, bytes-held)
			assert.Equal(t, cost.Training.Peak, dev.Peak()-held)
			assert.Equal(t, r.Net.Params(), cost.Parameters)
			assert.Equal(t, r.Trainer.MicroBatch(), cost.MicroBatch)
			assert.InEpsilon(t, float64(r.Trainer.Flops()), cost.TrainFlops*float64(recipe.Batch), 1e-6)
		})
	}
}

// TestCostOfTheChapter checks the numbers for the chapter's exercise 4 on an adapter that binds a
// whole batch of 128: 762.3 million multiply-adds, three times as many in training except for the
// gradient of the first layer's input, and a planned peak below 1.3 GB for a whole run.
func TestCostOfTheChapter(t *testing.T) {
	recipe, err := nin.Find("d2l")
	require.NoError(t, err)
	large := gpu.Guaranteed
	large.Limits.MaxBindingBytes, large.Limits.MaxBufferBytes = 2<<30, 4<<30
	cost, err := report.PlanCost(gpu.Dry(large, false), recipe, 128, "")
	require.NoError(t, err)
	assert.Equal(t, 128, cost.MicroBatch)
	assert.Equal(t, 1_992_166, cost.Parameters)
	assert.Equal(t, int64(762_297_352), cost.MACs)
	first := 2 * int64(96*54*54*11*11)
	assert.InEpsilon(t, float64(3*2*cost.MACs-first), cost.TrainFlops, 2e-3)
	assert.Less(t, cost.Training.Peak, int64(1_300_000_000))
	assert.Less(t, cost.Prediction.Peak, cost.Training.Peak/2)
	m := cost.Training
	assert.Equal(t, m.Peak, m.Weights+m.Gradients+m.Velocity+m.Images+m.Activations+m.Evaluation+m.Other+m.Staging)
	assert.Less(t, m.Activations, m.Unshared)

	// The guaranteed limits split the batch.
	small, err := report.PlanCost(gpu.Dry(gpu.Guaranteed, false), recipe, 128, "")
	require.NoError(t, err)
	assert.Equal(t, 64, small.MicroBatch)
	assert.Less(t, small.Training.Peak, cost.Training.Peak)

	var out strings.Builder
	require.NoError(t, cost.Write(&out))
	assert.Contains(t, out.String(), "[128,256,26,26]  614656      415.33           2492.")

	recipe.In.H, recipe.In.W = 8192, 8192
	_, err = report.PlanCost(gpu.Dry(gpu.Guaranteed, false), recipe, 1, "")
	assert.ErrorContains(t, err, "any WebGPU adapter binds at most 134217728")
}

// The costs of the layers add up to the total, including what runs before the network: an image of
// lin2013 is whitened by a matrix of 3072 x 3072.
func TestCostOfLayers(t *testing.T) {
	recipe, err := nin.Find("lin2013")
	require.NoError(t, err)
	cost, err := report.PlanCost(gpu.Dry(gpu.Guaranteed, false), recipe, 128, "")
	require.NoError(t, err)
	sum, paths := report.CostLine{}, map[string]report.CostLine{}
	for _, l := range cost.Layers {
		sum.Parameters += l.Parameters
		sum.MACs += l.MACs
		sum.TrainFlops += l.TrainFlops
		sum.PredictBytes += l.PredictBytes
		sum.TrainBytes += l.TrainBytes
		paths[l.Path] = l
	}
	assert.Equal(t, cost.Parameters, sum.Parameters)
	assert.Equal(t, cost.MACs, sum.MACs)
	assert.InEpsilon(t, cost.TrainFlops, sum.TrainFlops, 1e-9)
	assert.Equal(t, cost.Prediction.Unshared, sum.PredictBytes)
	assert.Equal(t, cost.Training.Unshared, sum.TrainBytes)
	assert.InEpsilon(t, 2*3072*3072, paths["whiten"].TrainFlops, 0.1) // the rest is the normalisation
	assert.Less(t, paths["input"].TrainFlops, 1e6)
}

// What does not fit is rejected before anything is allocated, on the host as on the device: these
// sizes need more memory than any machine has.
func TestPlansOfTooMuch(t *testing.T) {
	recipe, err := nin.Find("mini")
	require.NoError(t, err)
	if machine.FreeMemory() > 0 {
		_, err = report.Bench(context.Background(), gpu.Dry(gpu.Guaranteed, false),
			report.BenchOptions{Recipe: recipe, Batch: 1e15, Steps: 1})
		assert.ErrorContains(t, err, "a batch of 1000000000000000 images takes 2352000000000000000 bytes to make; ")
	}
	recipe.In.C = 4096 // 225 GB of images
	a := gpu.Guaranteed
	c, err := report.PlanCost(gpu.Dry(a, false), recipe, 4, "")
	require.NoError(t, err)
	assert.InEpsilon(t, 70_000*4096*28*28, c.Training.Images, 0.001)
	a.Limits.MaxBytes = 64 << 30
	_, err = report.PlanCost(gpu.Dry(a, false), recipe, 4, "")
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	assert.Regexp(t, "^TrainImages must be less: 60000 images of .4096,28,28. are too many: [^\n]*$", err.Error())
}
