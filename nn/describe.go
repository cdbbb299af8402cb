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

// Description is what a layer is for inputs of a given shape: the layers that it is made of, in the
// order in which they are built.
type Description struct {
	In, Out Shape
	Layers  []Described
}

// Described is a layer in a [Description].
type Described struct {
	Path    string // as in PyTorch's state dict: 0.2; empty for the whole
	Layer   Layer
	In, Out Shape
	Leaf    bool           // it has no layers inside
	Weights []WeightTensor // its own, without those of layers inside
	MACs    int64          // multiply-adds of a forward pass of one image, its own

	size      int // of the Weights that learn on the device, with padding
	stateSize int // and of those that do not
	output    *Tensor
	same      bool // output is the input
	outputs   int  // tensors made
	names     int  // of tensors; see tensorName
	operators int  // of ONNX
	end       int  // dispatches up to there
	unlearned bool // it made an output as a layer that does not learn
	learns    bool // its input has a gradient, or it or a layer inside has weights that learn
}

// String is the path and the layer's text, or how it begins if it is long.
func (d Described) String() string {
	if d.Path == "" {
		return d.text()
	}
	return d.Path + " (" + d.text() + ")"
}

// text is the layer's text for a line of an error.
func (d Described) text() string {
	const most = 60
	text := Text(d.Layer)
	if len(text) > most {
		text = text[:most-3] + "..."
	}
	return text
}

// weight is the name of the layer's weight of the given name in a state dict.
func (d Described) weight(name string) string {
	if d.Path == "" {
		return name
	}
	return d.Path + "." + name
}

// Describe builds l for inputs of shape in, with no device. An error names the layer that does
// not fit; the description then ends with that layer, and it and the blocks that it is in have
// the zero Out.
func Describe(l Layer, in Shape) (*Description, error) {
	g, err := describe(gpu.Dry(gpu.Guaranteed, false), &fusion{}, l, in, pass{n: 1, training: true, gradients: true})
	if g == nil {
		return &Description{In: in}, err
	}
	return g.description(in), err
}

// description is what was built on g.
func (g *Graph) description(in Shape) *Description {
	d := &Description{In: in, Out: g.out.Shape}
	for _, l := range g.layers {
		d.Layers = append(d.Layers, *l)
	}
	return d
}

// WeightNames are the names of all weights and state in a state dict, in its order.
func (d *Description) WeightNames() (names []string) {
	for _, l := range d.Layers {
		for _, t := range l.Weights {
			names = append(names, l.weight(t.Name))
		}
	}
	return names
}

// Params is the number of weights and biases.
func (d *Description) Params() int {
	n := 0
	for _, l := range d.Layers {
		n += l.Params()
	}
	return n
}

// Params is the number of the layer's own weights and biases.
func (d Described) Params() int {
	n := 0
	for _, t := range d.Weights {
		if !t.State {
			n += t.Len()
		}
	}
	return n
}

// MACs is the number of multiply-adds of a forward pass of one image.
func (d *Description) MACs() int64 {
	n := int64(0)
	for _, l := range d.Layers {
		n += l.MACs
	}
	return n
}

// Summary writes the output shape of each layer that the network is a sequence of, one
// a line, for n images, as the chapter's layer_summary does.
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

// Tree writes every layer, one a line, those inside others too, indented by their depth: its path,
// with which the names of its weights in a state dict begin, its text, or its type if there are
// layers inside, its output shape for n images, its parameters, and its multiply-adds for one
// image. Those of a layer include the layers inside.
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

// OutShape is the shape of l's output for an input of shape in.
func OutShape(l Layer, in Shape) (Shape, error) {
	d, err := Describe(l, in)
	if err != nil {
		return Shape{}, err
	}
	return d.Out, nil
}

// Params is the number of weights and biases of l for an input of shape in.
func Params(l Layer, in Shape) (int, error) {
	d, err := Describe(l, in)
	if err != nil {
		return 0, err
	}
	return d.Params(), nil
}

// MACs is the number of multiply-adds of a forward pass of one image.
func MACs(l Layer, in Shape) (int64, error) {
	d, err := Describe(l, in)
	if err != nil {
		return 0, err
	}
	return d.MACs(), nil
}

// describe builds l on a graph that never runs, as for p, whose buffers are not used. With
// the zero rules nothing is fused.
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

// inputName is the name of the network's input as a tensor, which no layer's output has.
const inputName = "(images)"

// rehearse builds l as for p, with a backward pass if p has gradients, and reports what is
// wrong with it: mistakes of a layer, outputs that nothing uses, memory that is read before
// anything wrote it.
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
	if !g.out.Grad.IsZero() { // as the loss writes it
		g.out.writes++
		g.out.Grad = g.rec.Placeholder("dY", g.out.Grad.Bytes())
	}
	g.runBackward()
	return g, g.rec.Check()
}
