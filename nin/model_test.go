package nin_test

import (
	"fmt"
	"image"
	"os"
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

// ReadModel finds the recipe that the weights fit, whatever the number of classes and channels.
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
	require.NoError(t, safetensors.Write(path, []safetensors.Tensor{{Name: "x", Shape: []int{1}, Data: []float32{1}}},
		nil))
	_, err = nin.ReadModel(path, "")
	assert.ErrorContains(t, err, "no recipe's network")
}

// Any network can be read back from its file, safetensors or ONNX, without a recipe.
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

// A file whose parts disagree is refused with its path in the error, and so is a file that this
// program cannot run.
func TestModelFileThatDisagrees(t *testing.T) {
	m := nintest.Branched(t)
	for _, c := range []struct {
		key, value, want string
	}{
		{"network", "relu", "the network has no weights"},
		{"network", "globalavgpool; flatten", "the network that the file describes"},
		{"network", strings.Replace(nn.Text(m.Layers), "leakyrelu", "prelu", 1), `there is no layer "prelu"`},
		{"network", strings.Replace(nn.Text(m.Layers), "conv 8 3", "conv 8 5", 1),
			"is not the one of its weights: weights: net.0.weight has shape [8 1 3 3]; the network's is [8 1 5 5]"},
		{"network", strings.Replace(nn.Text(m.Layers), "residual (conv 8 3 pad 1; relu); ", "", 1),
			"is not the one of its weights"},
		{"network", nn.Text(m.Layers) + "; linear 10", "net.7.weight is missing"},
		{"network", strings.TrimSuffix(nn.Text(m.Layers), "; globalavgpool; flatten"), "want a vector of logits"},
		{"input", "", `input that the file describes is ""`},
		{"input", "1,12", `is "1,12"; want C,H,W`},
		{"input", "1,12,10;", `is "1,12,10;"; want C,H,W`},
		{"input", "1,12,10,3", `is "1,12,10,3"; want C,H,W`},
		{"input", "3,12,10", "net.0.weight has shape [8 1 3 3]; the network's is [8 3 3 3]"},
		{"input", "1,0,10", "input"},
		{"classes", `["a","b"]`, "there are names of 2 classes; want 10, one for each output of the network"},
		{"classes", `{`, "want a JSON list of names"},
		{"output", "images", `the file says that the network outputs "images"; want logits or values`},
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
	require.ErrorContains(t, err, "the file says that its network is of no recipe; want none, not mini")
	m.Recipe = "photos"
	require.NoError(t, safetensors.Write(path, m.Weights, m.Metadata()))
	_, err = nin.ReadModel(path, "mini")
	require.ErrorContains(t, err,
		`the file says that its network is of the recipe "photos"; want that or none, not mini`)
}

// The network that a file describes is run: another activation gives other logits.
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

// Prefixes that PyTorch's wrappers put before the names, and counters among the weights, change
// nothing.
func TestReadModelOfWrappers(t *testing.T) {
	weights, _, err := safetensors.Read(nintest.ModelFile(t, "mini", 1, 10, nil))
	require.NoError(t, err)
	for _, prefix := range []string{"module.", "_orig_mod.", "model."} {
		wrapped := slices.Clone(weights)
		for i := range wrapped {
			wrapped[i].Name = prefix + wrapped[i].Name
		}
		counted := append(wrapped, safetensors.Tensor{Name: prefix + "num_batches_tracked", Shape: []int{},
			Data: []float32{3}, Integer: true})
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

// Weights of the chapter's other frameworks also match a recipe, by their order and shapes.
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

// A checkpoint is read as a model too, without its optimizer state.
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

// An export does not overwrite the whitening of another network.
func TestExportKeepsAnotherWhitening(t *testing.T) {
	dir := t.TempDir()
	m := nintest.Branched(t)
	var err error
	m.Whitening, err = data.BlankWhitening(1, 12, 10)
	require.NoError(t, err)
	require.NoError(t, m.Export(filepath.Join(dir, "a.safetensors")))
	require.NoError(t, m.Export(filepath.Join(dir, "again.safetensors")))
	m.Whitening.Mean[3] = 0.5
	require.ErrorContains(t, m.Export(filepath.Join(dir, "b.safetensors")),
		"is the whitening of another network; want a folder without it")
	_, err = nin.ReadModel(filepath.Join(dir, "a.safetensors"), "")
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(dir, "b.safetensors"))
}

// Some recipes take their normalisation or whitening from the training images. Weights that PyTorch
// saved of such a network can be read, but they can neither run nor be exported before Normalise is
// called or the whitening is found. Nothing is assumed but the recipe's own numbers.
func TestReadModelWithoutPreprocessing(t *testing.T) {
	dev := gputest.Device(t)
	refused := func(m *nin.Model, says string) {
		t.Helper()
		_, err := m.Net(dev)
		require.ErrorContains(t, err, "Normalise is missing: "+says)
		assert.NotContains(t, err.Error(), "\n")
		_, err = nin.NewPredictor(dev, m, 1)
		require.ErrorContains(t, err, says)
		for _, name := range []string{"m.onnx", "m.safetensors"} {
			path := filepath.Join(t.TempDir(), name)
			require.ErrorContains(t, m.Export(path), says)
			assert.NoFileExists(t, path)
		}
		assert.NotContains(t, m.Metadata(), "normalisation")
	}
	runs := func(m *nin.Model) {
		t.Helper()
		net, err := m.Net(dev)
		require.NoError(t, err)
		net.Close()
	}
	photos := nintest.ModelFile(t, "photos", 3, 2, nil)
	m, err := nin.ReadModel(photos, "")
	require.NoError(t, err)
	refused(m, photos+" does not say by which mean and deviation the images of photos were normalised; "+
		"want numbers such as 0.485,0.456,0.406/0.229,0.224,0.225, or unit for none")
	for how, says := range map[string]string{
		"": "want unit, imagenet or numbers", "dataset": "want unit, imagenet or numbers",
		"zscore":      `is "zscore"; want unit`,
		"0.5,0.5/0.1": "has 2 means and 1 deviations; want 1 or 3 of each",
	} {
		require.ErrorContains(t, m.Normalise(how), says, how)
	}
	refused(m, photos)
	require.NoError(t, m.Normalise("0.5/0.25"))
	assert.Equal(t, "0.5,0.5,0.5/0.25,0.25,0.25", m.Normalisation.String())
	runs(m)
	exported := filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, m.Export(exported))
	said, err := nin.ReadModel(exported, "")
	require.NoError(t, err)
	assert.Equal(t, m.Normalisation, said.Normalisation)
	require.NoError(t, said.Normalise("0.5,0.5,0.5/0.25,0.25,0.25"))
	require.EqualError(t, said.Normalise("unit"),
		`Normalise is "unit"; the file says that its images are normalised by 0.5,0.5,0.5/0.25,0.25,0.25; want none or that`)
	require.NoError(t, m.Normalise("unit"))
	assert.Nil(t, m.Normalisation)
	runs(m)
	m, err = nin.ReadModel(nintest.ModelFile(t, "photos", 3, 2, map[string]string{"normalisation": "imagenet"}), "")
	require.ErrorContains(t, err, `images normalised by "imagenet"`)
	assert.Nil(t, m)
	m, err = nin.ReadModel(nintest.ModelFile(t, "photos", 3, 2, map[string]string{"normalisation": "unit"}), "")
	require.NoError(t, err)
	runs(m)

	paper := nintest.ModelFile(t, "lin2013", 3, 2, nil)
	read := func() *nin.Model {
		m, err := nin.ReadModel(paper, "")
		require.NoError(t, err)
		return m
	}
	refused(read(),
		paper+" does not have the whitening that the images of lin2013 go through; want the whitening.safetensors of its run beside it, or numbers")
	beside := filepath.Join(filepath.Dir(paper), nin.WhiteningFile)
	for size, fits := range map[int]bool{16: false, 32: true} {
		w, err := data.BlankWhitening(3, size, size)
		require.NoError(t, err)
		require.NoError(t, w.Write(beside))
		if m := read(); fits {
			assert.Equal(t, w.Hash(), m.Whitening.Hash())
			require.NoError(t, m.Normalise("imagenet"))
			assert.Nil(t, m.Whitening)
			assert.Equal(t, data.ImageNet(), m.Normalisation)
		} else {
			refused(m, paper+" does not have the whitening")
		}
	}

	// ImageNet's numbers are for three channels.
	grey := nintest.ModelFile(t, "torchvision-resnet18", 1, 2, nil)
	m, err = nin.ReadModel(grey, "")
	require.NoError(t, err)
	refused(m, "the normalisation 0.485,0.456,0.406/0.229,0.224,0.225 has 3 means and 3 deviations; want 1 of each")

	// Other networks take the recipe's preprocessing, or the one that Normalise sets.
	m, err = nin.ReadModel(nintest.ModelFile(t, "mini", 1, 10, nil), "")
	require.NoError(t, err)
	runs(m)
	require.NoError(t, m.Normalise("0.5/0.5"))
	runs(m)
}

// Export refuses a model that ReadModel would refuse.
func TestExportRefuses(t *testing.T) {
	white, err := data.BlankWhitening(1, 8, 8)
	require.NoError(t, err)
	for says, change := range map[string]func(*nin.Model){
		"the model has no network; want its Layers": func(m *nin.Model) { *m = nin.Model{} },
		"input: 0 channels of 0x0":                  func(m *nin.Model) { m.In = nn.Shape{} },
		"weights: net.0.weight is missing":          func(m *nin.Model) { m.Weights = nil },
		"weights: net.4.bias is missing":            func(m *nin.Model) { m.Weights = m.Weights[:len(m.Weights)-1] },
		"there are names of 3 classes; want 10":     func(m *nin.Model) { m.Classes = []string{"a", "b", "c"} },
		"has 2 means and 2 deviations; want 1 of each": func(m *nin.Model) {
			m.Normalisation = &data.Normalisation{Mean: []float32{0, 0}, Deviation: []float32{1, 1}}
		},
		"deviation 1 of the normalisation is 0": func(m *nin.Model) {
			m.Normalisation = &data.Normalisation{Mean: []float32{0}, Deviation: []float32{0}}
		},
		"a whitening of [1,8,8]; the network takes [1,12,10]": func(m *nin.Model) { m.Whitening = white },
		"there are a whitening and a normalisation; want one of them": func(m *nin.Model) {
			m.Whitening, m.Normalisation = white, &data.Normalisation{Mean: []float32{0}, Deviation: []float32{1}}
		},
		"outputs [10,12,10]; want a vector of logits, or Values": func(m *nin.Model) {
			m.Layers = m.Layers.(nn.Sequential)[:5]
		},
		"there are names of 10 classes, and the network outputs numbers; want": func(m *nin.Model) {
			m.Values, m.Classes = true, make([]string, 10)
		},
	} {
		for _, name := range []string{"m.safetensors", "m.onnx"} {
			m := nintest.Branched(t)
			change(m)
			dir := t.TempDir()
			err := m.Export(filepath.Join(dir, name))
			require.ErrorContains(t, err, filepath.Join(dir, name)+": ")
			require.ErrorContains(t, err, says)
			assert.NotContains(t, err.Error(), "\n")
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, entries, says)
		}
	}
	m := nintest.Branched(t)
	m.Layers = append(nn.Sequential{&untold{}}, m.Layers.(nn.Sequential)...)
	for i := range m.Weights { // the layers move by one
		name := strings.TrimPrefix(m.Weights[i].Name, "net.")
		m.Weights[i].Name = fmt.Sprintf("net.%d%s", name[0]-'0'+1, name[1:])
	}
	require.ErrorContains(t, m.Export(filepath.Join(t.TempDir(), "m.safetensors")),
		"layer 0 (nin_test.untold ?) has no text form; want a type whose fields nn.Text can write")
}

