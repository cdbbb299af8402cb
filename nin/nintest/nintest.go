// Package nintest has helpers that the tests of networks, runs, reports and studies share.
package nintest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
)

// FashionDir returns the folder of a small part of Fashion-MNIST.
func FashionDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "nn", "data", "testdata", "fashion-mnist")
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.mod above the test")
		dir = filepath.Dir(dir)
	}
}

// Images loads the images in [FashionDir].
func Images(t testing.TB) (train, test *data.Images) {
	t.Helper()
	train, test, err := data.Load(t.Context(), "fashion-mnist", data.LoadOptions{Dir: FashionDir(t)})
	require.NoError(t, err)
	return train, test
}

// Fashion returns the training images in [FashionDir].
func Fashion(t testing.TB) *data.Images {
	t.Helper()
	train, _ := Images(t)
	return train
}

// Small is a network with the parts of the recipes' networks, dropout among them. It compiles and
// trains much faster, and serves tests of runs and programs for which any network will do.
const Small = "(conv 8 5 stride 2 pad 2; relu; conv 8 1; relu); maxpool 3 stride 2; dropout 0.5; (conv 10 3 pad 1; relu); globalavgpool; flatten"

// Short returns the settings of a run that trains [Small] on a few images for two epochs of four
// steps.
func Short(change func(*nin.Settings)) nin.Settings {
	mini, _ := nin.Find("mini")
	s := mini.Settings()
	s.Net, s.Batch, s.Epochs, s.TrainImages, s.TestImages, s.Seed = Small, 16, 2, 64, 32, 3
	change(&s)
	return s
}

// ModelFile writes a file with initial weights of the recipe's network for the given channels and
// classes, and returns its path.
func ModelFile(t testing.TB, recipe string, channels, classes int, meta map[string]string) string {
	t.Helper()
	r, err := nin.Find(recipe)
	require.NoError(t, err)
	r.In.C = channels
	path := filepath.Join(t.TempDir(), "model.safetensors")
	require.NoError(t, safetensors.Write(path, startingWeights(t, r.Net(classes, 0), r.In, r.Init), meta))
	return path
}

// Branched returns a network that belongs to no recipe, for images of 12x10, with residuals and
// branches and with initial weights.
func Branched(t testing.TB) *nin.Model {
	t.Helper()
	m := &nin.Model{
		Layers: nn.Sequential{
			nn.Conv2D{Out: 8, Kernel: 3, Pad: nn.Same}, nn.LeakyReLU{Slope: 0.2},
			nn.Residual{Body: nn.Sequential{nn.Conv2D{Out: 8, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}}},
			nn.Concat{nn.Conv2D{Out: 4, Kernel: 1}, nn.Sequential{}},
			nn.Conv2D{Out: 10, Kernel: 1}, nn.GlobalAvgPool2D{}, nn.Flatten{},
		},
		In: nn.Shape{C: 1, H: 12, W: 10}, Dataset: "fashion-mnist",
	}
	m.Weights = startingWeights(t, m.Layers, m.In, nn.He)
	return m
}

func startingWeights(t testing.TB, layers nn.Layer, in nn.Shape, init nn.Init) []safetensors.Tensor {
	t.Helper()
	net, err := nn.NewNet(gputest.Device(t), layers, in)
	require.NoError(t, err)
	defer net.Close()
	require.NoError(t, net.Init(init, 1))
	weights, err := net.Weights()
	require.NoError(t, err)
	return weights
}
