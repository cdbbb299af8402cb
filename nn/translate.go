package nn

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wgnin/nn/safetensors"
)

// Translate returns the tensors in the same order, with the names of [Description.WeightNames] and
// PyTorch's layouts. It reads the files of these frameworks:
//
//   - PyTorch: the names may begin with "net.", as those of the chapter's class do, and all of
//     them with a wrapper's prefix, such as module., _orig_mod. or model. A "net." that belongs to
//     the names of the network, which has a layer called net, stays.
//   - Flax: params.Conv_0.kernel, batch_stats.BatchNorm_0.mean and so on, as in
//     flatten_dict(variables, sep="."); or the names of an nnx state.
//   - Keras: sequential/conv2d/kernel, which is v.path in Keras 3, or conv2d/kernel:0, which is
//     v.name in tf.keras.
//   - MXNet: conv0_weight, as Gluon's collect_params has them.
//
// The files of the last three do not say where in the network a layer is. Translate matches their
// convolutions with the network's in the order of the numbers in their names (conv2d, conv2d_1,
// ..., conv2d_10). It does the same with dense layers and batch normalisations. Kernels of Flax and
// Keras have the channels last, [rows,columns,in,out], and dense layers after a flattened image
// take its values in the order H,W,C; Translate transposes both. The files do not contain the Eps
// of a normalisation; Keras's default is 1e-3.
//
// A file is PyTorch's if it contains one of the network's names, or a name that ends in ".weight".
// Tensors of integers stay unchanged. Errors: weights of layers other than these three, a different
// number of layers than in the network, or names that do not determine the order of the layers.
func (d *Description) Translate(ts []safetensors.Tensor) ([]safetensors.Tensor, error) {
	want := d.WeightNames()
	if pytorch, found := unwrap(ts, want); found > 0 {
		return pytorch, nil
	}
	for _, c := range conventions {
		if c.wrote(ts) {
			return c.translate(d, ts)
		}
	}
	if len(want) > 0 {
		ts = trim(ts, wrapperPrefix(ts, want[0]))
	}
	pytorch, _ := unwrap(ts, want)
	return pytorch, nil
}

// unwrap removes "net." from PyTorch's names if more of them are then among the wanted names. It
// returns how many are.
func unwrap(ts []safetensors.Tensor, want []string) (best []safetensors.Tensor, most int) {
	for _, prefix := range []string{"", netPrefix} {
		named, has, found := trim(ts, prefix), map[string]bool{}, 0
		for _, t := range named {
			has[t.Name] = true
		}
		for _, name := range want {
			if has[name] {
				found++
			}
		}
		if best == nil || found > most {
			best, most = named, found
		}
	}
	return best, most
}

// trim removes prefix from the names that have it.
func trim(ts []safetensors.Tensor, prefix string) []safetensors.Tensor {
	ts = slices.Clone(ts)
	for i, t := range ts {
		ts[i].Name = strings.TrimPrefix(t.Name, prefix)
	}
	return ts
}

// wrapperPrefix returns the prefix that all names have, if removing it from one of them leaves
// first, the name of a weight. Names of integer tensors need not have it. The result is empty if
// there is no such prefix.
func wrapperPrefix(ts []safetensors.Tensor, first string) string {
	for _, t := range ts {
		p, ok := strings.CutSuffix(t.Name, first)
		p = strings.TrimSuffix(p, netPrefix)
		all := !slices.ContainsFunc(ts, func(t safetensors.Tensor) bool {
			return !t.Integer && !strings.HasPrefix(t.Name, p)
		})
		if ok && all && strings.HasSuffix(p, ".") {
			return p
		}
	}
	return ""
}

// convention describes how a framework other than PyTorch names weights and lays them out.
type convention struct {
	framework    string
	path         *regexp.Regexp    // of a name; the groups are the layer's path and the name within the layer
	names        map[string]string // PyTorch's, by the name within the layer
	kernel       string            // of a convolution, within the layer
	channelsLast bool
}

