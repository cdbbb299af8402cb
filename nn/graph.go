package nn

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nn/onnx"
	"wgnin/shaders"
	"wgnin/shaders/add"
	"wgnin/shaders/concat"
)

// Graph records a network for batches of a fixed size: the forward pass and, with Gradients, the
// backward pass. A layer's Build writes to it. What a layer builds may depend only on the four
// exported fields.
type Graph struct {
	N         int      // images of a run
	Training  bool     // dropout drops
	Gradients bool     // a backward pass follows
	Batch     gpu.View // the shaders.Batch of the run

	rec          *gpu.Recorder
	weights      func(size int, d *Described, state bool) (Weights, error)
	kernels      Kernels
	fusion       *fusion
	layer        *Described // being built
	layers       []*Described
	out          *Tensor
	memory       []*Memory
	uncovered    []*Memory // of layers that have not registered a backward pass yet
	backward     []func()
	running      int           // the number of the backward pass being recorded, from 1
	sums         []sum         // of gradients, for the backward pass being recorded
	convolutions []convolution // in the order of the layers
	onnx         []onnxNode    // in the order of the layers
	dropouts     uint32

	// Tensors, by name, that allow or request a fusion; see fuse.
	relus, stores, masks, rectified map[string]bool
}

// Tensor is a layer's output in a graph: its shape and its memory. To read the values of a tensor
// that is kept, call gpu.Read(t.Data, ...).
type Tensor struct {
	Shape
	*Memory
	onnx string // name of the value in an ONNX model
}

// Memory is the place of a tensor on the device. A view, such as Flatten's output, shares the
// memory of the tensor that it views. Value c of the pixel (h,w) of image n is element
// ((n*H+h)*W+w)*Stride + c; the values from C to Stride are zero.
type Memory struct {
	Stride int      // values from one pixel to the next, channels and padding
	Data   gpu.View // [N,H,W,Stride]
	Grad   gpu.View // gradient of Data; the zero View if none is needed

	name   string
	layer  *Described // the layer that made it
	writes int        // number of writes to Grad so far
	passed bool       // Grad is the gradient of another tensor

	passedBy int // the backward pass that called PassGradient last; see Graph.running
}

// Weights holds the values of a layer on the device, and their gradients. Grad is the zero View if
// no gradients are computed, as in a frozen layer. The layer's backward pass adds to the gradients,
// unless the run is the first of the batch (Batch.First in package shaders).
type Weights struct{ Data, Grad gpu.View }

// Pixels returns the number of pixels of t in the whole batch: N*H*W.
func (g *Graph) Pixels(t *Tensor) int { return g.N * t.H * t.W }

// Recorder returns the recorder for the layer's kernels.
func (g *Graph) Recorder() *gpu.Recorder { return g.rec }

// root builds the whole network.
func (g *Graph) root(l Layer, x *Tensor) *Tensor {
	g.relus, g.stores, g.masks, g.rectified = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	x.onnx = "images"
	y := g.build("", l, x)
	g.enter(nil)
	return y
}

// Child builds a layer inside the one being built and returns its output. The names of its weights
// begin with its path: the names of the layers around it and its own, joined by dots, as in
// PyTorch's state dict. A [Named] layer keeps its own name instead of name.
func (g *Graph) Child(name string, l Layer, x *Tensor) *Tensor {
	if p, ok := l.(*Named); ok && p != nil {
		l = *p
	}
	if n, ok := l.(Named); ok {
		name, l = string(n.Name), n.Layer
	}
	parent := g.layer
	path := name
	switch {
	case parent == nil: // the graph has failed
		return x
	case x == nil || x.Memory == nil:
		return g.Fail(fmt.Errorf("it builds layer %s on no tensor", name))
	case new(Name).UnmarshalText([]byte(name)) != nil:
		return g.Fail(fmt.Errorf("it names a layer inside %q; want one word without dots or signs, such as conv1",
			name))
	case parent.Path != "":
		path = parent.Path + "." + name
	}
	parent.Leaf = false
	y := g.build(path, l, x)
	parent.learns = parent.learns || !y.Grad.IsZero()
	g.enter(parent)
	return y
}

