package nin

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
)

// Model is a network as a file of weights describes it: its layers, what it was trained for, and
// its weights. [ReadModel] reads one.
//
// To train and save a network of your own, set Layers and In, and Dataset or Classes if they are
// known. [Model.Net] puts the network on a device, and [nn.Net.Init] initialises its weights. After
// the training, set Weights to those of the net and call [Model.Export]. The example OwnLayers is a
// whole program.
type Model struct {
	Recipe  string // name of the recipe that trained it; empty if none did
	Layers  nn.Layer
	In      nn.Shape
	Weights []safetensors.Tensor // empty before the training
	Dataset string               // the dataset that it was trained on; empty if it is not known
	Classes []string             // names; numbers if they are not known; none with Values

	// Values reports whether the outputs are plain numbers, a vector [K] or an image [C,H,W], as
	// [nn.MSE] trains them. Otherwise they are a vector with a logit for each class.
	Values bool

	Whitening     *data.Whitening     // applied to its images; nil for none
	Normalisation *data.Normalisation // applied to its images; nil for none

	assumed []string // the Classes that were made up because its file names none
	sees    string   // the value of normalisationKey in its file
	missing error    // why the preprocessing of its images is unknown; nil if it is known
}

// ReadWeights reads the tensors and the metadata of a file of weights, safetensors or ONNX. It
// leaves out the state of an optimizer. w is the whitening among the weights of an ONNX file, or
// nil.
func ReadWeights(path string) (tensors []safetensors.Tensor, meta map[string]string, w *data.Whitening, err error) {
	read := safetensors.Read
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		read = onnx.ReadWeights
	}
	if tensors, meta, err = read(path); err != nil {
		return nil, nil, nil, err
	}
	tensors = slices.DeleteFunc(tensors, func(t safetensors.Tensor) bool { return nn.IsOptimizerState(t.Name) })
	w, tensors = nn.ONNXWhitening(tensors)
	return tensors, meta, w, nil
}

