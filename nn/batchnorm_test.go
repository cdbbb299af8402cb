package nn_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
)

// TestBatchNormIsPyTorchs checks that a network with BatchNorm2D trains, keeps its running
// statistics and predicts like PyTorch in float64, with a last batch that is smaller too.
// testdata/batchnorm.py made the numbers. The tolerance, 1e-4, is that of the other comparisons
// with PyTorch.
func TestBatchNormIsPyTorchs(t *testing.T) {
	var want struct {
		Losses []float64
		Logits [][]float64
		State  map[string][]float64
	}
	raw, err := os.ReadFile("testdata/batchnorm.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &want))
	net, images := build(t, gputest.Device(t), nn.Sequential{
		nn.Conv2D{Out: 6, Kernel: 3, Pad: nn.Pad(1)}, nn.BatchNorm2D{}, nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Conv2D{Out: 10, Kernel: 3}, nn.BatchNorm2D{Eps: 1e-3, Momentum: 0.3}, nn.GlobalAvgPool2D{}, nn.Flatten{},
	}, fashion(t, 20))
	require.NoError(t, net.Init(nn.Init{Weight: nn.Zero, Bias: nn.Zero}, 0))
	weights, err := net.Weights()
	require.NoError(t, err)
	p := 0
	for _, w := range weights {
		if len(w.Shape) == 4 {
			fan := float64(len(w.Data) / w.Shape[0])
			for i := range w.Data {
				w.Data[i] = float32(float64((i*7919+p*104729)%2001-1000) / 1000 * 0.4 / math.Sqrt(fan))
			}
			p++
		}
	}
	require.NoError(t, net.SetWeights(weights))
	trainer, err := nn.NewTrainer(net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 2, Rate: 0.05, Momentum: 0.9}})
	require.NoError(t, err)
	defer trainer.Close()
	var losses []float64
	for s, err := range trainer.Steps(context.Background()) {
		require.NoError(t, err)
		losses = append(losses, s.Loss)
	}
	assert.InDeltaSlice(t, want.Losses, losses, 1e-4)
	weights, err = net.Weights()
	require.NoError(t, err)
	compared := 0
	for _, w := range weights {
		if values, ok := want.State[strings.TrimPrefix(w.Name, "net.")]; ok {
			for i, v := range values {
				assert.InDelta(t, v, float64(w.Data[i]), 1e-4, "%s[%d]", w.Name, i)
			}
			compared++
		}
	}
	assert.Equal(t, len(want.State), compared)
	eval, err := nn.NewEvaluator(net, images, 7)
	require.NoError(t, err)
	defer eval.Close()
	logits, err := eval.Logits(0, len(want.Logits))
	require.NoError(t, err)
	for i, row := range want.Logits {
		for c, v := range row {
			assert.InDelta(t, v, float64(logits[i][c]), 1e-4, "logit %d of image %d", c, i)
		}
	}

	// A probe computes what an evaluation does, and does not change the statistics.
	probe, err := nn.NewProbe(net)
	require.NoError(t, err)
	defer probe.Close()
	require.NoError(t, probe.SetImage(images.Set(), 0))
	require.NoError(t, probe.Run(true))
	after, err := net.Weights()
	require.NoError(t, err)
	assert.Equal(t, weights, after)
	wrong := []nn.Layer{nn.BatchNorm2D{Eps: -1}, nn.BatchNorm2D{Momentum: 1.5}, nn.BatchNorm2D{Momentum: math.NaN()}}
	for _, l := range wrong {
		_, err := nn.Describe(nn.Sequential{nn.Conv2D{Out: 4, Kernel: 1}, l}, nn.Shape{C: 1, H: 4, W: 4})
		assertOneLine(t, err, "layer 1 (batchnorm")
	}
	_, err = nn.Describe(nn.Sequential{nn.BatchNorm2D{}}, nn.Shape{C: 3, H: 4, W: 4})
	assertOneLine(t, err, "want a convolution before it")
	_, err = nn.Describe(nn.Sequential{nn.Flatten{}, nn.BatchNorm2D{}}, nn.Shape{C: 1, H: 4, W: 4})
	assertOneLine(t, err, "want an image")
}
