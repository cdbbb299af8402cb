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
	"wgnin/nin/torchvision"
	"wgnin/nn"
	"wgnin/nn/data"
)

// bookInputs are the inputs of the goldens of the book's other networks, which are of the book's
// width. On images of their recipes' size they take too long here, and VGG-11 has a weight that
// software adapters do not bind.
var bookInputs = map[string]nn.Shape{
	"lenet": {C: 1, H: 28, W: 28}, "alexnet": {C: 1, H: 96, W: 96}, "vgg11": {C: 1, H: 32, W: 32},
	"googlenet": {C: 1, H: 64, W: 64}, "resnet18": {C: 1, H: 64, W: 64}, "densenet": {C: 1, H: 64, W: 64},
}

// namedGolden is a golden of one of the book's other networks, or of torchvision's.
type namedGolden struct {
	golden
	Names       map[string][]int
	Norms       map[string]float64
	LogitsAfter [][]float64 `json:"logits_after"`
}

// TestBookParity trains the book's other networks as TestPyTorchParity does, and holds names and
// shapes of the weights, logits before and after training, the norms of the first step's
// gradients, and losses against those of the book's classes in PyTorch's float64.
func TestBookParity(t *testing.T) {
	for name, in := range bookInputs {
		t.Run(name, func(t *testing.T) {
			recipe, err := nin.Find(name)
			require.NoError(t, err)
			g := readNamed(t, name)
			assert.Equal(t, g.Names, namesAndShapes(t, recipe.Net(10, 0), in))
			namedParity(t, g, recipe.Net(10, 0), in, nintest.Fashion(t).First(g.Images))
		})
	}
}

// TestTorchvisionParity is TestBookParity for torchvision's networks, which get their weights by
// torchvision's names. Names and shapes are those of the whole network; what is trained has fully
// connected layers of 512 in the place of 4,096, whose weights software adapters do not bind.
func TestTorchvisionParity(t *testing.T) {
	for name, in := range map[string]nn.Shape{
		"alexnet": {C: 3, H: 64, W: 64}, "vgg11": {C: 3, H: 32, W: 32}, "vgg11_bn": {C: 3, H: 32, W: 32}, "resnet18": {C: 3, H: 64, W: 64},
	} {
		t.Run(name, func(t *testing.T) {
			recipe, err := nin.Find("torchvision-" + name)
			require.NoError(t, err)
			g := readNamed(t, recipe.Name)
			assert.Equal(t, g.Names, namesAndShapes(t, recipe.Net(1000, 0), recipe.In))
			narrow, err := nn.Parse(strings.ReplaceAll(nn.Text(recipe.Net(10, 0)), "linear 4096", "linear 512"), torchvision.Layers()...)
			require.NoError(t, err)
			namedParity(t, g, narrow, in, hashedImages(g.Images))
		})
	}
}

func readNamed(t *testing.T, name string) (g namedGolden) {
	raw, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &g))
	return g
}

// namesAndShapes are those of a network's weights in a state dict.
func namesAndShapes(t *testing.T, l nn.Layer, in nn.Shape) map[string][]int {
	d, err := nn.Describe(l, in)
	require.NoError(t, err)
	all, names := map[string][]int{}, d.WeightNames()
	for _, l := range d.Layers {
		for _, w := range l.Weights {
			all["net."+names[len(all)]] = w.Shape
		}
	}
	return all
}

// namedParity trains a network from the golden's weights. The tolerances are those of
// TestPyTorchParity.
func namedParity(t *testing.T, g namedGolden, layers nn.Layer, in nn.Shape, set *data.Images) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, layers, in)
	require.NoError(t, err)
	defer net.Close()
	start, err := net.Weights()
	require.NoError(t, err)
	hashedWeights(start, g.Gain)
	for i := range start { // as in the state dict of the class itself
		start[i].Name = strings.TrimPrefix(start[i].Name, "net.")
	}
	require.NoError(t, net.SetWeights(start))

	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, g.Batch)
	require.NoError(t, err)
	defer eval.Close()
	logits := func(all [][]float64) {
		got, err := eval.Logits(0, len(all))
		require.NoError(t, err)
		for i, row := range all {
			for c, want := range row {
				assert.InDelta(t, want, got[i][c], 1e-4*max(1, math.Abs(want)), "logit %d of image %d", c, i)
			}
		}
	}
	logits(g.Logits)
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
		Hyper: nn.Hyper{Batch: g.Batch, Epochs: g.Steps, Steps: g.Steps, Rate: g.LR, Momentum: g.Momentum, WeightDecay: g.WeightDecay},
	})
	require.NoError(t, err)
	defer trainer.Close()
	worst := 0.0
	for step, err := range trainer.Steps(context.Background()) {
		require.NoError(t, err)
		want := g.Losses[step.Step-1]
		e := math.Abs(step.Loss-want) / want
		assert.LessOrEqual(t, e, 1e-4, "loss of step %d is %.7f; PyTorch's is %.7f", step.Step, step.Loss, want)
		worst = max(worst, e)
	}
	t.Logf("largest relative difference of a loss over %d steps: %.2g", g.Steps, worst)
	logits(g.LogitsAfter)

	require.NoError(t, net.SetWeights(start))
	total := 0.0
	for _, norm := range g.Norms {
		total = math.Hypot(total, norm)
	}
	grads := gradients(t, net, set.First(g.Batch))
	require.Len(t, grads, len(g.Norms))
	for _, w := range grads {
		squares := 0.0
		for _, v := range w.Data {
			squares += float64(v) * float64(v)
		}
		// A bias before a normalisation has no gradient but for rounding.
		assert.InDelta(t, g.Norms[w.Name], math.Sqrt(squares), 1e-4*g.Norms[w.Name]+1e-6*total, "norm of the gradient of %s", w.Name)
	}
}