func (g *Graph) build(path string, l Layer, x *Tensor) *Tensor {
	if !g.ok() {
		return x
	}
	if l == nil {
		return g.Fail(fmt.Errorf("layer %s is nil; want a layer", path))
	}
	for _, other := range g.layers {
		if other.Path == path {
			return g.Fail(fmt.Errorf("it has two layers called %s", path))
		}
	}
	d := &Described{Path: path, Layer: l, In: x.Shape, Leaf: true, learns: !x.Grad.IsZero()}
	g.layers = append(g.layers, d)
	g.enter(d)
	y := g.call(l, x)
	if g.ok() && (y == nil || y.Memory == nil) {
		g.Fail(errors.New("its Build returned no output"))
	}
	if !g.ok() {
		return g.nothing()
	}
	d.Out, d.output, d.same, d.end = y.Shape, y, y == x, g.rec.Len()
	return y
}

// call builds l. If l panics, for example because it is a nil pointer, the graph fails with an
// error that names l.
func (g *Graph) call(l Layer, x *Tensor) (y *Tensor) {
	layer := g.layer
	defer func() {
		if r := recover(); r != nil {
			g.layer = layer
			g.Fail(fmt.Errorf("its Build panicked: %v", r))
		}
	}()
	return l.Build(g, x)
}

// outputs returns the layers that make a tensor of their own, in the order in which they are
// complete.
func (g *Graph) outputs() (made []*Described) {
	for _, l := range g.layers {
		if l.outputs > 0 && l.output != nil {
			made = append(made, l)
		}
	}
	slices.SortStableFunc(made, func(a, b *Described) int { return a.end - b.end })
	return made
}

// enter makes d the layer being built; nil means no layer.
func (g *Graph) enter(d *Described) {
	if g.layer = d; d != nil {
		g.rec.Layer(d.Path)
	}
}

// Weights declares the weights of the layer being built, which take size float32 values on the
// device. The Place of a tensor maps each of its elements, counted in PyTorch's order, to one of
// these values. A layer calls it at most once, before it makes its output.
func (g *Graph) Weights(size int, tensors ...WeightTensor) Weights {
	return g.declare(size, false, tensors)
}

// State declares values that a layer keeps from run to run without learning them, such as the
// running mean of a normalisation. They are saved and loaded with the weights, have no gradient,
// and the optimiser does not change them. A kernel of the forward pass may update them. A layer
// calls it at most once, with Weights or without.
func (g *Graph) State(size int, tensors ...WeightTensor) gpu.View {
	return g.declare(size, true, tensors).Data
}

func (g *Graph) declare(size int, state bool, tensors []WeightTensor) Weights {
	d := g.layer
	if !g.ok() || d == nil {
		return Weights{}
	}
	declared := &d.size
	if state {
		declared = &d.stateSize
	}
	if *declared > 0 {
		g.Fail(errors.New("it declares weights twice; want one call, or layers inside it by g.Child"))
		return Weights{}
	}
	tensors = slices.Clone(tensors)
	for i := range tensors {
		tensors[i].State = state
	}
	err := checkTensors(size, tensors)
	for _, t := range tensors {
		if err == nil && slices.ContainsFunc(d.Weights, func(o WeightTensor) bool { return o.Name == t.Name }) {
			err = fmt.Errorf("it declares weights and state called %q; want different names", t.Name)
		}
	}
	if err != nil {
		g.Fail(err)
		return Weights{}
	}
	d.Weights, *declared = append(d.Weights, tensors...), size
	w, err := g.weights(size, d, state)
	if err == nil && !w.Grad.IsZero() && d.unlearned {
		err = errors.New("it declares weights after the output that they make; want them before")
	}
	if err != nil {
		g.Fail(err)
	}
	d.learns = d.learns || !w.Grad.IsZero()
	return w
}

// MACs adds n to the multiply-adds of the layer being built, for a forward pass of one image.
func (g *Graph) MACs(n int64) {
	if g.layer != nil {
		g.layer.MACs += n
	}
}

// Output makes the output tensor of a layer with weights, of shape s. The stride is the distance
// from one pixel to the next: at least s.C, and a multiple of 4. In training, the tensor has a
// gradient if the layer's weights learn, or those of a layer before it.
func (g *Graph) Output(s Shape, stride int) *Tensor {
	grad := g.Gradients
	if d := g.layer; d != nil && g.Training { // a probe shows the gradients of frozen layers too
		grad = grad && d.learns
		d.unlearned = d.unlearned || !grad
	}
	return g.output(s, stride, grad)
}