// ReadModel reads a file of weights: a run's model.safetensors, one of its checkpoints, the
// weights that PyTorch, Flax, Keras or MXNet saved as safetensors (see
// [nn.Description.Translate]), or an ONNX model.
//
// A file that this program wrote describes its network in the form of [nn.Text], and recipe may be
// empty. For layers that are not of package nn, give a value of each as known, such as
// outside.PReLU{}.
//
// Any other file, such as PyTorch's, does not describe its network. The network is then that of the
// named recipe or, if recipe is empty, of the recipe whose network has weights of these names and
// shapes. The weights give the number of classes and of input channels, and the recipe says how
// images are preprocessed. If the preprocessing depends on the training images, as the
// normalisation of the recipe photos does, the file does not have it: the model is read, but it can
// neither run nor be exported until [Model.Normalise] is called. A whitening is read from the
// WhiteningFile beside the weights or in the folder above.
//
// Errors: a layer that the program does not know, weights that are not the network's, and a recipe
// that is not the file's.
func ReadModel(path, recipe string, known ...nn.Layer) (*Model, error) {
	tensors, meta, w, err := ReadWeights(path)
	if err != nil {
		return nil, err
	}
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
	if m.sees = meta[normalisationKey]; m.sees != "" || meta[networkKey] != "" {
		err = m.see()
	} else if m.Whitening == nil {
		m.seeAsRecipe(path)
	}
	if err == nil {
		err = m.checkImages()
	}
	named := len(m.Classes) > 0
	if err == nil {
		m.Classes, err = m.classNames()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !named {
		m.assumed = m.Classes
	}
	return m, nil
}

var errNoLayers = errors.New("the model has no network; want its Layers")

// checkWeights refuses weights that do not fit the network, and sorts them into the network's
// order.
func (m *Model) checkWeights() (err error) {
	if m.Layers == nil {
		return errNoLayers
	}
	m.Weights, err = nn.TakeWeights(m.Layers, m.In, m.Weights)
	return err
}

// checkText refuses a layer that has no text form, because no program could read it back.
func (m *Model) checkText() error {
	d, err := nn.Describe(m.Layers, m.In)
	if err != nil || !strings.Contains(nn.Text(m.Layers), "?") {
		return err
	}
	for _, l := range d.Layers { // the last match is the innermost block
		if strings.Contains(nn.Text(l.Layer), "?") {
			err = fmt.Errorf("layer %s has no text form; want a type whose fields nn.Text can write", l)
		}
	}
	return err
}

// Classifier returns an error if the network's output is not a logit for each class.
func (m *Model) Classifier() error {
	if !m.Values {
		return nil
	}
	out, err := nn.OutShape(m.Layers, m.In)
	if err == nil {
		err = fmt.Errorf("the network outputs %s numbers, not the logits of classes", out)
	}
	return err
}

// classNames returns the names of the classes if they are known. Otherwise it returns those of the
// dataset if their number fits, or numbers.
func (m *Model) classNames() ([]string, error) {
	n, err := m.outputs()
	switch {
	case err != nil:
		return nil, err
	case m.Values && len(m.Classes) > 0:
		return nil, fmt.Errorf("there are names of %d classes, and the network outputs numbers; want one or the other",
			len(m.Classes))
	case m.Values || len(m.Classes) == n:
		return m.Classes, nil
	case len(m.Classes) > 0:
		return nil, fmt.Errorf("there are names of %d classes; want %d, one for each output of the network",
			len(m.Classes), n)
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

// names reports whether the names of the classes are known.
func (m *Model) names() bool { return len(m.Classes) > 0 && !slices.Equal(m.Classes, m.assumed) }

// outputs returns the number of the network's outputs, which are logits unless Values is set.
func (m *Model) outputs() (int, error) {
	out, err := nn.OutShape(m.Layers, m.In)
	if err == nil && (out.H != 1 || out.W != 1) && !out.Flat && !m.Values {
		err = fmt.Errorf("the network outputs %s; want a vector of logits, or Values for another output", out)
	}
	return out.Len(), err
}

// Net puts the network on a device, with its weights if it has any. Without weights, the net
// refuses to run until they are set. Errors: those of [nn.NewNet], and a model whose preprocessing
// is not known (see [ReadModel]).
func (m *Model) Net(dev *gpu.Device) (*nn.Net, error) {
	if err := m.unseen(); err != nil {
		return nil, err
	}
	if m.Layers == nil {
		return nil, errNoLayers
	}
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

// check refuses a model that [ReadModel] would refuse to read from a file.
func (m *Model) check() error {
	err := m.checkWeights()
	if err == nil {
		_, err = m.classNames()
	}
	return cmp.Or(err, m.checkImages(), m.unseen())
}

// Check returns an error if the network cannot take the images.
func (m *Model) Check(images *data.Images) error {
	if err := m.Classifier(); err != nil {
		return err
	}
	classes, err := m.classNames()
	if err != nil {
		return err
	}
	switch {
	case images.C != m.In.C:
		return fmt.Errorf("the images have %d channels; the network takes %d", images.C, m.In.C)
	case len(images.Classes) != len(classes):
		return fmt.Errorf("the images are of %d classes; the network knows %d", len(images.Classes), len(classes))
	case m.names() && !slices.EqualFunc(images.Classes, m.Classes, sameInFile):
		return fmt.Errorf("the images are of the classes %s; the network knows %s", strings.Join(images.Classes, ", "),
			strings.Join(m.Classes, ", "))
	case images.Len() == 0:
		return errors.New("there are no images")
	}
	return nil
}

// sameInFile reports whether two names are the same in JSON, where bytes that are not UTF-8 become
// U+FFFD. The name of a folder may have such bytes.
func sameInFile(a, b string) bool { return string([]rune(a)) == string([]rune(b)) }

// LooksInverted reports whether the network was trained on white things on black and the border of
// the image is mostly bright.
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