var conventions = []convention{
	{
		framework: "Flax or Keras", kernel: "kernel", channelsLast: true,
		path: regexp.MustCompile(`^(?:(?:params|batch_stats)[./,])?(.*?)[./,]?([^./,:]+)(?::0)?$`),
		names: map[string]string{
			"kernel": "weight", "bias": "bias",
			"scale": "weight", "mean": "running_mean", "var": "running_var", // Flax
			"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var", // Keras
		},
	},
	{
		framework: "MXNet", kernel: "weight",
		path: regexp.MustCompile(`^([^.]+?)_((?:running_)?[a-z]+)$`),
		names: map[string]string{
			"weight": "weight", "bias": "bias",
			"gamma": "weight", "beta": "bias", "running_mean": "running_mean", "running_var": "running_var",
		},
	},
}

// wrote reports whether the tensors follow the convention: one is a kernel, and no name ends in
// ".weight" as in PyTorch.
func (c convention) wrote(ts []safetensors.Tensor) bool {
	kernels := false
	for _, t := range ts {
		if strings.HasSuffix(t.Name, ".weight") {
			return false
		}
		_, name := c.split(t.Name)
		kernels = kernels || name == c.kernel
	}
	return kernels
}

// split returns the path of a tensor's layer, and the tensor's name within the layer. Both are
// empty if the name does not follow the convention.
func (c convention) split(tensor string) (path, name string) {
	if m := c.path.FindStringSubmatch(tensor); m != nil {
		return m[1], m[2]
	}
	return "", ""
}

// foreignLayer is a layer of a file. Its tensors are indices, by PyTorch's names.
type foreignLayer struct {
	path    string
	tensors map[string]int
}

// kinds names the kinds of layers by the number of dimensions of "weight". Layers whose number has
// no name cannot be read from these files.
var kinds = [...]string{1: "batch normalisations", 2: "dense layers", 4: "convolutions"}

// readable lists the kinds of layers for errors.
const readable = "convolution, dense, batch normalisation"

// hasKind reports whether there is a kind of layer whose weights have this number of dimensions.
func hasKind(dims int) bool { return dims < len(kinds) && kinds[dims] != "" }

// translate returns the tensors with the names and layouts of d.
func (c convention) translate(d *Description, ts []safetensors.Tensor) ([]safetensors.Tensor, error) {
	found, err := c.layers(ts)
	if err != nil {
		return nil, err
	}
	wanted := map[int][]Described{}
	for _, l := range d.Layers {
		if len(l.Weights) == 0 {
			continue
		}
		kind := len(l.Weights[0].Shape)
		if !hasKind(kind) {
			return nil,
				fmt.Errorf("weights: the network's layer %s has a %s of shape %v; the layers that can be read from a file of %s are: %s",
					l, l.Weights[0].Name, l.Weights[0].Shape, c.framework, readable)
		}
		wanted[kind] = append(wanted[kind], l)
	}
	out := slices.Clone(ts)
	for kind, name := range kinds {
		if name == "" {
			continue
		}
		from, to := found[kind], wanted[kind]
		if len(from) != len(to) {
			return nil, fmt.Errorf("weights: the file, of %s, has %d %s; the network has %d", c.framework, len(from),
				name, len(to))
		}
		if err := sortLayers(from); err != nil {
			return nil, err
		}
		for i, l := range to {
			for name, k := range from[i].tensors {
				out[k] = c.pyTorch(ts[k], l)
				out[k].Name = l.weight(name)
			}
		}
	}
	return out, nil
}