// OutputLike makes the output tensor of a layer without weights, of shape s. It has the channel
// stride of the input x, so s has at most as many channels, and it has a gradient if x has one.
// Before the first weights no gradient is needed, and the stride may be any number. A layer of
// several inputs uses [Graph.Join].
func (g *Graph) OutputLike(x *Tensor, s Shape) *Tensor {
	return g.output(s, x.Stride, !x.Grad.IsZero())
}

func (g *Graph) output(s Shape, stride int, grad bool) *Tensor {
	if !g.ok() || g.layer == nil {
		return g.nothing()
	}
	if err := s.check(); err != nil {
		return g.Fail(fmt.Errorf("output: %w", err))
	}
	if stride < s.C {
		return g.Fail(fmt.Errorf("output: %d channels with stride %d; want a stride of at least that", s.C, stride))
	}
	if grad && stride%4 != 0 {
		return g.Fail(fmt.Errorf("output: channel stride %d; want a multiple of 4 where there is a gradient", stride))
	}
	name := g.tensorName()
	g.layer.outputs++
	bytes := int64(g.N) * int64(s.H) * int64(s.W) * int64(stride) * 4
	m := &Memory{name: name, layer: g.layer, Stride: stride, Data: g.rec.Temp("y "+name, bytes)}
	if grad {
		m.Grad = g.rec.Temp("dY "+name, bytes)
	}
	g.memory, g.uncovered = append(g.memory, m), append(g.uncovered, m)
	return &Tensor{Shape: s, Memory: m, onnx: "y " + name}
}

// tensorName names the next tensor of the layer being built. A fused ReLU takes a name too, so that
// all graphs of a network have the same names.
func (g *Graph) tensorName() string {
	g.layer.names++
	return g.layer.Path + strings.Repeat("'", g.layer.names-1)
}

// View returns x as an image or, with s.Flat, as a vector, in the same memory. The channels, rows
// and columns of s must be those of x.
func (g *Graph) View(x *Tensor, s Shape) *Tensor {
	if x == nil || x.Memory == nil {
		return g.Fail(errors.New("a view of no tensor"))
	}
	if s.C != x.C || s.H != x.H || s.W != x.W {
		return g.Fail(fmt.Errorf("a view of %s as %s; want the same channels, rows and columns", x.Shape, s))
	}
	return &Tensor{Shape: s, Memory: x.Memory, onnx: x.onnx}
}

// Temp returns scratch memory for n float32 values; see [gpu.Recorder.Temp].
func (g *Graph) Temp(label string, n int) gpu.View {
	if g.layer != nil {
		label += " " + g.layer.Path
	}
	return g.rec.Temp(label, int64(n)*4)
}

// Backward registers the backward pass of the layer being built. When the graph calls f, the
// gradient of the layer's output is recorded: f reads the output's Grad and writes the gradient of
// each input to the view that [Graph.Gradient] returns. The graph calls f after the loss, the last
// layer first; it does not call it without Gradients, or if no output of the layer has a gradient.
// A layer calls Backward after it has built the layers inside it.
func (g *Graph) Backward(f func()) {
	if !g.Gradients || !g.ok() {
		return
	}
	layer := g.layer
	var outputs []*Memory
	for _, m := range g.uncovered {
		if m.layer == layer {
			outputs = append(outputs, m)
		}
	}
	g.uncovered = slices.DeleteFunc(g.uncovered, func(m *Memory) bool { return m.layer == layer })
	if len(outputs) > 0 && !slices.ContainsFunc(outputs, func(m *Memory) bool { return !m.Grad.IsZero() }) {
		return
	}
	g.backward = append(g.backward, func() {
		g.enter(layer)
		for _, m := range outputs {
			if !m.Grad.IsZero() && m.writes == 0 {
				g.Fail(errors.New("no layer that reads its output wrote its gradient; want g.Backward with g.Gradient there"))
			}
		}
		f()
		for _, s := range g.sums {
			k := add.Shape{Pixels: g.Pixels(s.x), C: s.x.C, AStride: s.x.Stride, BStride: s.x.Stride,
				YStride: s.x.Stride}.Accumulate()
			k.Record(g.rec, add.AccumulateArgs[view]{X: s.part, Acc: s.x.Grad})
		}
		g.sums = nil
	})
}

