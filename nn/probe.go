package nn

import (
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/nn/data"
	"wgnin/shaders"
)

// Probe runs a net on one image and keeps the output of every layer on the device. It reads the
// net's own weights, so a run between two steps of a training sees the weights after the first of
// them. It writes nothing that training reads, so a training computes the same bits with and
// without a probe. Dropout drops nothing.
type Probe struct {
	Input  *Tensor      // [1,C,H,W], the image in the network's input size, with values from 0 to 1
	Layers []ProbeLayer // in the order of the network; the last one's output is the logits

	net     *Net
	batch   *gpu.Buffer
	x       *gpu.Buffer
	target  *gpu.Buffer
	grads   *gpu.Buffer
	metrics *gpu.Buffer
	all     *gpu.Plan // forward, loss and backward
	forward *gpu.Plan // the part of all before the loss

	image  *data.Images // the one image
	images *Images
	source *source
	load   *gpu.Plan // copies the image to x and target
}

// ProbeLayer is a layer of a [Probe]. A ReLU that is fused into the layer before it has no
// ProbeLayer of its own, and neither has a layer that moves no data, such as Flatten.
type ProbeLayer struct {
	Path   string // as in PyTorch's state dict, such as 0.2
	Layer  Layer
	ReLU   bool    // a ReLU follows, and Output is its output
	Output *Tensor // Grad is the gradient before the ReLU

	Weights []WeightTensor // empty for a layer without weights

	// The weight of a convolution and its gradient, seen as PyTorch's [Out,In,KH,KW]. Element
	// o,i,r,s is at the sum of each index times its stride. The views are zero for a layer without
	// such a weight.
	Weight, WeightGrad gpu.View
	WeightShape        [4]int
	WeightStride       [4]int
}

// String returns the layer's text, with a fused ReLU.
func (l ProbeLayer) String() string {
	if l.ReLU {
		return Text(l.Layer) + " + relu"
	}
	return Text(l.Layer)
}

// NewProbe records the forward and backward pass of net for one image, which is black until
// [Probe.SetImage] or [Probe.SetPixels] sets it. The caller closes the probe. Errors: those of
// [gpu.Device.NewBuffer] and [gpu.Recorder.Plan].
func NewProbe(net *Net) (_ *Probe, err error) {
	p := &Probe{net: net}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	var errs [5]error
	p.batch, errs[0] = net.dev.NewBuffer("probe batch", shaders.BatchBytes)
	p.x, errs[1] = net.dev.NewBuffer("probe x", int64(net.In.Len())*4)
	p.target, errs[2] = net.dev.NewBuffer("probe target", 4)
	p.grads, errs[3] = net.dev.NewBuffer("probe gradients", net.weights.Bytes())
	p.metrics, errs[4] = net.dev.NewBuffer("probe metrics", shaders.MetricsBytes)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	one := shaders.Batch{Rows: 1, First: 1, InvImages: 1}
	if err := gpu.Write(p.batch.All(), one.Words()); err != nil {
		return nil, err
	}
	g, err := p.graph()
	if err != nil {
		return nil, err
	}
	p.Input = &Tensor{Shape: net.In, Memory: &Memory{name: inputName, Stride: net.In.C, Data: p.x.All()}}
	x := net.see(g, p.Input, Augment{})
	logits := net.build(g, x)
	n := g.rec.Len()
	g.buildLoss(CrossEntropy{}, logits, Target{Labels: p.target.All(), Classes: net.Out.Len()}, p.metrics.All())
	g.runBackward()
	if g.ok() {
		p.addLayers(g, x)
	}
	for _, l := range p.Layers {
		g.rec.Keep(l.Output.Data)
		g.rec.Keep(l.Output.Grad)
	}
	if p.all, err = g.rec.Plan(); err != nil {
		return nil, err
	}
	p.forward = p.all.Part(0, n)
	return p, nil
}

// graph starts a graph for the probe's single image.
func (p *Probe) graph() (*Graph, error) {
	return p.net.newGraph(pass{n: 1, gradients: true, batch: p.batch, grads: p.grads})
}

// addLayers adds the layers of g that have an output of their own. x is the input of the network.
func (p *Probe) addLayers(g *Graph, x *Tensor) {
	seen := map[*Memory]bool{x.Memory: true}
	for _, l := range g.outputs() {
		if !seen[l.output.Memory] {
			seen[l.output.Memory] = true
			p.Layers = append(p.Layers, p.layer(g, l))
		}
	}
}

