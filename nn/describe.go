package nn

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"

	"wgnin/gpu"
	"wgnin/shaders"
)

// Description tells what a layer does to inputs of a given shape. It lists the layers inside it in
// the order in which they are built.
type Description struct {
	In, Out Shape
	Layers  []Described
}

// Described is a layer in a [Description].
type Described struct {
	Path    string // as in PyTorch's state dict, such as 0.2; empty for the whole network
	Layer   Layer
	In, Out Shape
	Leaf    bool           // contains no layers
	Weights []WeightTensor // of the layer itself, without those of layers inside
	MACs    int64          // multiply-adds of a forward pass of one image, without those of layers inside

	size      int // of the learned Weights on the device, with padding
	stateSize int // of the other Weights
	output    *Tensor
	same      bool // the output is the input
	outputs   int  // tensors made so far
	names     int  // given to tensors; see tensorName
	operators int  // ONNX operators so far
	end       int  // number of dispatches when the layer was complete
	unlearned bool // it made an output without a gradient
	learns    bool // its input has a gradient, or its weights or those of a layer inside learn
}

// String returns the path and the layer's text, shortened if it is long.
func (d Described) String() string {
	if d.Path == "" {
		return d.text()
	}
	return d.Path + " (" + d.text() + ")"
}

// text returns the layer's text for an error message, shortened if it is long.
func (d Described) text() string {
	const most = 60
	text := Text(d.Layer)
	if len(text) > most {
		text = text[:most-3] + "..."
	}
	return text
}

// weight returns the name in a state dict of the layer's weight of the given name.
func (d Described) weight(name string) string {
	if d.Path == "" {
		return name
	}
	return d.Path + "." + name
}

// Describe builds l for inputs of shape in, without a device. If a layer does not fit, the error
// names it; the description then ends with that layer, and the Out of the layer and of the blocks
// around it is zero.
func Describe(l Layer, in Shape) (*Description, error) {
	g, err := describe(gpu.Dry(gpu.Guaranteed, false), &fusion{}, l, in, pass{n: 1, training: true, gradients: true})
	if g == nil {
		return &Description{In: in}, err
	}
	return g.description(in), err
}

// description returns the description of the network that was built on g.
func (g *Graph) description(in Shape) *Description {
	d := &Description{In: in, Out: g.out.Shape}
	for _, l := range g.layers {
		d.Layers = append(d.Layers, *l)
	}
	return d
}

// WeightNames returns the names of all weights and state, in the order of a state dict.
func (d *Description) WeightNames() (names []string) {
	for _, l := range d.Layers {
		for _, t := range l.Weights {
			names = append(names, l.weight(t.Name))
		}
	}
	return names
}

// Params returns the number of weights and biases.
func (d *Description) Params() int {
	n := 0
	for _, l := range d.Layers {
		n += l.Params()
	}
	return n
}

// Params returns the number of the layer's own weights and biases.
func (d Described) Params() int {
	n := 0
	for _, t := range d.Weights {
		if !t.State {
			n += t.Len()
		}
	}
	return n
}

// MACs returns the number of multiply-adds of a forward pass of one image.
func (d *Description) MACs() int64 {
	n := int64(0)
	for _, l := range d.Layers {
		n += l.MACs
	}
	return n
}

// Summary writes one line for each layer directly inside the network, with its output shape for n
// images, as the chapter's layer_summary does.
func (d *Description) Summary(w io.Writer, n int) error {
	for _, l := range d.Layers {
		if l.Path == "" || strings.Contains(l.Path, ".") || l.Out == (Shape{}) {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-16s output shape: %s\n", pointee(reflect.TypeOf(l.Layer)).Name(),
			l.Out.Batch(n)); err != nil {
			return err
		}
	}
	return nil
}

// Tree writes one line for each layer, indented by its depth. A line has the path, with which the
// names of the layer's weights in a state dict begin; the text, or the type if the layer contains
// others; the output shape for n images; the parameters; and the multiply-adds for one image.
// Parameters and multiply-adds include those of layers inside.
func (d *Description) Tree(w io.Writer, n int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\toutput\tparameters\tM multiply-adds")
	for i, l := range d.Layers {
		if l.Path == "" && !l.Leaf {
			continue
		}
		kind, out := l.text(), "does not fit"
		if !l.Leaf {
			kind = pointee(reflect.TypeOf(l.Layer)).Name()
		}
		if l.Out != (Shape{}) {
			out = l.Out.Batch(n)
		}
		end := i + 1
		for end < len(d.Layers) && strings.HasPrefix(d.Layers[end].Path, l.Path+".") {
			end++
		}
		whole := Description{Layers: d.Layers[i:end]}
		indent := strings.Repeat("  ", strings.Count(l.Path, "."))
		fmt.Fprintf(t, "%s%s %s\t%s\t%d\t%.2f\n", indent, l.Path, kind, out, whole.Params(), float64(whole.MACs())/1e6)
	}
	return t.Flush()
}

// OutShape returns the shape of l's output for an input of shape in.
func OutShape(l Layer, in Shape) (Shape, error) {
	d, err := Describe(l, in)
	if err != nil {
		return Shape{}, err
	}
	return d.Out, nil
}

// Params returns the number of weights and biases of l for an input of shape in.
func Params(l Layer, in Shape) (int, error) {
	d, err := Describe(l, in)
	if err != nil {
		return 0, err
	}
	return d.Params(), nil
}

// MACs returns the number of multiply-adds of l in a forward pass of one image of shape in.
func MACs(l Layer, in Shape) (int64, error) {
	d, err := Describe(l, in)
	if err != nil {
		return 0, err
	}
	return d.MACs(), nil
}

// describe builds l on a graph that never runs. The graph is for p, but its buffers are not used.
// If rules is the zero value, nothing is fused.
func describe(dev *gpu.Device, rules *fusion, l Layer, in Shape, p pass) (*Graph, error) {
	if err := in.check(); err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	g := &Graph{N: p.n, Training: p.training, Gradients: p.gradients, rec: dev.NewRecorder(), fusion: rules}
	g.Batch = g.rec.Placeholder("batch", shaders.BatchBytes)
	g.weights = func(size int, d *Described, state bool) (Weights, error) {
		w := Weights{Data: g.rec.Placeholder("weights", int64(size)*4)}
		if !state && p.gradients && !p.frozen[d.Path] {
			w.Grad = g.rec.Placeholder("gradients", int64(size)*4)
		}
		return w, nil
	}
	x := &Tensor{Shape: in, Memory: &Memory{name: inputName, Stride: in.C,
		Data: g.rec.Placeholder("x", int64(p.n)*int64(in.Len())*4)}}
	g.out = g.root(l, x)
	return g, g.rec.Err()
}

// inputName is the name of the network's input as a tensor. No layer's output has this name.
const inputName = "(images)"

// rehearse builds l for p, with a backward pass if p has gradients. It returns an error if a layer
// makes a mistake, if an output is never used, or if memory is read before it is written.
func rehearse(dev *gpu.Device, l Layer, in Shape, p pass) (*Graph, error) {
	g, err := describe(dev, &fusion{}, l, in, p)
	if err != nil {
		return nil, err
	}
	readers := g.readers()
	for _, m := range g.memory {
		if readers[m.name] == 0 {
			g.enter(m.layer)
			g.Fail(errors.New("nothing uses its output"))
			return nil, g.rec.Err()
		}
	}
	if !g.out.Grad.IsZero() { // the loss would write it
		g.out.writes++
		g.out.Grad = g.rec.Placeholder("dY", g.out.Grad.Bytes())
	}
	g.runBackward()
	return g, g.rec.Check()
}
