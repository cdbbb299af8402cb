package nn

import (
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

// Graph is a network being recorded for batches of a fixed size: forward, and
// when training, loss and backward. It is what a layer's Build writes to.
type Graph struct {
	N         int  // images of a run
	Training  bool // dropout drops
	Gradients bool // a backward pass follows

	Batch gpu.View // the shaders.Batch of the run

	rec          *gpu.Recorder
	net          *Net
	grads        *gpu.Buffer // of the weights; nil without Gradients
	path         string
	backward     []func()
	convolutions []convolution // in order
	dropouts     uint32
	augment      Augment
	classes      int                                              // one more than the largest label of the images
	built        func(path string, l Layer, relu bool, y *Tensor) // if set, told of each layer; relu: the next one is done in its store
}

// Tensor is a layer's output in a graph: its shape, and where it lies. The
// values of a kept one are had with gpu.Read(t.Data, ...).
type Tensor struct {
	Shape
	*Memory
}

// Memory is where a tensor lies on the device. Tensors that are views of one
// another, as Flatten's output is of its input, share one. Value c of the pixel
// (h,w) of image n is element ((n*H+h)*W+w)*Stride + c; those from C to Stride
// are zero.
type Memory struct {
	Stride int      // values from one pixel to the next, channels and padding
	Data   gpu.View // [N,H,W,Stride]
	Grad   gpu.View // gradient of Data; zero when none is needed
	relu   bool     // Data is the output of a ReLU
	masked bool     // Grad is that of the input of the ReLU
}

// Pixels is the number of pixels of the batch.
func (g *Graph) Pixels(t *Tensor) int { return g.N * t.H * t.W }

// Output makes the output tensor of the layer being built, with channel stride
// stride.
func (g *Graph) Output(s Shape, stride int) *Tensor { return g.output(s, stride, g.Gradients) }

// OutputLike makes the output tensor of a layer without weights. It lies as the
// input x does, and has a gradient only if x has one: before the first weights
// none is needed, and there the channel stride may be one that no convolution's
// input gradient takes.
func (g *Graph) OutputLike(x *Tensor, s Shape) *Tensor {
	return g.output(s, x.Stride, !x.Grad.IsZero())
}

func (g *Graph) output(s Shape, stride int, grad bool) *Tensor {
	bytes := int64(g.N) * int64(s.H) * int64(s.W) * int64(stride) * 4
	m := &Memory{Stride: stride, Data: g.rec.Temp("y "+g.path, bytes)}
	if grad {
		m.Grad = g.rec.Temp("dY "+g.path, bytes)
	}
	return &Tensor{s, m}
}

// Temp is scratch memory for n values.
func (g *Graph) Temp(label string, n int) gpu.View {
	return g.rec.Temp(label+" "+g.path, int64(n)*4)
}

// Backward registers what the layer does when the gradient of its output is
// there. It is called after the loss, the last layer first, and not at all
// without Gradients.
func (g *Graph) Backward(f func()) {
	if !g.Gradients {
		return
	}
	path := g.path
	g.backward = append(g.backward, func() {
		g.enter(path)
		f()
	})
}

// runBackward records the backward passes.
func (g *Graph) runBackward() {
	for i := len(g.backward) - 1; i >= 0; i-- {
		g.backward[i]()
	}
	g.backward = nil
}

// Fail keeps the first error, with the name of the layer being built.
func (g *Graph) Fail(err error) { g.rec.Fail(err) }

func (g *Graph) ok() bool { return !g.rec.Failed() }

// tell tells g.built of a layer that is built.
func (g *Graph) tell(l Layer, relu bool, y *Tensor) {
	if _, nested := l.(Sequential); !nested && g.built != nil {
		g.built(g.path, l, relu, y)
	}
}

func (g *Graph) enter(path string) {
	g.path = path
	g.rec.Layer(path)
}

// nextStream tells one dropout of the network from another.
func (g *Graph) nextStream() uint32 {
	g.dropouts++
	return g.dropouts
}

// newGraph starts a graph for batches of n images.
func (net *Net) newGraph(n int, training bool) (*Graph, error) {
	if n < 1 {
		return nil, fmt.Errorf("nn: batch of %d images; want at least 1", n)
	}
	if training && net.grads == nil {
		var err error
		if net.grads, err = net.dev.NewBuffer("gradients", net.weights.Bytes()); err != nil {
			return nil, err
		}
	}
	return &Graph{
		N: n, Training: training, Gradients: training, Batch: net.batch.All(),
		rec: net.dev.NewRecorder(), net: net, grads: net.grads,
	}, nil
}

// maxImages is the most images of which every activation fits one binding of
// the adapter.
func (net *Net) maxImages() int {
	largest := int64(net.In.Len()) * 4
	_, err := Walk(net.Layer, net.In, func(_ string, _ Layer, _, out Shape) error {
		largest = max(largest, out.deviceBytes())
		return nil
	})
	if err != nil {
		return 1
	}
	l := net.dev.Adapter().Limits
	return int(max(1, min(l.MaxBindingBytes, l.MaxBufferBytes)/largest))
}

// split divides a batch into the fewest runs that fit the adapter, of equal
// size but for the last.
func (net *Net) split(batch int) (images int) {
	parts := shaders.DivUp(batch, net.maxImages())
	return shaders.DivUp(batch, parts)
}

// fitting calls plan with images, and with ever fewer of them as long as the
// device has no memory for so many, or cannot bind what they take.
func fitting(images int, plan func(n int) error) (int, error) {
	for {
		err := plan(images)
		if !errors.Is(err, gpu.ErrOutOfMemory) && !errors.Is(err, gpu.ErrTooLarge) {
			return images, err
		}
		if images == 1 {
			return images, fmt.Errorf("not even one image at a time fits: %w", err)
		}
		images = shaders.DivUp(images, 2)
	}
}
