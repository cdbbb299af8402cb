package nn

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"wgnin/gpu"
	"wgnin/shaders"
)

// Net is a network with its weights on a device, and, once it has a trainer,
// their gradients.
type Net struct {
	Layer Layer
	In    Shape
	Out   Shape

	description *Description
	dev         *gpu.Device
	layers      []netWeights
	byPath      map[string]int
	size        int // values of all weights on the device, with padding
	stateSize   int // and of what does not learn
	weights     *gpu.Buffer
	state       *gpu.Buffer // nil if there is none
	grads       *gpu.Buffer // of weights; nil until there is a trainer
	batch       *gpu.Buffer // the shaders.Batch of the run
	kernels     Kernels
	set         bool // the weights have been

	whitening       *gpu.Buffer // matrix and bias; nil without one
	mean, deviation *gpu.Buffer // of each channel; nil without a normalisation
}

// netWeights are the weights of a layer.
type netWeights struct {
	Described
	offset, stateOffset int // of what learns and what does not, in values
}

// NetOption is a part of a net that most have not, for [NewNet].
type NetOption func(*Net) error

// NewNet puts the weights of l, for inputs of shape in, on the device: zero
// until they are set with Init or SetWeights. Errors: a layer that does not fit what it
// is given, or the adapter, by name.
func NewNet(dev *gpu.Device, l Layer, in Shape, options ...NetOption) (*Net, error) {
	adapter := dev.Adapter()
	limit := min(adapter.Limits.MaxBindingBytes, adapter.Limits.MaxBufferBytes)
	net, err := lay(dev, l, in, int(adapter.Limits.OffsetAlign/4))
	if err != nil {
		return nil, err
	}
	for _, l := range net.description.Layers {
		if bytes := l.Out.deviceBytes(); l.outputs > 0 && bytes > limit {
			return nil, fmt.Errorf("layer %s on %s: output of one image takes %d bytes; %s binds at most %d", l, l.In, bytes, adapter.Name, limit)
		}
	}
	bytes := int64(max(net.size, net.stateSize)) * 4
	if bytes > limit {
		return nil, fmt.Errorf("nn: the weights take %d bytes; %s binds at most %d", bytes, adapter.Name, limit)
	}
	if err := net.checkPlaces(); err != nil {
		return nil, err
	}
	var errs [3]error
	net.weights, errs[0] = dev.NewBuffer("weights", int64(net.size)*4)
	net.batch, errs[1] = dev.NewBuffer("batch", shaders.BatchBytes)
	if net.stateSize > 0 {
		net.state, errs[2] = dev.NewBuffer("state", int64(net.stateSize)*4)
	}
	err = errors.Join(errs[:]...)
	for _, option := range options {
		if err == nil {
			err = option(net)
		}
	}
	if err != nil {
		net.Close()
		return nil, err
	}
	return net, nil
}

// lay gives the weights of l their places: those of each layer begin at a
// multiple of align values.
func lay(dev *gpu.Device, l Layer, in Shape, align int) (*Net, error) {
	if _, err := rehearse(dev, l, in, pass{n: 1, gradients: true}); err != nil { // as a probe
		return nil, err
	}
	g, err := rehearse(dev, l, in, pass{n: 1, training: true, gradients: true})
	if err != nil {
		return nil, err
	}
	net := &Net{Layer: l, In: in, Out: g.out.Shape, description: g.description(in), dev: dev, byPath: map[string]int{}}
	for _, d := range net.description.Layers {
		if d.size+d.stateSize == 0 {
			continue
		}
		net.byPath[d.Path] = len(net.layers)
		net.layers = append(net.layers, netWeights{d, net.size, net.stateSize})
		net.size += shaders.RoundUp(d.size, align)
		net.stateSize += shaders.RoundUp(d.stateSize, align)
	}
	if net.size == 0 {
		return nil, errors.New("nn: the network has no weights")
	}
	return net, nil
}

