package nin_test

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
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// tab has the network that testdata/tabs.py calls small, in the form of nn.Text, and the chapter's
// network as a tab of the chapter writes it, or nil if it has no golden.
type tab struct {
	small   string
	chapter nn.Layer
}

// pointwise is ten 1x1 convolutions.
var pointwise = strings.Repeat("conv 5 1; tanh; ", 10)

// Keras's normalisation has another Eps. Momentum keeps its default, because it does not change a
// loss.
const smallKeras = "(conv 6 5x4 stride 2 pad same; tanh; batchnorm eps 0.001); maxpool 3 stride 2 pad same; " +
	"conv 5 3x2 pad same; tanh; %avgpool 3 stride 2 pad same excludepad; flatten; linear 7; tanh; linear 10"

var tabs = map[string]tab{
	"flax": {
		small: "conv 6 5x4 stride 2x3 pad same; tanh; batchnorm; maxpool 3 stride 2 pad same; conv 5 3x2 pad same; tanh; %" +
			"avgpool 3x2 stride 2 pad same; flatten; linear 7; tanh; linear 10",
		chapter: chapterWith(nn.Pad(0), nn.Pad(2), nn.Pad(1), nn.AvgPool2D{Kernel: 5, Stride: 1}),
	},
	"keras": {
		small:   smallKeras,
		chapter: chapterWith(nn.Valid, nn.Same, nn.Same, nn.GlobalAvgPool2D{}),
	},
	"tf_keras": {small: smallKeras},
	"mxnet": {
		small: "conv 6 5x4 stride 2x3 pad 2,2,1,1; tanh; batchnorm; maxpool 3 stride 2 ceil; conv 5 3x2 pad 1; tanh; %" +
			"avgpool 3 stride 2 pad 1; flatten; linear 7; tanh; linear 10",
		chapter: nin.Chapter(10, 0),
	},
}

// chapterWith returns the chapter's network with a framework's padding of the 11x11, 5x5 and 3x3
// convolutions, and its layer for averaging.
func chapterWith(pad11, pad5, pad3 nn.Padding, average nn.Layer) nn.Sequential {
	s := nin.Chapter(10, 0)
	s[0], s[2], s[4], s[7] = nin.Block(96, 11, 4, pad11), nin.Block(256, 5, 1, pad5), nin.Block(384, 3, 1, pad3),
		nin.Block(10, 3, 1, pad3)
	s[8] = average
	return s
}

// TestTabs compares the logits and the losses of ten steps with those of the chapter's other
// frameworks in float64. The chapter's network starts from hashed weights, a small network from
// weights that each framework saved. The tolerances are those of TestPyTorchParity.
func TestTabs(t *testing.T) {
	for framework, tab := range tabs {
		t.Run(framework, func(t *testing.T) {
			var g struct{ Small, Chapter golden }
			raw, err := os.ReadFile("testdata/tabs/" + framework + ".json")
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(raw, &g))

			t.Run("small", func(t *testing.T) {
				layers, err := nn.Parse(strings.Replace(tab.small, "%", pointwise, 1))
				require.NoError(t, err)
				weights, _, err := safetensors.Read("testdata/tabs/" + framework + ".safetensors")
				require.NoError(t, err)
				net, err := nn.NewNet(gputest.Device(t), layers, nn.Shape{C: 1, H: 28, W: 28})
				require.NoError(t, err)
				defer net.Close()
				require.NoError(t, net.SetWeights(weights))
				compareRun(t, framework, g.Small, net)
			})
			if tab.chapter == nil {
				return
			}
			t.Run("chapter", func(t *testing.T) {
				if !gputest.Long() {
					t.Skip("seconds a step on a processor: NIN_LONG=1 runs it")
				}
				net, err := nn.NewNet(gputest.Device(t), tab.chapter, nn.Shape{C: 1, H: 224, W: 224})
				require.NoError(t, err)
				defer net.Close()
				weights, err := net.Weights()
				require.NoError(t, err)
				hashedWeights(weights, g.Chapter.Gain)
				require.NoError(t, net.SetWeights(weights))
				compareRun(t, framework, g.Chapter, net)
			})
		})
	}
}

// compareRun evaluates and trains the net, and compares the results with the golden run.
func compareRun(t *testing.T, framework string, g golden, net *nn.Net) {
	start, err := net.Weights()
	require.NoError(t, err)
	images, err := nn.Upload(net.Device(), nintest.Fashion(t).First(g.Images))
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, g.Batch)
	require.NoError(t, err)
	defer eval.Close()
	logits, err := eval.Logits(0, len(g.Logits))
	require.NoError(t, err)
	require.Len(t, g.Logits, g.Batch)
	for i := range g.Logits {
		for c, want := range g.Logits[i] {
			assert.InDelta(t, want, logits[i][c], 1e-4*max(1, math.Abs(want)), "logit %d of image %d", c, i)
		}
	}

	hyper := nn.Hyper{Batch: g.Batch, Epochs: 1, Steps: g.Steps, Rate: g.LR}
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: hyper})
	require.NoError(t, err)
	defer trainer.Close()
	worst := 0.0
	require.Len(t, g.Losses, g.Steps)
	for step, err := range trainer.Steps(context.Background()) {
		require.NoError(t, err)
		want := g.Losses[step.Step-1]
		e := math.Abs(step.Loss-want) / want
		assert.LessOrEqual(t, e, 1e-4, "loss of step %d is %.7f; %s has %.7f", step.Step, step.Loss, framework, want)
		worst = max(worst, e)
	}
	t.Logf("%s: largest relative difference of a loss over %d steps: %.2g", framework, g.Steps, worst)
	if g.Weights != nil {
		after, err := net.Weights()
		require.NoError(t, err)
		compare(t, "weight", after, start, g.Weights, 1e-4)
	}
}