func (p *Probe) layer(g *Graph, l *Described) ProbeLayer {
	layer := ProbeLayer{Path: l.Path, Layer: l.Layer, Weights: l.Weights, ReLU: g.fusion.relu[l.output.name],
		Output: l.output}
	for _, t := range l.Weights {
		if t.State || len(t.Shape) != 4 {
			continue
		}
		w, err := p.net.place(l.size, l, false, p.grads)
		if err != nil { // cannot happen: the layer was built
			continue
		}
		layer.Weight, layer.WeightGrad = w.Data, w.Grad
		layer.WeightShape = [4]int(t.Shape)
		for d, step := 3, 1; d >= 0; d, step = d-1, step*t.Shape[d] {
			if t.Shape[d] > 1 {
				layer.WeightStride[d] = t.place(step) - t.place(0)
			}
		}
	}
	return layer
}

// SetPixels makes an image the input: 8-bit pixels [C,h,w], with the C of the network's input. The
// image is resized as in training. The gradients are those of the loss for label. Errors: pixels of
// another size, or a label that the network does not have.
func (p *Probe) SetPixels(pixels []uint8, h, w, label int) error {
	if label < 0 || label >= p.net.Out.Len() || label >= data.MaxClasses {
		return fmt.Errorf("nn: label %d; the network has %d classes", label, p.net.Out.Len())
	}
	c := p.net.In.C
	if err := (Shape{C: c, H: h, W: w}).check(); err != nil {
		return fmt.Errorf("nn: image: %w", err)
	}
	if len(pixels) != c*h*w {
		return fmt.Errorf("nn: %d pixels; want %d channels of %dx%d", len(pixels), c, h, w)
	}
	image := &data.Images{C: c, H: h, W: w, Pixels: pixels}
	image.SetLabels(label)
	if p.image == nil || p.image.H != h || p.image.W != w {
		if err := p.resize(image); err != nil {
			return err
		}
	} else if err := p.images.overwrite(image); err != nil {
		return err
	}
	p.image = image
	return p.net.dev.Run(p.load)
}

// SetImage makes image i of a set the input, with its label. Errors: the set has no such image, and
// those of [Probe.SetPixels].
func (p *Probe) SetImage(set *data.Images, i int) error {
	if i < 0 || i >= set.Len() {
		return fmt.Errorf("nn: image %d; the set has 0 to %d", i, set.Len()-1)
	}
	if set.C != p.net.In.C {
		return fmt.Errorf("nn: images have %d channels and the network takes %d", set.C, p.net.In.C)
	}
	size := set.C * set.H * set.W
	return p.SetPixels(set.Pixels[i*size:][:size], set.H, set.W, set.Label(i))
}

// resize records the loading of images of another size.
func (p *Probe) resize(image *data.Images) (err error) {
	p.closeInput()
	defer func() {
		if err != nil {
			p.closeInput()
		}
	}()
	if p.images, err = Upload(p.net.dev, image); err != nil {
		return err
	}
	if p.source, err = p.images.source(p.net.In); err != nil {
		return err
	}
	g, err := p.graph()
	if err != nil {
		return err
	}
	p.source.record(g, p.x.All(), p.target.All())
	p.load, err = g.rec.Plan()
	return err
}

func (p *Probe) closeInput() {
	p.load.Release()
	p.source.close()
	p.images.Close()
	p.image, p.images, p.source, p.load = nil, nil, nil, nil
}

// Run submits a forward pass of the net with its current weights and, with gradients, a backward
// pass. It does not wait for them; reading a view does.
func (p *Probe) Run(gradients bool) error {
	if gradients {
		return p.net.dev.Run(p.all)
	}
	return p.net.dev.Run(p.forward)
}

// Finite runs a forward pass. If the output of a layer is not finite, it returns an [ErrDiverged]
// that names the first such layer.
func (p *Probe) Finite() error {
	if err := p.Run(false); err != nil {
		return err
	}
	for _, l := range p.Layers {
		if ok, err := finiteOutput(l.Output); err != nil {
			return err
		} else if !ok {
			return overflowed{fmt.Sprintf("the output of layer %s (%s) is not finite", l.Path, l)}
		}
	}
	return nil
}

// Close frees the device memory. It may be called on nil.
func (p *Probe) Close() {
	if p == nil {
		return
	}
	p.closeInput()
	p.all.Release()
	for _, b := range []*gpu.Buffer{p.batch, p.x, p.target, p.grads, p.metrics} {
		b.Release()
	}
}