// checkPlaces refuses weights of which two lie at one place, or one at none.
func (net *Net) checkPlaces() error {
	for _, l := range net.layers {
		taken := map[bool][]bool{false: make([]bool, l.size), true: make([]bool, l.stateSize)}
		for _, t := range l.Weights {
			taken := taken[t.State]
			for i := range t.Len() {
				at := t.place(i)
				if at < 0 || at >= len(taken) || taken[at] {
					return fmt.Errorf("layer %s on %s: element %d of %s lies at %d of %d values; want a place of its own for each", l, l.In, i, t.Name, at, len(taken))
				}
				taken[at] = true
			}
		}
	}
	return nil
}

// place is where the weights of a layer, and their gradients in grads, lie, or its state.
func (net *Net) place(size int, d *Described, state bool, grads *gpu.Buffer) (Weights, error) {
	var l netWeights
	if i, ok := net.byPath[d.Path]; ok {
		l = net.layers[i]
	}
	bytes := int64(size) * 4
	switch {
	case state && size == l.stateSize:
		return Weights{Data: net.state.Slice(int64(l.stateOffset)*4, bytes)}, nil
	case !state && size == l.size:
		w := Weights{Data: net.weights.Slice(int64(l.offset)*4, bytes)}
		if grads != nil {
			w.Grad = grads.Slice(int64(l.offset)*4, bytes)
		}
		return w, nil
	}
	return Weights{}, errors.New("it declares other weights than when the network was made")
}

// Close gives the device memory back. It may be called on nil.
func (net *Net) Close() {
	if net == nil {
		return
	}
	net.weights.Release()
	net.state.Release()
	net.grads.Release()
	net.batch.Release()
	net.whitening.Release()
	net.mean.Release()
	net.deviation.Release()
}

// Device is where the network lives.
func (net *Net) Device() *gpu.Device { return net.dev }

// Bytes is the size of the weights on the device.
func (net *Net) Bytes() int64 { return net.weights.Bytes() }

// HasState reports whether a layer keeps values from run to run, as BatchNorm2D does: such a
// layer may see each part of a batch by itself.
func (net *Net) HasState() bool { return net.stateSize > 0 }

// Params is the number of weights and biases.
func (net *Net) Params() int { return net.description.Params() }

// Description is what the network is made of.
func (net *Net) Description() *Description { return net.description }

// each visits the tensors in PyTorch's order, with the layer's place in the
// arena of weights or state.
func (net *Net) each(f func(index int, name string, offset int, t WeightTensor)) {
	index := 0
	for _, l := range net.layers {
		for _, t := range l.Weights {
			offset := l.offset
			if t.State {
				offset = l.stateOffset
			}
			f(index, l.weight(t.Name), offset, t)
			index++
		}
	}
}

// Init sets the weights at random.
func (net *Net) Init(init Init, seed uint64) error {
	a := net.arenas()
	net.each(func(index int, name string, offset int, t WeightTensor) {
		r := rand.New(rand.NewPCG(seed, uint64(index)))
		draw := t.Init
		switch {
		case draw != nil:
		case t.State:
			draw = Zero
		case t.Name == "bias":
			draw = init.Bias
		default:
			draw = init.Weight
		}
		for i := range t.Len() {
			a.of(t)[offset+t.place(i)] = float32(draw(r, t.FanIn, t.FanOut))
		}
	})
	return net.fill(a)
}

// arenas are all weights, and all state, as they lie on the device.
type arenas struct{ weights, state []float32 }

func (net *Net) arenas() arenas {
	return arenas{make([]float32, net.size), make([]float32, net.stateSize)}
}

// of is the arena in which t lies.
func (a arenas) of(t WeightTensor) []float32 {
	if t.State {
		return a.state
	}
	return a.weights
}

// fill sets all weights and state.
func (net *Net) fill(a arenas) error {
	err := gpu.Write(net.weights.All(), a.weights)
	if err == nil && net.state != nil {
		err = gpu.Write(net.state.All(), a.state)
	}
	net.set = net.set || err == nil
	return err
}