// untold is a layer without a text form.
type untold struct{ _ chan int }

func (*untold) Build(_ *nn.Graph, x *nn.Tensor) *nn.Tensor { return x }

// If a file has no names of classes, it has none after it is read and exported.
func TestExportInventsNoClasses(t *testing.T) {
	m, err := nin.ReadModel(nintest.ModelFile(t, "mini", 1, 3, nil), "")
	require.NoError(t, err)
	for _, name := range []string{"m.safetensors", "m.onnx"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, m.Export(path))
		again, err := nin.ReadModel(path, "")
		require.NoError(t, err)
		assert.Equal(t, []string{"0", "1", "2"}, again.Classes)
		images := &data.Images{C: 1, H: 28, W: 28, Classes: []string{"cat", "dog", "fish"}, Labels: make([]uint8, 1)}
		require.NoError(t, again.Check(images))
		again.Classes = []string{"cat", "fish", "dog"} // now their names are known
		require.NoError(t, again.Export(path))
		again, err = nin.ReadModel(path, "")
		require.NoError(t, err)
		assert.Equal(t, []string{"cat", "fish", "dog"}, again.Classes)
		require.ErrorContains(t, again.Check(images),
			"the images are of the classes cat, dog, fish; the network knows cat, fish, dog")
		images.Classes[1], again.Classes = "d\xffg", []string{"cat", "d\xffg", "fish"} // the name of a folder may have such bytes
		require.NoError(t, again.Export(path))
		again, err = nin.ReadModel(path, "")
		require.NoError(t, err)
		require.NoError(t, again.Check(images))
	}
}

