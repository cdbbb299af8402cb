package nin_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
)

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
		path := nintest.ModelFile(t, c.recipe, c.channels, c.classes, c.meta)
		for _, given := range []string{"", c.recipe} {
			m, err := nin.ReadModel(path, given)
			require.NoError(t, err)
			assert.Equal(t, c.recipe, m.Recipe)
			assert.Equal(t, c.channels, m.In.C)
			assert.Equal(t, c.dataset, m.Dataset)
			assert.Len(t, m.Classes, c.classes)
			assert.Equal(t, c.class0, m.Classes[0])
		}
	}
	_, err := nin.ReadModel(nintest.ModelFile(t, "mini", 1, 10, nil), "d2l")
	assert.ErrorContains(t, err, "net.0.0.weight has shape [32 1 5 5]; the network's is [96 1 11 11]")
	path := filepath.Join(t.TempDir(), "other.safetensors")
	require.NoError(t, safetensors.Write(path, []safetensors.Tensor{{Name: "x", Shape: []int{1}, Data: []float32{1}}}, nil))
	_, err = nin.ReadModel(path, "")
	assert.ErrorContains(t, err, "no recipe's network")
}

// Any network comes back from its file, of either form, without a recipe.
func TestModelFileSaysWhatItIs(t *testing.T) {
	want := nintest.Branched(t)
	want.Classes = strings.Fields("a;(b) 日本 c d e f g h i j")
	want.Normalisation = &data.Normalisation{Mean: []float32{1.0 / 3}, Deviation: []float32{1.0 / 7}}
	for _, name := range []string{"m.safetensors", "m.onnx"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, want.Export(path))
		m, err := nin.ReadModel(path, "")
		require.NoError(t, err)
		assert.Empty(t, m.Recipe)
		assert.Equal(t, nn.Text(want.Layers), nn.Text(m.Layers))
		assert.Equal(t, want.In, m.In)
		assert.Equal(t, want.Classes, m.Classes)
		assert.Equal(t, want.Dataset, m.Dataset)
		assert.Equal(t, want.Weights, m.Weights)
		assert.Equal(t, want.Normalisation, m.Normalisation)
	}
	for _, r := range nin.Recipes {
		m := nin.Model{Recipe: r.Name, Layers: r.Net(7, r.Dropout), In: r.In}
		l, err := nn.Parse(m.Metadata()["network"], nin.Layers()...)
		require.NoError(t, err)
		assert.Equal(t, m.Layers, l, r.Name)
	}
}

// A file whose parts disagree is refused by name, and so is one that this program cannot run.
func TestModelFileThatDisagrees(t *testing.T) {
	m := nintest.Branched(t)
	for _, c := range []struct {
		key, value, want string
	}{
		{"network", "relu", "the network has no weights"},
		{"network", "globalavgpool; flatten", "the network that the file describes"},
		{"network", strings.Replace(nn.Text(m.Layers), "leakyrelu", "prelu", 1), `there is no layer "prelu"`},
		{"network", strings.Replace(nn.Text(m.Layers), "conv 8 3", "conv 8 5", 1), "is not the one of its weights: weights: net.0.weight has shape [8 1 3 3]; the network's is [8 1 5 5]"},
		{"network", strings.Replace(nn.Text(m.Layers), "residual (conv 8 3 pad 1; relu); ", "", 1), "is not the one of its weights"},
		{"network", nn.Text(m.Layers) + "; linear 10", "net.7.weight is missing"},
		{"network", strings.TrimSuffix(nn.Text(m.Layers), "; globalavgpool; flatten"), "want a vector of logits"},
		{"input", "", `input that the file describes is ""`},
		{"input", "1,12", `is "1,12"; want C,H,W`},
		{"input", "1,12,10,3", `is "1,12,10,3"; want C,H,W`},
		{"input", "3,12,10", "net.0.weight has shape [8 1 3 3]; the network's is [8 3 3 3]"},
		{"input", "1,0,10", "input"},
		{"classes", `["a","b"]`, "want a JSON list of 10 names"},
		{"classes", `{`, "want a JSON list of 10 names"},
		{"normalisation", "zscore", `images normalised by "zscore"; want unit, whitening, or numbers: `},
		{"normalisation", "0.5,0.5/0.2", "has 2 means and 1 deviations; want 1 of each"},
		{"normalisation", "0.5/0", "deviation 1 of the normalisation is 0"},
		{"normalisation", "whitening", `images normalised by "whitening"`},
	} {
		meta := m.Metadata()
		meta[c.key] = c.value
		path := filepath.Join(t.TempDir(), "m.safetensors")
		require.NoError(t, safetensors.Write(path, m.Weights, meta))
		_, err := nin.ReadModel(path, "")
		require.ErrorContains(t, err, path+": ", c)
		require.ErrorContains(t, err, c.want, c)
		assert.NotContains(t, err.Error(), "\n")
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, safetensors.Write(path, m.Weights, m.Metadata()))
	_, err := nin.ReadModel(path, "mini")
	require.ErrorContains(t, err, `of the recipe ""; want that or none, not mini`)
}

