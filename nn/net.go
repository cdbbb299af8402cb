package nn

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
)

// Weights says what the weights of a layer are and how they lie on the device.
type Weights struct {
	Size    int // values on the device, with padding
	Tensors []WeightTensor
}

// WeightTensor is one tensor of a layer, as PyTorch has it.
type WeightTensor struct {
	Name          string // weight or bias
	Shape         []int
	FanIn, FanOut int // channels times kernel rows times kernel columns

	place func(i int) int // where flat element i lies on the device
}

// Len is the number of values.
func (t WeightTensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Net is a network with its weights on a device, and, once it has a trainer,
// their gradients.
type Net struct {
	Layer Layer
	In    Shape
	Out   Shape

	dev     *gpu.Device
	layers  []netWeights
	byPath  map[string]int
	size    int // values of all weights on the device, with padding
	weights *gpu.Buffer
	grads   *gpu.Buffer // nil until there is a trainer
	batch   *gpu.Buffer // the shaders.Batch of the run
	kernels Kernels
	set     bool // the weights have been

	whitening *gpu.Buffer // matrix and bias; nil without one
}

type netWeights struct {
	Weights
	path   string
	offset int // values
}

// NewNet puts the weights of l, for inputs of shape in, on the device: zero
// until they are set with Init or SetWeights.
func NewNet(dev *gpu.Device, l Layer, in Shape) (*Net, error) {
	adapter := dev.Adapter()
	limit := min(adapter.Limits.MaxBindingBytes, adapter.Limits.MaxBufferBytes)
	net, err := lay(l, in, int(adapter.Limits.OffsetAlign/4), func(path string, l Layer, in, out Shape) error {
		if bytes := out.deviceBytes(); bytes > limit {
			return fmt.Errorf("layer %s (%s) on %s: output of one image takes %d bytes; %s binds at most %d", path, l, in, bytes, adapter.Name, limit)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	net.dev = dev
	bytes := int64(net.size) * 4
	if bytes > limit {
		return nil, fmt.Errorf("nn: the weights take %d bytes; %s binds at most %d", bytes, adapter.Name, limit)
	}
	var err1, err2 error
	net.weights, err1 = dev.NewBuffer("weights", bytes)
	net.batch, err2 = dev.NewBuffer("batch", shaders.BatchBytes)
	if err := errors.Join(err1, err2); err != nil {
		net.Close()
		return nil, err
	}
	return net, nil
}

// lay gives the weights of l their places: those of each layer begin at a
// multiple of align values. It calls check for each layer.
func lay(l Layer, in Shape, align int, check func(path string, l Layer, in, out Shape) error) (*Net, error) {
	net := &Net{Layer: l, In: in, byPath: map[string]int{}}
	var err error
	net.Out, err = Walk(l, in, func(path string, l Layer, in, out Shape) error {
		if err := check(path, l, in, out); err != nil {
			return err
		}
		if w, ok := l.(Weighted); ok {
			nw := netWeights{w.Weights(in), path, net.size}
			net.byPath[path] = len(net.layers)
			net.layers = append(net.layers, nw)
			net.size += shaders.RoundUp(nw.Size, align)
		}
		return nil
	})
	if err == nil && net.size == 0 {
		err = errors.New("nn: the network has no weights")
	}
	return net, err
}

// Close gives the device memory back. It may be called on nil.
func (net *Net) Close() {
	if net == nil {
		return
	}
	net.weights.Release()
	net.grads.Release()
	net.batch.Release()
	net.whitening.Release()
}

// Device is where the network lives.
func (net *Net) Device() *gpu.Device { return net.dev }

// Bytes is the size of the weights on the device.
func (net *Net) Bytes() int64 { return net.weights.Bytes() }

// Params is the number of weights and biases.
func (net *Net) Params() int {
	n := 0
	for _, l := range net.layers {
		for _, t := range l.Tensors {
			n += t.Len()
		}
	}
	return n
}

// param is the part of b, weights or their gradients, that the layer at path
// has. It is an error if the net has laid out none of that size there, as when a type
// that is not Sequential builds layers.
func (net *Net) param(b *gpu.Buffer, path string, size int) (gpu.View, error) {
	i, ok := net.byPath[path]
	if !ok || net.layers[i].Size != size {
		return gpu.View{}, fmt.Errorf("the network has no weights for it: layers inside other layers want a Sequential")
	}
	l := net.layers[i]
	return b.Slice(int64(l.offset)*4, int64(l.Size)*4), nil
}

// each visits the tensors in PyTorch's order, with the layer's place in the
// arena.
func (net *Net) each(f func(index int, name string, offset int, t WeightTensor)) {
	index := 0
	for _, l := range net.layers {
		for _, t := range l.Tensors {
			f(index, l.path+"."+t.Name, l.offset, t)
			index++
		}
	}
}

// Init sets the weights at random.
func (net *Net) Init(init Init, seed uint64) error {
	arena := make([]float32, net.size)
	net.each(func(index int, name string, offset int, t WeightTensor) {
		r := rand.New(rand.NewPCG(seed, uint64(index)))
		draw := init.Weight
		if t.Name == "bias" {
			draw = init.Bias
		}
		for i := range t.Len() {
			arena[offset+t.place(i)] = float32(draw(r, t.FanIn, t.FanOut))
		}
	})
	net.set = true
	return gpu.Write(net.weights.All(), arena)
}

// prefix is what the chapter's class puts before the names of its weights.
const prefix = "net."

// Weights reads the weights back, in PyTorch's layouts and order, named as in
// the state dict of the chapter's class: net.0.0.weight.
func (net *Net) Weights() ([]safetensors.Tensor, error) { return net.read(net.weights) }

// Gradients reads the gradients of the last step back, named as [Net.Weights].
// Before there is a trainer there are none.
func (net *Net) Gradients() ([]safetensors.Tensor, error) {
	if net.grads == nil {
		return nil, errors.New("nn: no gradients: the network has not been trained")
	}
	return net.read(net.grads)
}

func (net *Net) read(b *gpu.Buffer) ([]safetensors.Tensor, error) {
	arena := make([]float32, net.size)
	if err := gpu.Read(b.All(), arena); err != nil {
		return nil, err
	}
	var ts []safetensors.Tensor
	net.each(func(_ int, name string, offset int, t WeightTensor) {
		data := make([]float32, t.Len())
		for i := range data {
			data[i] = arena[offset+t.place(i)]
		}
		ts = append(ts, safetensors.Tensor{Name: prefix + name, Shape: slices.Clone(t.Shape), Data: data})
	})
	return ts, nil
}

// SetWeights sets all weights. Names are those of PyTorch, with or without
// "net."; each weight of the network must be there once, with its shape, and
// nothing else.
func (net *Net) SetWeights(ts []safetensors.Tensor) error {
	err := net.write(net.weights, ts)
	net.set = net.set || err == nil
	return err
}

// Fits refuses tensors that are not the weights of l for inputs of shape in, as
// SetWeights would, with no device.
func Fits(l Layer, in Shape, ts []safetensors.Tensor) error {
	net, err := lay(l, in, 1, func(string, Layer, Shape, Shape) error { return nil })
	if err != nil {
		return err
	}
	_, err = net.arrange(ts)
	return err
}

// write puts a value for each weight into b.
func (net *Net) write(b *gpu.Buffer, ts []safetensors.Tensor) error {
	arena, err := net.arrange(ts)
	if err != nil {
		return err
	}
	return gpu.Write(b.All(), arena)
}

// arrange lays a value for each weight as on the device.
func (net *Net) arrange(ts []safetensors.Tensor) ([]float32, error) {
	given := map[string]safetensors.Tensor{}
	for _, t := range ts {
		name := strings.TrimPrefix(t.Name, prefix)
		if _, twice := given[name]; twice {
			return nil, fmt.Errorf("weights: %s is there twice", name)
		}
		given[name] = t
	}
	arena := make([]float32, net.size)
	var err error
	net.each(func(_ int, name string, offset int, want WeightTensor) {
		t, ok := given[name]
		delete(given, name)
		switch {
		case err != nil:
		case !ok:
			err = fmt.Errorf("weights: %s%s is missing; the network has it with shape %v", prefix, name, want.Shape)
		case !slices.Equal(t.Shape, want.Shape) || len(t.Data) != want.Len():
			err = fmt.Errorf("weights: %s has shape %v; the network's is %v", t.Name, t.Shape, want.Shape)
		default:
			for i, v := range t.Data {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					err = fmt.Errorf("weights: %s[%d] is %g", t.Name, i, v)
					return
				}
				arena[offset+want.place(i)] = v
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, t := range ts {
		if _, unused := given[strings.TrimPrefix(t.Name, prefix)]; unused {
			return nil, fmt.Errorf("weights: the network has no %s", t.Name)
		}
	}
	return arena, nil
}

// Hash is the SHA-256 of the weights: names, shapes and bits.
func (net *Net) Hash() (string, error) {
	ts, err := net.Weights()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	safetensors.Hash(h, ts)
	return hex.EncodeToString(h.Sum(nil)), nil
}
