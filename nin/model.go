package nin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
)

// Model is a trained network as a file of weights has it.
type Model struct {
	Recipe  Recipe // with In as the weights have it
	Layers  nn.Sequential
	Weights []safetensors.Tensor
	Dataset string   // that it was trained on, or else the recipe's
	Classes []string // names; numbers if they are not known

	Whitening *data.Whitening // that it sees images through; nil for none

	named bool // the file names the classes
}

// ReadModel reads a file of weights: a run's model.safetensors, one of its
// checkpoints, a state dict that PyTorch saved as safetensors, or an ONNX model. The recipe is the one of the
// given name, or, without one, that whose network has the weights' names and
// shapes; the number of classes and of input channels is theirs.
func ReadModel(path, recipe string) (*Model, error) {
	read := safetensors.Read
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		read = onnx.ReadWeights
	}
	tensors, meta, err := read(path)
	if err != nil {
		return nil, err
	}
	tensors = slices.DeleteFunc(tensors, func(t safetensors.Tensor) bool { return strings.HasPrefix(t.Name, VelocityPrefix) })
	w, tensors := nn.ONNXWhitening(tensors) // an ONNX file has it among its weights
	m, err := newModel(tensors, recipe)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.Whitening = w
	if hash := meta["whitening"]; w == nil && hash != "" {
		if m.Whitening, err = WhiteningBeside(path, hash); err != nil {
			return nil, err
		}
	}
	if d := meta["dataset"]; d != "" {
		m.Dataset = d
	}
	n := len(m.Classes)
	if err := json.Unmarshal([]byte(meta["classes"]), &m.Classes); err == nil && len(m.Classes) == n {
		m.named = true
	} else {
		m.Classes = data.Classes(m.Dataset)
	}
	if len(m.Classes) != n {
		m.Classes = make([]string, n)
		for i := range m.Classes {
			m.Classes[i] = fmt.Sprint(i)
		}
	}
	return m, nil
}

// ErrNoRecipe reports weights that fit no recipe; with the name of one,
// [ReadModel] says what differs.
var ErrNoRecipe = errors.New("these weights are of no recipe's network")

func newModel(tensors []safetensors.Tensor, recipe string) (*Model, error) {
	candidates, names := Recipes, []string{}
	if recipe != "" {
		r, err := Find(recipe)
		if err != nil {
			return nil, err
		}
		candidates = []Recipe{r}
	}
	for _, r := range candidates {
		m := &Model{Recipe: r, Weights: tensors, Dataset: r.Dataset}
		err := m.fit()
		if err == nil {
			return m, nil
		}
		if recipe != "" {
			return nil, fmt.Errorf("these weights are not of %s's network: %w", r.Name, err)
		}
		names = append(names, r.Name)
	}
	return nil, fmt.Errorf("%w (%s)", ErrNoRecipe, strings.Join(names, ", "))
}

// fit gives the recipe's network the channels and classes of the weights.
func (m *Model) fit() error {
	shapes := map[string][]int{}
	for _, t := range m.Weights {
		shapes[strings.TrimPrefix(t.Name, "net.")] = t.Shape
	}
	d, err := nn.Describe(m.Recipe.Net(10, 0), m.Recipe.In)
	if err != nil {
		return err
	}
	first, last := "", ""
	for _, l := range d.Layers {
		if len(l.Weights) > 0 {
			if first == "" {
				first = l.Path
			}
			last = l.Path
		}
	}
	in, out := shapes[first+".weight"], shapes[last+".bias"]
	switch {
	case len(in) != 4:
		return fmt.Errorf("there is no net.%s.weight [out,in,rows,columns]", first)
	case len(out) != 1:
		return fmt.Errorf("there is no net.%s.bias [classes]", last)
	}
	m.Recipe.In.C = in[1]
	m.Layers = m.Recipe.Net(out[0], m.Recipe.Dropout)
	m.Classes = make([]string, out[0])
	return nn.Fits(m.Layers, m.Recipe.In, m.Weights)
}