// layers returns the layers of the tensors, by the number of dimensions of their weights.
func (c convention) layers(ts []safetensors.Tensor) (map[int][]foreignLayer, error) {
	var paths []string
	tensors := map[string]map[string]int{}
	for i, t := range ts {
		path, name := c.split(t.Name)
		as, known := c.names[name]
		lower := strings.ToLower(path)
		switch {
		case t.Integer:
			continue
		case !known || strings.Contains(lower, "transpose") || c.channelsLast && strings.Contains(lower, "depthwise"):
			return nil, fmt.Errorf("weights: %s, of %s, belongs to none of the layers that can be read: %s", t.Name,
				c.framework, readable)
		case tensors[path] == nil:
			paths, tensors[path] = append(paths, path), map[string]int{}
		}
		if _, twice := tensors[path][as]; twice {
			return nil, fmt.Errorf("weights: %s, of %s, occurs twice", t.Name, c.framework)
		}
		tensors[path][as] = i
	}
	found := map[int][]foreignLayer{}
	for _, path := range paths {
		l := foreignLayer{path, tensors[path]}
		weight, ok := l.tensors["weight"]
		if !ok {
			return nil, fmt.Errorf("weights: layer %s, of %s, has no kernel or scale", path, c.framework)
		}
		kind := len(ts[weight].Shape)
		if !hasKind(kind) {
			return nil, fmt.Errorf("weights: %s, of %s, has shape %v; want 4 dimensions, or 2 of a dense layer",
				ts[weight].Name, c.framework, ts[weight].Shape)
		}
		found[kind] = append(found[kind], l)
	}
	return found, nil
}

// pyTorch converts a tensor of l to PyTorch's layout. A dense layer after a flattened image is
// converted like a convolution with a kernel as large as the image.
func (c convention) pyTorch(t safetensors.Tensor, l Described) safetensors.Tensor {
	rows, columns := 1, 1
	switch dims := t.Shape; {
	case !c.channelsLast:
		return t
	case len(dims) == 2 && dims[0] == l.In.Len():
		rows, columns = l.In.H, l.In.W
	case len(dims) == 4:
		rows, columns = dims[0], dims[1]
	case len(dims) != 2:
		return t
	}
	if n := (WeightTensor{Shape: t.Shape}).Len(); n == 0 || n != len(t.Data) {
		return t // no network has this shape
	}
	taps, out := rows*columns, t.Shape[len(t.Shape)-1]
	in := len(t.Data) / taps / out
	if len(t.Shape) == 4 {
		t.Shape = []int{out, in, rows, columns}
	} else {
		t.Shape = []int{out, taps * in}
	}
	data := make([]float32, len(t.Data))
	for i, v := range t.Data {
		o, ci, tap := i%out, i/out%in, i/out/in
		data[(o*in+ci)*taps+tap] = v
	}
	t.Data = data
	return t
}

// sortLayers sorts layers of one kind by the numbers in their paths. If the paths differ in more
// than numbers, it sorts by Keras's own names, which are numbered through the whole network.
func sortLayers(layers []foreignLayer) (err error) {
	whole := func(path string) []string { return pathParts.Split(path, -1) }
	keras := func(path string) []string { return kerasName.FindAllString(path, 1) }
	for _, names := range []func(string) []string{whole, keras} {
		compare := func(a, b foreignLayer) int { return compareNumbers(words(names(a.path)), words(names(b.path))) }
		slices.SortFunc(layers, compare)
		err = nil
		for i, next := range layers[min(1, len(layers)):] {
			if compare(layers[i], next) >= 0 {
				err = fmt.Errorf("weights: the names do not say which of the layers %s and %s is the first; want numbers, as in conv1 and conv2",
					layers[i].path, next.path)
				break
			}
		}
		if err == nil {
			break
		}
	}
	return err
}

var (
	pathParts = regexp.MustCompile(`[./,]`)
	kerasName = regexp.MustCompile(`\b(conv2d|dense|batch_normalization)(_[0-9]+)?$`)
	nameWords = regexp.MustCompile(`[0-9]+|[^0-9_]+`)
)

// words splits names into words and numbers. A name that does not end in a number gets the number
// 0: conv2d is conv2d_0.
func words(names []string) (all []string) {
	for _, name := range names {
		all = append(all, nameWords.FindAllString(name, -1)...)
		if _, err := strconv.Atoi(name[max(0, len(name)-1):]); err != nil {
			all = append(all, "0")
		}
	}
	return all
}

// compareNumbers compares two names at the first difference. It returns 0 if there are no numbers
// at that place.
func compareNumbers(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			x, errX := strconv.Atoi(a[i])
			y, errY := strconv.Atoi(b[i])
			if errX != nil || errY != nil {
				return 0
			}
			return cmp.Compare(x, y)
		}
	}
	return 0
}
