package nn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"wgnin/gpu"
	"wgnin/shaders"
)

// Net is a network with its weights on a device. Once it has a trainer, it has their gradients too.
type Net struct {
	Layer Layer
	In    Shape
	Out   Shape

	description *Description
	dev         *gpu.Device
	layers      []netWeights
	byPath      map[string]int
	size        int         // values of the learned weights on the device, with padding
	frozenSize  int         // values of the frozen weights
	stateSize   int         // values of the running state
	weights     *gpu.Buffer // learned ones
	frozen      *gpu.Buffer // nil if there are none
	state       *gpu.Buffer // nil if there is none
	grads       *gpu.Buffer // of the learned weights; nil until there is a trainer
	batch       *gpu.Buffer // the shaders.Batch of the run
	kernels     Kernels
	ranks       Ranks // nil means one rank; see Across
	set         bool  // the weights have been set

	frozenLayers    map[string]bool // by path; see Freeze
	whitening       *gpu.Buffer     // matrix and bias; nil without one
	mean, deviation *gpu.Buffer     // of each channel; nil without a normalisation
}

// netWeights holds the weights of a layer.
type netWeights struct {
	Described
	frozen              bool
	offset, stateOffset int // in values: of the weights, among the learned or the frozen ones, and of the state
}

// NetOption is an option of [NewNet]: see [Freeze], [Normalise], [Whiten] and [Across].
type NetOption func(*Net) error

// NewNet allocates the weights of l, for inputs of shape in, on the device. They are zero until
// [Net.Init] or [Net.SetWeights] sets them. The caller closes the net, after the
// trainers, evaluators and probes that are made of it.
//
// Errors name the layer: one that does not fit its input; one whose weights or output for a single
// image exceed what the adapter binds, which wraps [gpu.ErrTooLarge]; too little memory, which
// wraps [gpu.ErrOutOfMemory]; and those of the options.
func NewNet(dev *gpu.Device, l Layer, in Shape, options ...NetOption) (*Net, error) {
	adapter := dev.Adapter()
	limit := min(adapter.Limits.MaxBindingBytes, adapter.Limits.MaxBufferBytes)
	net, err := newNet(dev, l, in)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			net.Close()
		}
	}()
	for _, l := range net.description.Layers {
		if bytes := l.Out.deviceBytes(); l.outputs > 0 && bytes > limit {
			return nil, fmt.Errorf("layer %s on %s: output of one image takes %d bytes; %s binds at most %d: %w", l,
				l.In, bytes, adapter.Name, limit, gpu.ErrTooLarge)
		}
		if bytes := int64(max(l.size, l.stateSize)) * 4; bytes > limit {
			return nil, fmt.Errorf("layer %s on %s: weights take %d bytes; %s binds at most %d: %w", l, l.In, bytes,
				adapter.Name, limit, gpu.ErrTooLarge)
		}
	}
	for _, option := range options {
		if err = option(net); err != nil {
			return nil, err
		}
	}
	if err = net.lay(int(adapter.Limits.OffsetAlign / 4)); err != nil {
		return nil, err
	}
	if err = net.checkPlaces(); err != nil {
		return nil, err
	}
	var errs [4]error
	net.weights, errs[0] = dev.NewBuffer("weights", int64(net.size)*4)
	net.batch, errs[1] = dev.NewBuffer("batch", shaders.BatchBytes)
	if net.stateSize > 0 {
		net.state, errs[2] = dev.NewBuffer("state", int64(net.stateSize)*4)
	}
	if net.frozenSize > 0 {
		net.frozen, errs[3] = dev.NewBuffer("frozen weights", int64(net.frozenSize)*4)
	}
	err = errors.Join(errs[:]...)
	return net, err
}

// newNet describes a net of l. Its weights have no places yet.
func newNet(dev *gpu.Device, l Layer, in Shape) (*Net, error) {
	net := &Net{Layer: l, In: in, dev: dev}
	g, err := net.rehearse()
	if err != nil {
		return nil, err
	}
	net.Out, net.description = g.out.Shape, g.description(in)
	return net, nil
}

// rehearse builds the network first as a probe does, and then as a trainer does.
func (net *Net) rehearse() (*Graph, error) {
	if _, err := rehearse(net.dev, net.Layer, net.In,
		pass{n: 1, gradients: true, frozen: net.frozenLayers}); err != nil {
		return nil, err
	}
	return rehearse(net.dev, net.Layer, net.In, pass{n: 1, training: true, gradients: true, frozen: net.frozenLayers})
}

// lay assigns places to the weights. Those of each layer begin at a multiple of align values.
func (net *Net) lay(align int) error {
	net.byPath = map[string]int{}
	for _, d := range net.description.Layers {
		if d.size+d.stateSize == 0 {
			continue
		}
		size := &net.size
		if net.frozenLayers[d.Path] {
			size = &net.frozenSize
		}
		net.byPath[d.Path] = len(net.layers)
		net.layers = append(net.layers, netWeights{d, net.frozenLayers[d.Path], *size, net.stateSize})
		*size += shaders.RoundUp(d.size, align)
		net.stateSize += shaders.RoundUp(d.stateSize, align)
	}
	if net.size == 0 {
		return errors.New("nn: the network has no weights")
	}
	return nil
}

