package nin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// These are the keys and values of the metadata in a file of weights.
const (
	networkKey = "network" // in the form of nn.Text
	inputKey   = "input"   // C,H,W
	outputKey  = "output"  // logits, the default, or values; see Model.Values
	classesKey = "classes" // a JSON list of names
	// unit is 8-bit values divided by 255. whitening also applies the one of whiteningKey. Any
	// other value is a [data.Normalisation].
	normalisationKey = "normalisation"
	whiteningKey     = "whitening" // its hash
	recipeKey        = "recipe"
	datasetKey       = "dataset"

	whitened       = "whitening"
	logits, values = "logits", "values"
)

// ErrNoRecipe reports weights that fit no recipe. If [ReadModel] is given the name of a recipe, its
// error names the difference instead.
var ErrNoRecipe = errors.New("these weights are of no recipe's network")

// Metadata returns the metadata of the model's file of weights, with everything that [ReadModel]
// needs.
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

// describedModel builds the network that the metadata of a file describe.
func describedModel(meta map[string]string, tensors []safetensors.Tensor, recipe string, known []nn.Layer) (m *Model,
	err error) {
	m = &Model{Recipe: meta[recipeKey], Dataset: meta[datasetKey]}
	if recipe != "" && recipe != m.Recipe {
		says := "no recipe; want none"
		if m.Recipe != "" {
			says = fmt.Sprintf("the recipe %q; want that or none", m.Recipe)
		}
		return nil, fmt.Errorf("the file says that its network is of %s, not %s", says, recipe)
	}
	if m.Layers, err = parse(meta[networkKey], known...); err != nil {
		return nil, fmt.Errorf("the network that the file describes: %w", err)
	}
	if n, err := fmt.Sscanf(meta[inputKey]+";", "%d,%d,%d;", &m.In.C, &m.In.H, &m.In.W); n != 3 || err != nil ||
		strings.Contains(meta[inputKey], ";") {
		return nil, fmt.Errorf("the input that the file describes is %q; want C,H,W such as 1,28,28", meta[inputKey])
	}
	switch meta[outputKey] {
	case "", logits:
	case values:
		m.Values = true
	default:
		return nil, fmt.Errorf("the file says that the network outputs %q; want %s or %s", meta[outputKey],
			logits, values)
	}
	m.Weights = tensors
	if err := m.checkWeights(); err != nil {
		return nil, fmt.Errorf("the network that the file describes is not the one of its weights: %w", err)
	}
	if text := meta[classesKey]; text != "" {
		if err := json.Unmarshal([]byte(text), &m.Classes); err != nil {
			return nil,
				fmt.Errorf("the file names the classes %.80s; want a JSON list of names, one for each output of the network", text)
		}
	}
	return m, nil
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

// fitting returns the model of the recipe of that name or, if recipe is empty, of the first recipe
// that the weights fit.
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

// fit returns the model of the recipe's network with the channels and classes of the weights.
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
