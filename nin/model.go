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
	Classes []string             // names; numbers if they are not known; none with Values

	// Values says that the network puts out numbers, a vector [K] or an image [C,H,W], as
	// [nn.MSE] trains them. Else it puts out a logit for each class, a vector.
	Values bool

	Whitening     *data.Whitening     // the whitening that its images go through; nil for none
	Normalisation *data.Normalisation // that its images go through; nil for none

	assumed []string // the Classes in the place of names that its file does not have
	sees    string   // what its file says under normalisationKey
	missing error    // why it is not known what the images go through; nil if it is
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
// names and shapes. The number of classes and of input channels is the weights'. Its images go
// through what the recipe says. If that follows from the images of the training, as the
// normalisation of the recipe photos does, such a file does not have it: the model is read, but
// refuses to run or to be exported before a call of [Model.Normalise]. A whitening is the
// WhiteningFile that lies beside the weights or in the folder above.
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
	if m.sees = meta[normalisationKey]; m.sees != "" || meta[networkKey] != "" {
		err = m.see(m.sees)
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

// see makes the images go through what a file says under normalisationKey.
func (m *Model) see(how string) (err error) {
	if how == Unit || how == whitened && m.Whitening != nil {
		return nil
	}
	if m.Normalisation, err = data.ParseNormalisation(how); err != nil {
		return fmt.Errorf("the file wants images normalised by %q; want unit, whitening, or numbers: %w", how, err)
	}
	return nil
}

// seeAsRecipe makes the images go through what the recipe says, for weights at path that do not
// say it themselves.
func (m *Model) seeAsRecipe(path string) {
	r, _ := Find(m.Recipe) // which the weights fit
	n, err := r.Settings().numbers()
	want := "want numbers such as 0.485,0.456,0.406/0.229,0.224,0.225, or unit for none"
	switch {
	case r.Whiten:
		m.Whitening, err = whiteningBeside(path)
		if err == nil && m.checkImages() != nil || errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s does not have the whitening that the images of %s go through", path, r.Name)
			want = fmt.Sprintf("want the %s of its run beside it, or %s", WhiteningFile, strings.TrimPrefix(want, "want "))
		}
	case n != nil:
		m.Normalisation, err = n.For(m.In.C)
	case r.Normalise == "dataset":
		err = fmt.Errorf("%s does not say by which mean and deviation the images of %s were normalised", path, r.Name)
	}
	if err != nil {
		m.Whitening, m.missing = nil, SettingError{Setting: "Normalise", Problem: fmt.Sprintf("is missing: %v; %s", err, want)}
	}
}

// Normalise says what the images of a network go through whose file does not say it, in the form
// of the Normalise of [Settings]: unit, imagenet or numbers. A whitening that was found beside the
// weights is not used then. Errors: a network whose file says something else; what has no numbers.
func (m *Model) Normalise(how string) error {
	refuse := func(want string) error {
		return SettingError{Setting: "Normalise", Problem: fmt.Sprintf("is %.80q; %s", how, want)}
	}
	if m.sees != "" && how != m.sees {
		return refuse(fmt.Sprintf("the file says that its images are normalised by %s; want none or that", m.sees))
	}
	n, err := Settings{Normalise: how}.numbers()
	if err == nil && n != nil {
		n, err = n.For(m.In.C)
	}
	switch {
	case how == "" || how == "dataset":
		return refuse("want unit, imagenet or numbers, for the training images are not known here")
	case how == m.sees:
		return nil
	case err != nil && errors.As(err, new(SettingError)):
		return err
	case err != nil:
		return refuse(err.Error())
	}
	m.Whitening, m.Normalisation, m.missing = nil, n, nil
	return nil
}

var errNoLayers = errors.New("the model has no network; want its Layers")

// checkWeights refuses weights that are not the network's, and puts them into its order.
func (m *Model) checkWeights() (err error) {
	if m.Layers == nil {
		return errNoLayers
	}
	m.Weights, err = nn.TakeWeights(m.Layers, m.In, m.Weights)
	return err
}

// checkImages refuses a whitening or a normalisation that is not for the network's images, or both,
// and gives each channel its own numbers.
func (m *Model) checkImages() (err error) {
	if m.Normalisation != nil {
		if m.Whitening != nil {
			return errors.New("there are a whitening and a normalisation; want one of them, for whitening normalises by itself")
		}
		if m.Normalisation, err = m.Normalisation.For(m.In.C); err != nil {
			return err
		}
	}
	if m.Whitening != nil {
		return m.Whitening.For(m.In.C, m.In.H, m.In.W)
	}
	return nil
}

