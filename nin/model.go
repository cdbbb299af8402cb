package nin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
)

// Model is a network as a file of weights has it: what it is, what it is for, and its weights.
// [ReadModel] reads one.
//
// To train and save a network of your own, fill in Layers and In, and Dataset or Classes where
// they are known; put it on a device with [Model.Net], whose weights start with [nn.Net.Init];
// and after the training set Weights to those of the net, and call [Model.Export]. The example
// OwnLayers is a whole program.
type Model struct {
	Recipe  string // name of the recipe that trained it; empty if none did
	Layers  nn.Layer
	In      nn.Shape
	Weights []safetensors.Tensor // empty before the training
	Dataset string               // the dataset that it was trained on; empty if it is not known
	Classes []string             // names; numbers if they are not known

	Whitening     *data.Whitening     // the whitening that its images go through; nil for none
	Normalisation *data.Normalisation // that its images go through; nil for none

	named bool // the file names the classes
}

// ReadModel reads a file of weights: a run's model.safetensors, one of its checkpoints, the
// weights that PyTorch, Flax, Keras or MXNet saved as safetensors (see
// [nn.Description.Translate]), or an ONNX model.
//
// A file that was written here says what its network is, in the form of [nn.Text], and any
// network comes back from it. For layers that are not of package nn, give a value of each as
// known, such as outside.PReLU{}.
//
// Any other file, such as PyTorch's, does not describe its network. The network is then that
// of the named recipe, or, if recipe is empty, of the recipe whose network the weights fit by
// names and shapes. The number of classes and of input channels is the weights'.
//
// Errors: a layer that the program does not know, weights that are not the network's, a
// recipe that is not the file's.
func ReadModel(path, recipe string, known ...nn.Layer) (*Model, error) {
	read := safetensors.Read
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		read = onnx.ReadWeights
	}
	tensors, meta, err := read(path)
	if err != nil {
		return nil, err
	}
	tensors = slices.DeleteFunc(tensors, func(t safetensors.Tensor) bool { return nn.IsOptimizerState(t.Name) })
	w, tensors := nn.ONNXWhitening(tensors) // an ONNX file has it among its weights
	var m *Model
	if meta[networkKey] != "" {
		m, err = describedModel(meta, tensors, recipe, known)
	} else {
		m, err = recipesModel(meta, tensors, recipe)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.Whitening = w
	if hash := meta[whiteningKey]; w == nil && hash != "" {
		if m.Whitening, err = WhiteningBeside(path, hash); err != nil {
			return nil, err
		}
	}
	if m.Classes, err = m.classNames(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// classNames returns the names of the classes, if there are any, or those of the dataset, if it
// has as many classes, or else numbers.
func (m *Model) classNames() ([]string, error) {
	n, err := m.outputs()
	if err != nil || len(m.Classes) == n {
		return m.Classes, err
	}
	if len(m.Classes) > 0 {
		return nil, fmt.Errorf("there are names of %d classes; want %d, one for each output of the network", len(m.Classes), n)
	}
	if names := data.Classes(m.Dataset); len(names) == n {
		return names, nil
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	return names, nil
}

// The metadata of a file of weights.
const (
	networkKey       = "network"       // in the form of nn.Text
	inputKey         = "input"         // C,H,W
	classesKey       = "classes"       // a JSON list of names
	normalisationKey = "normalisation" // unit: 8-bit values divided by 255; whitening: and then through the one below; or a [data.Normalisation] of them
	whiteningKey     = "whitening"     // its hash
	recipeKey        = "recipe"
	datasetKey       = "dataset"
)

// Metadata returns the metadata of the model's file of weights: all that [ReadModel] needs.
func (m *Model) Metadata() map[string]string {
	classes := ""
	if len(m.Classes) > 0 {
		text, _ := json.Marshal(m.Classes) // strings always encode
		classes = string(text)
	}
	meta := map[string]string{
		networkKey: nn.Text(m.Layers), inputKey: fmt.Sprintf("%d,%d,%d", m.In.C, m.In.H, m.In.W),
		classesKey: classes, normalisationKey: Unit, recipeKey: m.Recipe, datasetKey: m.Dataset,
	}
	if m.Whitening != nil {
		meta[normalisationKey], meta[whiteningKey] = "whitening", m.Whitening.Hash()
	}
	if m.Normalisation != nil {
		meta[normalisationKey] = m.Normalisation.String()
	}
	maps.DeleteFunc(meta, func(_, v string) bool { return v == "" })
	return meta
}

// describedModel builds the network that a file's metadata describe.
func describedModel(meta map[string]string, tensors []safetensors.Tensor, recipe string, known []nn.Layer) (m *Model, err error) {
	m = &Model{Recipe: meta[recipeKey], Dataset: meta[datasetKey]}
	if recipe != "" && recipe != m.Recipe {
		return nil, fmt.Errorf("the file says that its network is of the recipe %q; want that or none, not %s", m.Recipe, recipe)
	}
	if m.Layers, err = parse(meta[networkKey], known...); err != nil {
		return nil, fmt.Errorf("the network that the file describes: %w", err)
	}
	if n, err := fmt.Sscanf(meta[inputKey]+";", "%d,%d,%d;", &m.In.C, &m.In.H, &m.In.W); n != 3 || err != nil {
		return nil, fmt.Errorf("the input that the file describes is %q; want C,H,W such as 1,28,28", meta[inputKey])
	}
	if how := meta[normalisationKey]; how != Unit && (how != "whitening" || meta[whiteningKey] == "") {
		n, err := data.ParseNormalisation(how)
		if err == nil {
			m.Normalisation, err = n.For(m.In.C)
		}
		if err != nil {
			return nil, fmt.Errorf("the file wants images normalised by %q; want unit, whitening, or numbers: %w", how, err)
		}
	}
	if m.Weights, err = nn.TakeWeights(m.Layers, m.In, tensors); err != nil {
		return nil, fmt.Errorf("the network that the file describes is not the one of its weights: %w", err)
	}
	n, err := m.outputs()
	if err != nil {
		return nil, err
	}
	if text := meta[classesKey]; text != "" {
		if err := json.Unmarshal([]byte(text), &m.Classes); err != nil || len(m.Classes) != n {
			return nil, fmt.Errorf("the file names the classes %.80s; want a JSON list of %d names, one for each output of the network", text, n)
		}
		m.named = true
	}
	return m, nil
}

// outputs is the number of the network's logits.
func (m *Model) outputs() (int, error) {
	out, err := nn.OutShape(m.Layers, m.In)
	if err == nil && (out.H != 1 || out.W != 1) && !out.Flat {
		err = fmt.Errorf("the network puts out %s; want a vector of logits", out)
	}
	return out.Len(), err
}

// recipesModel builds the network of the recipe that the weights fit.
func recipesModel(meta map[string]string, tensors []safetensors.Tensor, recipe string) (*Model, error) {
	m, err := fitting(tensors, recipe)
	if err != nil {
		return nil, err
	}
	m.Dataset = cmp.Or(meta[datasetKey], m.Dataset)
	n, err := m.outputs()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(meta[classesKey]), &m.Classes); err == nil && len(m.Classes) == n {
		m.named = true
	} else {
		m.Classes = nil
	}
	return m, nil
}

// ErrNoRecipe reports weights that fit no recipe; with the name of one,
// [ReadModel] says what differs.
var ErrNoRecipe = errors.New("these weights are of no recipe's network")

// fitting is the network of the recipe of that name, or of the one that the weights fit.
func fitting(tensors []safetensors.Tensor, recipe string) (*Model, error) {
	candidates, names := Recipes, []string{}
	if recipe != "" {
		r, err := Find(recipe)
		if err != nil {
			return nil, err
		}
		candidates = []Recipe{r}
	}
	for _, r := range candidates {
		m, err := r.fit(tensors)
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
func (r Recipe) fit(tensors []safetensors.Tensor) (*Model, error) {
	d, err := nn.Describe(r.Net(10, 0), r.In)
	if err != nil {
		return nil, err
	}
	if tensors, err = d.Translate(tensors); err != nil {
		return nil, err
	}
	names, shapes := d.WeightNames(), map[string][]int{}
	for _, t := range tensors {
		shapes[t.Name] = t.Shape
	}
	first, last := names[0], names[len(names)-1]
	in, out := shapes[first], shapes[last]
	switch {
	case len(in) != 4:
		return nil, fmt.Errorf("there is no net.%s [out,in,rows,columns]", first)
	case len(out) != 1:
		return nil, fmt.Errorf("there is no net.%s [classes]", last)
	}
	m := &Model{Recipe: r.Name, Layers: r.Net(out[0], r.Dropout), In: r.In, Dataset: r.Dataset}
	m.In.C = in[1]
	if m.Weights, err = nn.TakeWeights(m.Layers, m.In, tensors); err != nil {
		return nil, err
	}
	if n, _ := r.Settings().numbers(); n != nil { // those that the recipe gives: no images are known here
		m.Normalisation, err = n.For(m.In.C)
	}
	return m, err
}

// Net puts the network on a device, with its weights, if it has any. Else they are to be set:
// the net refuses to run before.
func (m *Model) Net(dev *gpu.Device) (*nn.Net, error) {
	net, err := nn.NewNet(dev, m.Layers, m.In, nn.Whiten(m.Whitening), nn.Normalise(m.Normalisation))
	if err != nil {
		return nil, err
	}
	if len(m.Weights) > 0 {
		if err := net.SetWeights(m.Weights); err != nil {
			net.Close()
			return nil, err
		}
	}
	return net, nil
}

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
// programs, with the whitening or the normalisation, if it ends in .onnx.
func (m *Model) Export(path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".safetensors":
		if m.Whitening != nil {
			beside := filepath.Join(filepath.Dir(path), WhiteningFile)
			if there, err := data.ReadWhitening(beside); err == nil && there.Hash() != m.Whitening.Hash() {
				return fmt.Errorf("%s is the whitening of another network; want a folder without it", beside)
			}
			if err := m.Whitening.Write(beside); err != nil {
				return err
			}
		}
		return safetensors.Write(path, m.Weights, m.Metadata())
	case ".onnx":
		model, err := nn.ONNX(m.Layers, m.In, m.Weights)
		if err == nil && m.Whitening != nil {
			err = nn.WhitenONNX(&model, m.Whitening)
		}
		if err != nil {
			return err
		}
		if m.Normalisation != nil {
			each, err := m.Normalisation.For(m.In.C)
			if err != nil {
				return err
			}
			nn.NormaliseONNX(&model, each)
		}
		model.Name, model.Metadata = cmp.Or(m.Recipe, model.Name), m.Metadata()
		return model.Write(path)
	}
	return fmt.Errorf("%s: want a name that ends in .onnx or .safetensors", path)
}

// Check refuses images that the network cannot take.
func (m *Model) Check(images *data.Images) error {
	switch {
	case images.C != m.In.C:
		return fmt.Errorf("the images have %d channels; the network takes %d", images.C, m.In.C)
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