// checkPlaces returns an error if two weights have the same place, or one lies outside its layer's
// values.
func (net *Net) checkPlaces() error {
	for _, l := range net.layers {
		taken := map[bool][]bool{false: make([]bool, l.size), true: make([]bool, l.stateSize)}
		for _, t := range l.Weights {
			taken := taken[t.State]
			for i := range t.Len() {
				at := t.place(i)
				if at < 0 || at >= len(taken) || taken[at] {
					return fmt.Errorf("layer %s on %s: element %d of %s lies at %d of %d values; want a different place for each", l, l.In, i, t.Name, at, len(taken))
				}
				taken[at] = true
			}
		}
	}
	return nil
}

// place returns the view of a layer's state, or of its weights. Weights that learn also have the
// view of their gradients in grads.
func (net *Net) place(size int, d *Described, state bool, grads *gpu.Buffer) (Weights, error) {
	var l netWeights
	if i, ok := net.byPath[d.Path]; ok {
		l = net.layers[i]
	}
	bytes := int64(size) * 4
	switch {
	case state && size == l.stateSize:
		return Weights{Data: net.state.Slice(int64(l.stateOffset)*4, bytes)}, nil
	case !state && size == l.size && l.frozen:
		return Weights{Data: net.frozen.Slice(int64(l.offset)*4, bytes)}, nil
	case !state && size == l.size:
		w := Weights{Data: net.weights.Slice(int64(l.offset)*4, bytes)}
		if grads != nil {
			w.Grad = grads.Slice(int64(l.offset)*4, bytes)
		}
		return w, nil
	}
	return Weights{}, errors.New("it declares other weights than when the network was made")
}

// Close frees the device memory. It may be called on nil.
func (net *Net) Close() {
	if net == nil {
		return
	}
	net.weights.Release()
	net.frozen.Release()
	net.state.Release()
	net.grads.Release()
	net.batch.Release()
	net.whitening.Release()
	net.mean.Release()
	net.deviation.Release()
}

// Ranks returns the ranks that train the network together (see [Across]); nil if there is one.
func (net *Net) Ranks() Ranks { return net.ranks }

// Device returns the device of the network.
func (net *Net) Device() *gpu.Device { return net.dev }

// Bytes returns the size of the weights on the device in bytes.
func (net *Net) Bytes() int64 { return int64(net.size+net.frozenSize) * 4 }

// GradientBytes returns the size in bytes of the gradients that a trainer needs: that of the
// weights that learn.
func (net *Net) GradientBytes() int64 { return net.weights.Bytes() }

// StagingBytes returns the bytes of additional memory that [Net.Weights] needs.
func (net *Net) StagingBytes() int64 { return int64(max(net.size, net.frozenSize, net.stateSize)) * 4 }

// HasState reports whether a layer keeps values from run to run, as BatchNorm2D does unless it is
// frozen. Such a layer may treat each part of a split batch by itself.
func (net *Net) HasState() bool {
	return slices.ContainsFunc(net.layers, func(l netWeights) bool { return l.stateSize > 0 && !l.frozen })
}

// Params returns the number of weights and biases.
func (net *Net) Params() int { return net.description.Params() }

// Frozen returns the names of the weights and the state that [Freeze] keeps as they are, as in
// [Net.Weights].
func (net *Net) Frozen() (names []string) {
	for _, l := range net.layers {
		for _, t := range l.Weights {
			if l.frozen {
				names = append(names, netPrefix+l.weight(t.Name))
			}
		}
	}
	return names
}

// Learning returns the number of weights and biases that learn: all but those of [Freeze].
func (net *Net) Learning() int {
	n := 0
	for _, l := range net.layers {
		if !l.frozen {
			n += l.Params()
		}
	}
	return n
}

// Description returns the layers of the network with their shapes and weights.
func (net *Net) Description() *Description { return net.description }

// each visits the tensors in PyTorch's order. in is the tensor's arena, and offset the layer's
// place in it.
func (net *Net) each(f func(index int, name string, in arena, offset int, t WeightTensor)) {
	index := 0
	for _, l := range net.layers {
		for _, t := range l.Weights {
			in, offset := learning, l.offset
			switch {
			case t.State:
				in, offset = running, l.stateOffset
			case l.frozen:
				in = frozen
			}
			f(index, l.weight(t.Name), in, offset, t)
			index++
		}
	}
}

// errUnset refuses to run a net that has no weights yet.
var errUnset = errors.New("nn: the weights were never set; call the net's Init or SetWeights")

// Init sets all weights at random. The values depend only on the seed and the place of each tensor.
// Errors: init lacks Weight or Bias.
func (net *Net) Init(init Init, seed uint64) error {
	if init.Weight == nil || init.Bias == nil {
		return errors.New("nn: an Init lacks Weight or Bias; want both, as nn.He has them")
	}
	a := net.arenas()
	net.each(func(index int, name string, in arena, offset int, t WeightTensor) {
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
			a[in][offset+t.place(i)] = float32(draw(r, t.FanIn, t.FanOut))
		}
	})
	return net.fill(a)
}

// arena identifies the buffer that holds a tensor.
type arena int

const (
	learning arena = iota // weights that learn
	frozen                // weights that do not
	running               // state
)

// arenas holds the values of each arena in the device's layout.
type arenas [3][]float32

func (net *Net) arenas() arenas {
	return arenas{make([]float32, net.size), make([]float32, net.frozenSize), make([]float32, net.stateSize)}
}

// buffers returns the buffers of the arenas; nil for an empty arena.
func (net *Net) buffers() [3]*gpu.Buffer { return [...]*gpu.Buffer{net.weights, net.frozen, net.state} }

// fill sets all weights and state.
func (net *Net) fill(a arenas) (err error) {
	for i, b := range net.buffers() {
		if b != nil && err == nil {
			err = gpu.Write(b.All(), a[i])
		}
	}
	net.set = net.set || err == nil
	return err
}