// sum is a gradient to be added to one that another consumer of x wrote.
type sum struct {
	x    *Tensor
	part gpu.View
}

// Gradient returns the view to which a backward pass writes the gradient of x, [N,H,W,x.Stride]:
// every element, with zeros in the padding. It is the zero View if no gradient is needed. If
// several layers read x, each writes its own gradient, and the graph adds them in the order in
// which the backward passes run. Call it inside Backward, once for each input.
func (g *Graph) Gradient(x *Tensor) gpu.View {
	if x.Grad.IsZero() {
		return gpu.View{}
	}
	if x.passed || g.running > 0 && x.passedBy == g.running {
		g.Fail(errors.New("it passes a gradient on and writes it too; want either PassGradient or Gradient of a tensor"))
	}
	if x.writes++; x.writes == 1 {
		return x.Grad
	}
	part := g.Temp("dX part", int(x.Grad.Bytes()/4))
	g.sums = append(g.sums, sum{x, part})
	return part
}

// PassGradient uses the gradient of y, the layer's output, as that of x, which has the same shape.
// If nothing else reads x, no kernel runs. Call it instead of Gradient.
func (g *Graph) PassGradient(x, y *Tensor) {
	defer func() { x.passedBy = g.running }()
	switch {
	case x.Grad.IsZero():
	case x.passed:
		g.Gradient(x) // this call reports the error
	case x.Stride == y.Stride && x.writes == 0 && g.fusion.sole[x.name]:
		x.writes++
		x.Grad, x.passed = y.Grad, true
	case x.Stride == y.Stride && x.writes > 0:
		g.sums = append(g.sums, sum{x, y.Grad})
	default:
		x.passedBy = 0 // Gradient below is part of this call
		s := concat.Shape{Pixels: g.Pixels(x), C: x.C, XStride: x.Stride, YStride: y.Stride, Last: true}
		s.Backward().Record(g.rec, concat.BackwardArgs[view]{DY: y.Grad, DX: g.Gradient(x)})
	}
}

// runBackward records the backward passes.
func (g *Graph) runBackward() {
	for i := len(g.backward) - 1; i >= 0 && g.ok(); i-- {
		g.running = i + 1
		g.backward[i]()
	}
	g.backward, g.running = nil, 0
}

// fusesReLU reports whether the layer also applies the ReLU that follows its output y. Only a layer
// that can do so calls it.
func (g *Graph) fusesReLU(y *Tensor) bool {
	if !g.ok() {
		return false
	}
	g.stores[y.name] = true
	fused := g.fusion.relu[y.name]
	if fused {
		g.rectified[y.name] = true
	}
	return fused
}

// masksReLU reports whether the layer must set its gradient of x to zero where x, the output of a
// ReLU, is zero. Only a layer that can do so calls it.
func (g *Graph) masksReLU(x *Tensor) bool {
	if !g.ok() {
		return false
	}
	g.masks[x.name] = true
	return g.fusion.mask[x.name]
}

// masked reports whether the layer that wrote the gradient of y has masked it.
func (g *Graph) masked(y *Tensor) bool { return g.fusion.mask[y.name] }

// ONNX sets the operator that computes y from the inputs in an ONNX model. The node that make
// returns needs no name; its Inputs are the names of the layer's weights that follow the
// inputs, such as weight and bias. An empty Op means that y is the input. Operators are those
// of ONNX's default domain up to opset 17 (see [onnx.Opset]). A file states the lowest opset,
// from 13 on, that has all of its operators. A layer may be several operators: call ONNX for
// each, and let all but the last set a [Graph.View] of y. A network with a layer that does not
// call ONNX cannot be exported.
func (g *Graph) ONNX(y *Tensor, make func() (onnx.Node, error), inputs ...*Tensor) {
	if g.layer == nil || !g.ok() {
		return
	}
	name := g.layer.Path + strings.Repeat("'", g.layer.operators)
	g.layer.operators++
	y.onnx = "y " + name
	g.onnx = append(g.onnx, onnxNode{g.layer, name, y, inputs, make})
}