// A network whose outputs are numbers, a vector or an image, is read back as such a network, and
// its predictions are numbers, not probabilities.
func TestModelOfValues(t *testing.T) {
	dev := gputest.Device(t)
	for _, layers := range []nn.Sequential{
		{nn.Conv2D{Out: 2, Kernel: 1}, nn.GlobalAvgPool2D{}, nn.Flatten{}}, {nn.Conv2D{Out: 2, Kernel: 1}},
		{nn.Conv2D{Out: 2, Kernel: 1}, nn.Flatten{}},
	} {
		m := &nin.Model{Layers: layers, In: nn.Shape{C: 1, H: 2, W: 3}, Values: true, Weights: []safetensors.Tensor{
			{Name: "0.weight", Shape: []int{2, 1, 1, 1}, Data: []float32{1, -2}},
			{Name: "0.bias", Shape: []int{2}, Data: []float32{0.5, 10}},
		}}
		im := &data.Images{C: 1, H: 2, W: 3, Pixels: []uint8{0, 51, 102, 153, 204, 255}, Labels: []uint8{0}}
		want := []float32{0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 10, 9.6, 9.2, 8.8, 8.4, 8}
		if len(layers) == 3 {
			want = []float32{1, 9}
		}
		for _, name := range []string{"m.safetensors", "m.onnx"} {
			path := filepath.Join(t.TempDir(), name)
			require.NoError(t, m.Export(path))
			read, err := nin.ReadModel(path, "")
			require.NoError(t, err)
			assert.True(t, read.Values)
			assert.Empty(t, read.Classes)
			require.ErrorContains(t, read.Check(nintest.Fashion(t)), "numbers, not the logits of classes")
			p, err := nin.NewPredictor(dev, read, 2)
			require.NoError(t, err)
			defer p.Close()
			require.NoError(t, p.Add(im))
			require.NoError(t, p.Add(im))
			got, err := p.Values()
			require.NoError(t, err)
			require.Len(t, got, 2)
			for _, row := range got {
				assert.InDeltaSlice(t, want, row, 1e-5) // float32 values of up to 10
			}
			_, err = p.Run()
			require.ErrorContains(t, err, "numbers, not the logits of classes")
			_, err = p.Predict(image.NewGray(image.Rect(0, 0, 2, 2)))
			require.ErrorContains(t, err, "numbers, not the logits of classes")
		}
	}
}