// Net puts the network on a device.
func (m *Model) Net(dev *gpu.Device) (*nn.Net, error) {
	net, err := nn.NewNet(dev, m.Layers, m.Recipe.In, nn.Whiten(m.Whitening))
	if err != nil {
		return nil, err
	}
	if err := net.SetWeights(m.Weights); err != nil {
		net.Close()
		return nil, err
	}
	return net, nil
}

// metadata is what a file of the model's weights says besides.
func (m *Model) metadata() map[string]string {
	return Metadata(m.Recipe.Name, m.Dataset, m.Classes, m.Whitening)
}

// Metadata is what a file of weights says besides.
func Metadata(recipe, dataset string, classes []string, w *data.Whitening) map[string]string {
	names, _ := json.Marshal(classes) // strings always encode
	meta := map[string]string{"recipe": recipe, "dataset": dataset, "classes": string(names)}
	if w != nil {
		meta["whitening"] = w.Hash()
	}
	return meta
}

// VelocityPrefix begins the names of the tensors in a checkpoint that are the
// memory of momentum, and no weights.
const VelocityPrefix = "velocity."

// WhiteningFile lies beside the weights of a network that sees its images
// through a whitening, or in the folder above, where a run has it.
const WhiteningFile = "whitening.safetensors"

// WhiteningBeside finds the whitening of the given hash for the weights at path.
func WhiteningBeside(path, hash string) (*data.Whitening, error) {
	dir := filepath.Dir(path)
	file := filepath.Join(dir, WhiteningFile)
	w, err := data.ReadWhitening(file)
	if errors.Is(err, fs.ErrNotExist) {
		w, err = data.ReadWhitening(filepath.Join(dir, "..", WhiteningFile))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: the network was trained on whitened images; put the %s of its run beside it", path, WhiteningFile)
	case err == nil && w.Hash() != hash:
		return nil, fmt.Errorf("%s: the %s there is not the one that the network was trained with", path, WhiteningFile)
	}
	return w, err
}

// Export writes the model to a file: weights as PyTorch names them if its name
// ends in .safetensors (and its whitening beside them), a network for other
// programs, with the whitening, if it ends in .onnx.
func (m *Model) Export(path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".safetensors":
		if m.Whitening != nil {
			if err := m.Whitening.Write(filepath.Join(filepath.Dir(path), WhiteningFile)); err != nil {
				return err
			}
		}
		return safetensors.Write(path, m.Weights, m.metadata())
	case ".onnx":
		model, err := nn.ONNX(m.Layers, m.Recipe.In, m.Weights)
		if err == nil && m.Whitening != nil {
			err = nn.WhitenONNX(&model, m.Whitening)
		}
		if err != nil {
			return err
		}
		model.Name, model.Metadata = m.Recipe.Name, m.metadata()
		return model.Write(path)
	}
	return fmt.Errorf("%s: want a name that ends in .onnx or .safetensors", path)
}

// Check refuses images that the network cannot take.
func (m *Model) Check(images *data.Images) error {
	switch {
	case images.C != m.Recipe.In.C:
		return fmt.Errorf("the images have %d channels; the network takes %d", images.C, m.Recipe.In.C)
	case len(images.Classes) != len(m.Classes):
		return fmt.Errorf("the images are of %d classes; the network knows %d", len(images.Classes), len(m.Classes))
	case m.named && !slices.Equal(images.Classes, m.Classes):
		return fmt.Errorf("the images are of the classes %s; the network knows %s", strings.Join(images.Classes, ", "), strings.Join(m.Classes, ", "))
	case images.Len() == 0:
		return errors.New("there are no images")
	}
	return nil
}

// LooksInverted reports whether the network was trained on things that are white on
// black, and the border of the image is rather white.
func (m *Model) LooksInverted(im *data.Images) bool {
	if !data.WhiteOnBlack(m.Dataset) {
		return false
	}
	sum, n := 0, 0
	for y := range im.H {
		for x := range im.W {
			if y == 0 || x == 0 || y == im.H-1 || x == im.W-1 {
				sum += int(im.Pixels[y*im.W+x])
				n++
			}
		}
	}
	return sum > 127*n
}