// Fail keeps the first error of the graph, with the name of the layer being built. It returns a
// placeholder for the output, so that Build can return it.
func (g *Graph) Fail(err error) *Tensor {
	if err == nil {
		err = errors.New("it failed without an error")
	}
	if d := g.layer; d != nil && !g.rec.Failed() && !errors.As(err, new(errorInLayer)) {
		where := "the network"
		if d.Path != "" {
			where = "layer " + d.Path
		}
		err = errorInLayer{fmt.Errorf("%s (%s) on %s: %w", where, d.text(), d.In, err)}
		g.rec.Layer("")
	}
	g.rec.Fail(err)
	return g.nothing()
}

// errorInLayer is an error that already names a layer.
type errorInLayer struct{ error }

func (e errorInLayer) Unwrap() error { return errors.Unwrap(e.error) }

// nothing returns a placeholder with which building continues after an error.
func (g *Graph) nothing() *Tensor {
	return &Tensor{Shape: Shape{C: 1, H: 1, W: 1},
		Memory: &Memory{name: "(nothing)", Stride: 4, Data: g.rec.Temp("nothing", 16)}}
}

func (g *Graph) ok() bool { return !g.rec.Failed() }

// nextStream returns a number that distinguishes this dropout from others in the network.
func (g *Graph) nextStream() uint32 {
	g.dropouts++
	return g.dropouts
}

// pass describes the purpose of a graph of a net.
type pass struct {
	n                   int // images of a run
	training, gradients bool
	batch, grads        *gpu.Buffer
	frozen              map[string]bool // paths of layers whose weights do not learn
}

// newGraph starts a graph.
func (net *Net) newGraph(p pass) (*Graph, error) {
	if p.n < 1 {
		return nil, fmt.Errorf("nn: batch of %d images; want at least 1", p.n)
	}
	p.frozen = net.frozenLayers
	fused, err := fuse(net.dev, net.Layer, net.In, p)
	if err != nil {
		return nil, err
	}
	g := &Graph{
		N: p.n, Training: p.training, Gradients: p.gradients, Batch: p.batch.All(),
		rec: net.dev.NewRecorder(), kernels: net.kernels, fusion: fused,
	}
	g.weights = func(size int, d *Described, state bool) (Weights, error) { return net.place(size, d, state, p.grads) }
	return g, nil
}

// predicting starts a graph for a forward pass.
func (net *Net) predicting(n int) (*Graph, error) { return net.newGraph(pass{n: n, batch: net.batch}) }

// training starts a graph for a forward and a backward pass, with dropout.
func (net *Net) training(n int) (*Graph, error) {
	if err := net.needGradients(); err != nil {
		return nil, err
	}
	return net.newGraph(pass{n: n, training: true, gradients: true, batch: net.batch, grads: net.grads})
}

// needGradients allocates the memory for gradients if it does not exist yet.
func (net *Net) needGradients() (err error) {
	if net.grads == nil {
		net.grads, err = net.dev.NewBuffer("gradients", net.weights.Bytes())
	}
	return err
}

// maxImages returns the maximum number of images for which every activation fits one binding of the
// adapter.
func (net *Net) maxImages() int {
	largest := int64(net.In.Len()) * 4
	for _, l := range net.description.Layers {
		largest = max(largest, l.Out.deviceBytes())
	}
	l := net.dev.Adapter().Limits
	return int(max(1, min(l.MaxBindingBytes, l.MaxBufferBytes)/largest))
}

// split divides a batch into the fewest runs that fit the adapter, and returns the images of a run.
// Only the last run may be smaller.
func (net *Net) split(batch int) (images int) {
	parts := shaders.DivUp(batch, net.maxImages())
	return shaders.DivUp(batch, parts)
}

// fitting is the function fitting on all ranks. All use the fewest images of any rank, so that they
// compute the same.
func (net *Net) fitting(images int, plan func(n int) error) (int, error) {
	n, err := fitting(images, plan)
	if err != nil {
		return n, err
	}
	all, err := least(net.ranks, n)
	if err == nil && all < n {
		err = plan(all)
	}
	return all, err
}

// fitting calls plan with images, and then with ever fewer images while the device lacks memory for
// them or cannot bind it.
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
