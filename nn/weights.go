package nn

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nn/safetensors"
)

// WeightTensor is one tensor of a layer, with the name and shape that PyTorch gives it.
type WeightTensor struct {
	Name          string // weight, bias, or another without dots
	Shape         []int
	FanIn, FanOut int // channels times kernel rows times kernel columns

	// Init draws the initial values of the tensor. nil means the network's own distribution (see
	// Init) for weights, and zero for State.
	Init Distribution
	// Place returns where flat element i is among the layer's values on the device. nil means
	// Offset+i.
	Place  func(i int) int
	Offset int

	State bool // not learned; see Graph.State
}

// Len returns the number of values.
func (t WeightTensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

func (t WeightTensor) place(i int) int {
	if t.Place == nil {
		return t.Offset + i
	}
	return t.Place(i)
}

// checkTensors returns an error for tensors that a state dict cannot have, or that do not fit size
// values on the device.
func checkTensors(size int, tensors []WeightTensor) error {
	values := 0
	names := map[string]bool{}
	for _, t := range tensors {
		if t.Name == "" || strings.Contains(t.Name, ".") || names[t.Name] {
			return fmt.Errorf("it declares weights called %q; want different names without dots", t.Name)
		}
		names[t.Name] = true
		if !t.State && t.Init == nil && min(t.FanIn, t.FanOut) < 1 {
			return fmt.Errorf("%s has fans %d and %d; want at least 1, or an Init", t.Name, t.FanIn, t.FanOut)
		}
		n := int64(1)
		for _, d := range t.Shape {
			if d < 1 || int64(d) > maxValues/n {
				return fmt.Errorf("%s is %v; want at least 1 and at most %d values", t.Name, t.Shape, maxValues)
			}
			n *= int64(d)
		}
		values += int(n)
	}
	if values < 1 || values > size || size > 2*maxValues {
		return fmt.Errorf("it declares %d weights in %d values on the device; want 1 to %d, and room for each", values,
			size, 2*maxValues)
	}
	return nil
}

// netPrefix is the prefix that the chapter's class puts before the names of its weights.
const netPrefix = "net."

// Weights reads all weights and state from the device, in PyTorch's layouts and order, with the
// names of the state dict of the chapter's class: net.0.0.weight. It waits for the queue.
func (net *Net) Weights() ([]safetensors.Tensor, error) {
	a := net.arenas()
	for i, b := range net.buffers() {
		if b == nil {
			continue
		}
		if err := gpu.Read(b.All(), a[i]); err != nil {
			return nil, err
		}
	}
	return net.tensors(a, true), nil
}

// Gradients reads the gradients of the last step from the device, for all weights that are not
// frozen, with the names and layouts of [Net.Weights]. They are the gradients that the optimizer
// used: after Hyper.ClipNorm, and including the decay that Hyper.SpareBiases adds to some. Errors:
// the net has no trainer yet.
func (net *Net) Gradients() ([]safetensors.Tensor, error) {
	if net.grads == nil {
		return nil, errors.New("nn: no gradients: the network has not been trained")
	}
	return net.read(net.grads)
}

// read reads a buffer that holds one value for each learned weight.
func (net *Net) read(b *gpu.Buffer) ([]safetensors.Tensor, error) {
	a := net.arenas()
	if err := gpu.Read(b.All(), a[learning]); err != nil {
		return nil, err
	}
	return net.tensors(a, false), nil
}

// tensors converts the values of a to tensors: all, or only those of learned weights.
func (net *Net) tensors(a arenas, all bool) (ts []safetensors.Tensor) {
	net.each(func(_ int, name string, in arena, offset int, t WeightTensor) {
		if in != learning && !all {
			return
		}
		data := make([]float32, t.Len())
		for i := range data {
			data[i] = a[in][offset+t.place(i)]
		}
		ts = append(ts, safetensors.Tensor{Name: netPrefix + name, Shape: slices.Clone(t.Shape), Data: data})
	})
	return ts
}

// SetWeights sets all weights. The names and layouts of the tensors, and the errors, are those of
// [TakeWeights].
func (net *Net) SetWeights(ts []safetensors.Tensor) error {
	a, err := net.arrange(ts, true)
	if err != nil {
		return err
	}
	return net.fill(a)
}

// SetMatching sets the weights for which there is a tensor of the same name and shape, and leaves
// the others unchanged, for example to start from a network with another head. The names are those
// of [TakeWeights]. It returns the names and shapes of the weights without a tensor (missing) and
// of the tensors without a weight (unused). Errors: no tensor fits, one that fits is not finite, or
// two have the same name.
func (net *Net) SetMatching(ts []safetensors.Tensor) (missing, unused []string, err error) {
	translated, given, err := net.byName(ts)
	if err != nil {
		return nil, nil, err
	}
	weights, err := net.Weights()
	if err != nil {
		return nil, nil, err
	}
	for i, w := range weights {
		name := strings.TrimPrefix(w.Name, netPrefix)
		t, ok := given[name]
		if !ok || t.Integer || !slices.Equal(t.Shape, w.Shape) {
			missing = append(missing, fmt.Sprint(w.Name, " ", w.Shape))
			continue
		}
		delete(given, name)
		weights[i].Data = t.Data
	}
	if len(missing) == len(weights) {
		return nil, nil, fmt.Errorf("weights: no tensor fits one of the network's, such as %s", missing[0])
	}
	for i, t := range ts {
		if _, left := given[translated[i].Name]; left {
			unused = append(unused, fmt.Sprint(t.Name, " ", t.Shape))
		}
	}
	return missing, unused, net.SetWeights(weights)
}

// TakeWeights picks the weights of l, for inputs of shape in, from the tensors, without a device.
// It returns them in the order and with the names of [Net.Weights].
//
// The names and layouts are those that [Description.Translate] accepts: PyTorch's, or another
// framework's. Each weight must occur once, with its shape and finite numbers. Other tensors are
// errors, except integer ones such as PyTorch's num_batches_tracked, which are dropped unless a
// layer has them.
func TakeWeights(l Layer, in Shape, ts []safetensors.Tensor) ([]safetensors.Tensor, error) {
	net, err := newNet(gpu.Dry(gpu.Guaranteed, false), l, in)
	if err == nil {
		err = net.lay(1)
	}
	if err != nil {
		return nil, err
	}
	taken, err := net.take(ts, true)
	if err != nil {
		return nil, err
	}
	return taken, net.checkPlaces()
}

// write writes one value for each learned weight to b.
func (net *Net) write(b *gpu.Buffer, ts []safetensors.Tensor) error {
	a, err := net.arrange(ts, false)
	if err != nil {
		return err
	}
	return gpu.Write(b.All(), a[learning])
}

// arrange converts tensors to the device's layout: all, or only those of learned weights.
func (net *Net) arrange(ts []safetensors.Tensor, all bool) (arenas, error) {
	taken, err := net.take(ts, all)
	if err != nil {
		return arenas{}, err
	}
	a := net.arenas()
	net.each(func(_ int, _ string, in arena, offset int, want WeightTensor) {
		if in != learning && !all {
			return
		}
		for i, v := range taken[0].Data {
			a[in][offset+want.place(i)] = v
		}
		taken = taken[1:]
	})
	return a, nil
}

// take finds the tensor of each weight and state, or only of each learned weight.
func (net *Net) take(ts []safetensors.Tensor, all bool) (taken []safetensors.Tensor, err error) {
	translated, given, err := net.byName(ts)
	if err != nil {
		return nil, err
	}
	net.each(func(_ int, name string, in arena, _ int, want WeightTensor) {
		if err != nil || in != learning && !all {
			return
		}
		t, ok := given[name]
		delete(given, name)
		t.Name = netPrefix + name
		switch {
		case !ok:
			err = fmt.Errorf("weights: %s is missing; the network has it with shape %v", t.Name, want.Shape)
			return
		case !slices.Equal(t.Shape, want.Shape) || len(t.Data) != want.Len():
			err = fmt.Errorf("weights: %s has shape %v; the network's is %v", t.Name, t.Shape, want.Shape)
			return
		case t.Integer && !want.State:
			err = fmt.Errorf("weights: %s has integers; want floating-point numbers", t.Name)
			return
		}
		if i := t.NotFinite(); i >= 0 {
			err = fmt.Errorf("weights: %s[%d] is %g", t.Name, i, t.Data[i])
			return
		}
		taken = append(taken, t)
	})
	if err != nil {
		return nil, err
	}
	for i, t := range ts {
		if _, unused := given[translated[i].Name]; unused && !t.Integer {
			return nil, fmt.Errorf("weights: the network has no %s", t.Name)
		}
	}
	return taken, nil
}

// byName returns the tensors as [Description.Translate] does, and also by name. Errors: those of
// Translate, and a name that occurs twice.
func (net *Net) byName(ts []safetensors.Tensor) (translated []safetensors.Tensor, given map[string]safetensors.Tensor,
	err error) {
	if translated, err = net.description.Translate(ts); err != nil {
		return nil, nil, err
	}
	given = map[string]safetensors.Tensor{}
	for _, t := range translated {
		if _, twice := given[t.Name]; twice {
			return nil, nil, fmt.Errorf("weights: %s occurs twice", t.Name)
		}
		given[t.Name] = t
	}
	return translated, given, nil
}

// Hash returns the SHA-256 of the weights' names, shapes and bits, in hexadecimal.
func (net *Net) Hash() (string, error) {
	ts, err := net.Weights()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	safetensors.Hash(h, ts)
	return hex.EncodeToString(h.Sum(nil)), nil
}
