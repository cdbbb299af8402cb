package nin_test

import (
	"context"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// model is a file with weights of the recipe's network as they start, for so
// many channels and classes.
func model(t *testing.T, recipe string, channels, classes int, meta map[string]string) string {
	t.Helper()
	r, err := nin.Find(recipe)
	require.NoError(t, err)
	dev := gputest.Device(t)
	r.In.C = channels
	net, err := nn.NewNet(dev, r.Net(classes, 0), r.In)
	require.NoError(t, err)
	defer net.Close()
	require.NoError(t, net.Init(r.Init, 1))
	weights, err := net.Weights()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	require.NoError(t, safetensors.Write(path, weights, meta))
	return path
}

// The recipe is the one that the weights fit, whatever the number of classes and
// channels.
func TestReadModel(t *testing.T) {
	for _, c := range []struct {
		recipe            string
		channels, classes int
		meta              map[string]string
		dataset, class0   string
	}{
		{"d2l", 1, 10, nil, "fashion-mnist", "t-shirt/top"},
		{"mini", 3, 4, nil, "fashion-mnist", "0"},
		{"mini", 1, 10, map[string]string{"dataset": "mnist"}, "mnist", "0"},
		{"mini", 1, 2, map[string]string{"dataset": "folder", "classes": `["cat","dog"]`}, "folder", "cat"},
		{"mini", 1, 3, map[string]string{"dataset": "folder", "classes": `["cat","dog"]`}, "folder", "0"},
		{"lin2013", 3, 10, nil, "cifar10", "airplane"},
	} {
		path := model(t, c.recipe, c.channels, c.classes, c.meta)
		for _, given := range []string{"", c.recipe} {
			m, err := nin.ReadModel(path, given)
			require.NoError(t, err)
			assert.Equal(t, c.recipe, m.Recipe.Name)
			assert.Equal(t, c.channels, m.Recipe.In.C)
			assert.Equal(t, c.dataset, m.Dataset)
			assert.Len(t, m.Classes, c.classes)
			assert.Equal(t, c.class0, m.Classes[0])
		}
	}
	_, err := nin.ReadModel(model(t, "mini", 1, 10, nil), "d2l")
	assert.ErrorContains(t, err, "net.0.0.weight has shape [32 1 5 5]; the network's is [96 1 11 11]")
	path := filepath.Join(t.TempDir(), "other.safetensors")
	require.NoError(t, safetensors.Write(path, []safetensors.Tensor{{Name: "x", Shape: []int{1}, Data: []float32{1}}}, nil))
	_, err = nin.ReadModel(path, "")
	assert.ErrorContains(t, err, "no recipe's network")
}

// A checkpoint is a model too: its velocities are passed over.
func TestReadModelOfCheckpoint(t *testing.T) {
	dev := gputest.Device(t)
	dir := t.TempDir()
	start(t, dev, filepath.Join(dir, "run"), "")
	m, err := nin.ReadModel(filepath.Join(dir, "run", "checkpoint", "step-000000000.safetensors"), "")
	require.NoError(t, err)
	assert.Equal(t, "mini", m.Recipe.Name)
}

// TestEvaluate compares loss and accuracy, which come from logits on the host,
// with what the kernels add up on the device.
func TestEvaluate(t *testing.T) {
	dev := gputest.Device(t)
	set := fashion(t).First(50)
	m, err := nin.ReadModel(model(t, "mini", 1, 10, nil), "")
	require.NoError(t, err)
	done := 0
	e, err := m.Evaluate(context.Background(), dev, set, 8, func(n int) { done = n })
	require.NoError(t, err)
	assert.Equal(t, 50, done)

	net, err := m.Net(dev)
	require.NoError(t, err)
	defer net.Close()
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, 8)
	require.NoError(t, err)
	defer eval.Close()
	want, err := eval.Run(context.Background())
	require.NoError(t, err)
	assert.InEpsilon(t, want.Loss, e.Loss, 1e-5) // a sum of 50 in float32
	assert.InDelta(t, want.Accuracy, e.Accuracy, 1e-9)
	assert.Greater(t, e.Accuracy, 0.0)

	logits, err := eval.Logits(0, 50)
	require.NoError(t, err)
	taken := make([]int, 50)
	for i, row := range logits {
		taken[i] = slices.Index(row, slices.Max(row))
	}
	for c, r := range e.Classes {
		hits, of, as := 0, 0, 0
		for i, label := range set.Labels {
			isLabel, isTaken := int(label) == c, taken[i] == c
			hits += ones(isLabel && isTaken)
			of += ones(isLabel)
			as += ones(isTaken)
		}
		assert.Equal(t, of, r.Images)
		assert.InDelta(t, float64(hits)/float64(max(1, as)), r.Precision, 1e-9)
		assert.InDelta(t, float64(hits)/float64(max(1, of)), r.Recall, 1e-9)
		assert.Equal(t, hits, e.Confusion[c][c])
	}
	assert.Equal(t, "mini", e.Recipe)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = m.Evaluate(ctx, dev, set, 8, nil)
	require.ErrorIs(t, err, context.Canceled)
	set.C, set.H = 2, set.H/2
	_, err = m.Evaluate(context.Background(), dev, set, 8, nil)
	assert.ErrorContains(t, err, "the images have 2 channels; the network takes 1")
}

func ones(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestEvaluationWrite(t *testing.T) {
	e := nin.Evaluation{
		Recipe: "mini", Dataset: "pets", Images: 10, Accuracy: 0.6, Loss: 0.5,
		Classes:   []nin.ClassResult{{Name: "cat", Images: 6, Precision: 0.667, Recall: 0.667}, {Name: "dog", Images: 4, Precision: 0.5, Recall: 0.5}},
		Confusion: [][]int{{4, 2}, {2, 2}},
	}
	var out strings.Builder
	require.NoError(t, e.Write(&out))
	assert.Equal(t, `mini on 10 images of pets: accuracy 0.6000, loss 0.5000

class  images  precision  recall  most often taken for
cat    6       0.667      0.667   dog (2)
dog    4       0.500      0.500   cat (2)

confusion: rows are the labels, columns what was predicted
       0 1
 0 cat 4 2
 1 dog 2 2
`, out.String())

	path := filepath.Join(t.TempDir(), "c.png")
	require.NoError(t, e.WritePNG(path))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = png.Decode(f)
	require.NoError(t, err)

	// A matrix that is too wide for text is left to the picture.
	for len(e.Classes) < 30 {
		e.Classes = append(e.Classes, nin.ClassResult{Name: "more"})
	}
	e.Confusion = make([][]int, 30)
	for i := range e.Confusion {
		e.Confusion[i] = make([]int, 30)
	}
	out.Reset()
	require.NoError(t, e.Write(&out))
	assert.Contains(t, out.String(), "-png draws it")
	assert.NoError(t, e.WritePNG(path))
}