// What a file describes is run: with another slope the logits are others.
func TestModelFileIsRun(t *testing.T) {
	dev := gputest.Device(t)
	m := nintest.Branched(t)
	logits := func(m *nin.Model) []float32 {
		path := filepath.Join(t.TempDir(), "m.safetensors")
		require.NoError(t, m.Export(path))
		read, err := nin.ReadModel(path, "")
		require.NoError(t, err)
		net, err := read.Net(dev)
		require.NoError(t, err)
		defer net.Close()
		images, err := nn.Upload(dev, nintest.Fashion(t).First(1))
		require.NoError(t, err)
		defer images.Close()
		e, err := nn.NewEvaluator(net, images, 1)
		require.NoError(t, err)
		defer e.Close()
		rows, err := e.Logits(0, 1)
		require.NoError(t, err)
		return rows[0]
	}
	first := logits(m)
	assert.Equal(t, first, logits(m))
	layers := slices.Clone(m.Layers.(nn.Sequential))
	layers[1] = nn.ReLU{}
	m.Layers = layers
	assert.NotEqual(t, first, logits(m))
}

// What PyTorch's wrappers put before the names, and counters among the weights, change
// nothing: the weights are those of the recipe, or of the description.
func TestReadModelOfWrappers(t *testing.T) {
	weights, _, err := safetensors.Read(nintest.ModelFile(t, "mini", 1, 10, nil))
	require.NoError(t, err)
	for _, prefix := range []string{"module.", "_orig_mod.", "model."} {
		wrapped := slices.Clone(weights)
		for i := range wrapped {
			wrapped[i].Name = prefix + wrapped[i].Name
		}
		counted := append(wrapped, safetensors.Tensor{Name: prefix + "num_batches_tracked", Shape: []int{}, Data: []float32{3}, Integer: true})
		path := filepath.Join(t.TempDir(), "m.safetensors")
		require.NoError(t, safetensors.Write(path, wrapped, nil))
		m, err := nin.ReadModel(path, "")
		require.NoError(t, err)
		assert.Equal(t, weights, m.Weights)
		got, err := nn.TakeWeights(nin.Mini(10, 0), nn.Shape{C: 1, H: 28, W: 28}, counted)
		require.NoError(t, err)
		assert.Equal(t, weights, got)
	}
}

// Weights of the chapter's other frameworks are of a recipe too, by their order and shapes.
func TestReadModelOfOtherFrameworks(t *testing.T) {
	weights, _, err := safetensors.Read(nintest.ModelFile(t, "mini", 3, 7, nil))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		weight, bias string
		transpose    bool
	}{
		"mxnet": {"conv%d_weight", "conv%d_bias", false},
		"keras": {"sequential/conv2d_%d/kernel", "sequential/conv2d_%d/bias", true},
		"flax":  {"params.Conv_%d.kernel", "params.Conv_%d.bias", true},
	} {
		theirs := slices.Clone(weights)
		for i, w := range weights {
			theirs[i].Name = fmt.Sprintf([]string{c.weight, c.bias}[i%2], i/2)
			if len(w.Shape) == 4 && c.transpose {
				out, in, rows, columns := w.Shape[0], w.Shape[1], w.Shape[2], w.Shape[3]
				theirs[i].Shape, theirs[i].Data = []int{rows, columns, in, out}, make([]float32, len(w.Data))
				for k, v := range w.Data {
					o, ci, tap := k/(in*rows*columns), k/(rows*columns)%in, k%(rows*columns)
					theirs[i].Data[(tap*in+ci)*out+o] = v
				}
			}
		}
		path := filepath.Join(t.TempDir(), name+".safetensors")
		require.NoError(t, safetensors.Write(path, theirs, nil))
		m, err := nin.ReadModel(path, "")
		require.NoError(t, err, name)
		assert.Equal(t, "mini", m.Recipe)
		assert.Equal(t, nn.Shape{C: 3, H: 28, W: 28}, m.In)
		assert.Equal(t, weights, m.Weights, name)
		_, err = nin.ReadModel(path, "photos")
		require.ErrorContains(t, err, "has 0 batch normalisations; the network has 5")
	}
}

// A checkpoint is a model too: its velocities are passed over.
func TestReadModelOfCheckpoint(t *testing.T) {
	dev := gputest.Device(t)
	dir := t.TempDir()
	start(t, dev, filepath.Join(dir, "run"), "")
	m, err := nin.ReadModel(filepath.Join(dir, "run", "checkpoint", "step-000000000.safetensors"), "")
	require.NoError(t, err)
	assert.Equal(t, "mini", m.Recipe)
}

func TestLooksInverted(t *testing.T) {
	set := nintest.Fashion(t).First(1)
	turned := *set
	turned.Pixels = slices.Clone(set.Pixels)
	for i, v := range set.Pixels {
		turned.Pixels[i] = 255 - v
	}
	m := nin.Model{Dataset: "fashion-mnist"}
	assert.False(t, m.LooksInverted(set))
	assert.True(t, m.LooksInverted(&turned))
	m.Dataset = "cifar10"
	assert.False(t, m.LooksInverted(&turned))
}

// An export does not take the place of another network's whitening.
func TestExportKeepsAnotherWhitening(t *testing.T) {
	dir := t.TempDir()
	m := nintest.Branched(t)
	var err error
	m.Whitening, err = data.BlankWhitening(1, 12, 10)
	require.NoError(t, err)
	require.NoError(t, m.Export(filepath.Join(dir, "a.safetensors")))
	require.NoError(t, m.Export(filepath.Join(dir, "again.safetensors")))
	m.Whitening.Mean[3] = 0.5
	require.ErrorContains(t, m.Export(filepath.Join(dir, "b.safetensors")), "is the whitening of another network; want a folder without it")
	_, err = nin.ReadModel(filepath.Join(dir, "a.safetensors"), "")
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(dir, "b.safetensors"))
}