// checkText refuses a layer that has no text form, from which no program could read it back.
func (m *Model) checkText() error {
	d, err := nn.Describe(m.Layers, m.In)
	if err != nil || !strings.Contains(nn.Text(m.Layers), "?") {
		return err
	}
	for _, l := range d.Layers { // the last of a block is that inside
		if strings.Contains(nn.Text(l.Layer), "?") {
			err = fmt.Errorf("layer %s has no text form; want a type whose fields nn.Text can write", l)
		}
	}
	return err
}

// unseen returns why it is not known what the images go through, if that is so.
func (m *Model) unseen() error {
	if m.Whitening != nil || m.Normalisation != nil { // given since
		return nil
	}
	return m.missing
}

// Classifier returns an error if the network's output is not a logit for each class.
func (m *Model) Classifier() error {
	if !m.Values {
		return nil
	}
	out, err := nn.OutShape(m.Layers, m.In)
	if err == nil {
		err = fmt.Errorf("the network puts out %s numbers, not the logits of classes", out)
	}
	return err
}

// classNames returns the names of the classes, if there are any, or those of the dataset, if it
// has as many classes, or else numbers.
func (m *Model) classNames() ([]string, error) {
	n, err := m.outputs()
	switch {
	case err != nil:
		return nil, err
	case m.Values && len(m.Classes) > 0:
		return nil, fmt.Errorf("there are names of %d classes, and the network puts out numbers; want one or the other", len(m.Classes))
	case m.Values || len(m.Classes) == n:
		return m.Classes, nil
	case len(m.Classes) > 0:
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

// names reports whether the names of the classes are known.
func (m *Model) names() bool { return len(m.Classes) > 0 && !slices.Equal(m.Classes, m.assumed) }

// The metadata of a file of weights.
const (
	networkKey       = "network"       // in the form of nn.Text
	inputKey         = "input"         // C,H,W
	outputKey        = "output"        // logits, or values; see Model.Values. Without it, logits
	classesKey       = "classes"       // a JSON list of names
	normalisationKey = "normalisation" // unit: 8-bit values divided by 255; whitening: and then through the one below; or a [data.Normalisation] of them
	whiteningKey     = "whitening"     // its hash
	recipeKey        = "recipe"
	datasetKey       = "dataset"

	whitened       = "whitening"
	logits, values = "logits", "values"
)

// Preprocessing returns what the metadata of a file of weights say that its images go through, as a
// text to be compared and shown; it is empty if they do not say it.
func Preprocessing(meta map[string]string) string {
	how, hash := meta[normalisationKey], meta[whiteningKey]
	return strings.TrimSpace(how + " " + hash[:min(len(hash), 16)])
}

// LikeInit returns the settings with the whitening or the normalisation that the images of the file
// of Init go through, and that whitening, nil for none. Layers that are frozen learned under these.
// A file that does not say what its images go through, such as PyTorch's, changes nothing.
func (s Settings) LikeInit() (Settings, *data.Whitening, error) {
	_, meta, err := safetensors.Read(s.Init)
	if err != nil {
		return s, nil, SettingError{Setting: "Init", Problem: s.Init, Err: err}
	}
	switch how := meta[normalisationKey]; how {
	case "":
		return s, nil, nil
	case whitened:
		s.Whiten, s.Normalise = true, ""
		w, err := WhiteningBeside(s.Init, meta[whiteningKey])
		return s, w, err
	case Unit:
		how = "" // the same, as most recipes have it
		fallthrough
	default:
		s.Whiten, s.Normalise = false, how
		return s, nil, nil
	}
}

// Metadata returns the metadata of the model's file of weights: all that [ReadModel] needs.
func (m *Model) Metadata() map[string]string {
	classes := ""
	if m.names() {
		text, _ := json.Marshal(m.Classes) // strings always encode
		classes = string(text)
	}
	meta := map[string]string{
		networkKey: nn.Text(m.Layers), inputKey: fmt.Sprintf("%d,%d,%d", m.In.C, m.In.H, m.In.W),
		classesKey: classes, normalisationKey: Unit, recipeKey: m.Recipe, datasetKey: m.Dataset,
	}
	if m.unseen() != nil {
		meta[normalisationKey] = ""
	}
	if m.Values {
		meta[outputKey] = values
	}
	if m.Whitening != nil {
		meta[normalisationKey], meta[whiteningKey] = whitened, m.Whitening.Hash()
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
	if n, err := fmt.Sscanf(meta[inputKey]+";", "%d,%d,%d;", &m.In.C, &m.In.H, &m.In.W); n != 3 || err != nil || strings.Contains(meta[inputKey], ";") {
		return nil, fmt.Errorf("the input that the file describes is %q; want C,H,W such as 1,28,28", meta[inputKey])
	}
	switch meta[outputKey] {
	case "", logits:
	case values:
		m.Values = true
	default:
		return nil, fmt.Errorf("the file says that the network puts out %q; want %s or %s", meta[outputKey], logits, values)
	}
	m.Weights = tensors
	if err := m.checkWeights(); err != nil {
		return nil, fmt.Errorf("the network that the file describes is not the one of its weights: %w", err)
	}
	if text := meta[classesKey]; text != "" {
		if err := json.Unmarshal([]byte(text), &m.Classes); err != nil {
			return nil, fmt.Errorf("the file names the classes %.80s; want a JSON list of names, one for each output of the network", text)
		}
	}
	return m, nil
}

// outputs is the number of the network's outputs, which are logits unless Values says otherwise.
func (m *Model) outputs() (int, error) {
	out, err := nn.OutShape(m.Layers, m.In)
	if err == nil && (out.H != 1 || out.W != 1) && !out.Flat && !m.Values {
		err = fmt.Errorf("the network puts out %s; want a vector of logits, or Values for another output", out)
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
	if err := json.Unmarshal([]byte(meta[classesKey]), &m.Classes); err != nil || len(m.Classes) != n {
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
	m.Weights = tensors
	return m, m.checkWeights()
}

// Net puts the network on a device, with its weights, if it has any. Else they are to be set:
// the net refuses to run before. Errors: those of [nn.NewNet], and a file that does not say what
// its images go through (see [ReadModel]).
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

// WhiteningFile lies beside the weights of a network that sees its images
// through a whitening, or in the folder above, where a run has it.
const WhiteningFile = "whitening.safetensors"

// WhiteningBeside finds the whitening of the given hash for the weights at path.
func WhiteningBeside(path, hash string) (*data.Whitening, error) {
	w, err := whiteningBeside(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: the network was trained on whitened images; put the %s of its run beside it", path, WhiteningFile)
	case err == nil && w.Hash() != hash:
		return nil, fmt.Errorf("%s: the %s there is not the one that the network was trained with", path, WhiteningFile)
	}
	return w, err
}

// whiteningBeside reads the whitening of the weights at path.
func whiteningBeside(path string) (*data.Whitening, error) {
	dir := filepath.Dir(path)
	w, err := data.ReadWhitening(filepath.Join(dir, WhiteningFile))
	if errors.Is(err, fs.ErrNotExist) {
		w, err = data.ReadWhitening(filepath.Join(dir, "..", WhiteningFile))
	}
	return w, err
}

// check refuses a model that [ReadModel] would refuse in a file.
func (m *Model) check() error {
	err := m.checkWeights()
	if err == nil {
		_, err = m.classNames()
	}
	return cmp.Or(err, m.checkImages(), m.unseen())
}

// Export writes the model to a file: weights as PyTorch names them if its name
// ends in .safetensors (and its whitening beside them), a network for other
// programs, with the whitening or the normalisation, if it ends in .onnx. Nothing is written of a
// model that [ReadModel] would refuse, but for an ONNX file with a layer that has no text form (see
// [nn.Text]), which is for other programs alone.
func (m *Model) Export(path string) error {
	if err := m.export(path); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// export is Export of a copy, whose parts it puts into the order of the file.
func (m Model) export(path string) error {
	ext := strings.ToLower(filepath.Ext(path))
	if ext != ".safetensors" && ext != ".onnx" {
		return errors.New("want a name that ends in .onnx or .safetensors")
	}
	if err := m.check(); err != nil {
		return err
	}
	switch ext {
	case ".safetensors":
		if err := m.checkText(); err != nil {
			return err
		}
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
			nn.NormaliseONNX(&model, m.Normalisation)
		}
		if m.Values {
			model.Rename(model.Output.Name, values)
			model.Output.Name = values
		}
		model.Name, model.Metadata = cmp.Or(m.Recipe, model.Name), m.Metadata()
		return model.Write(path)
	}
	return nil
}

// Check refuses images that the network cannot take.
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
		return fmt.Errorf("the images are of the classes %s; the network knows %s", strings.Join(images.Classes, ", "), strings.Join(m.Classes, ", "))
	case images.Len() == 0:
		return errors.New("there are no images")
	}
	return nil
}

// sameInFile reports whether two names are the same as JSON has them, where bytes that are no UTF-8,
// as the name of a folder may have, become U+FFFD.
func sameInFile(a, b string) bool { return string([]rune(a)) == string([]rune(b)) }

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
