package report

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"wgnin/gpu"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/nearest"
	"wgnin/shaders/check"
	"wgnin/shaders/conformance"
)

// Op is what to measure by itself: the kernels of one op, or one layer.
type Op struct {
	sizes *check.Sizes // nil for a layer
	layer nn.Layer
	in    nn.Shape
	batch int
	text  string
	shape string
}

// ParseOp reads an op and its shape: the name of an op of package shaders with the fields of its shape, such as
// "pool" at "N=8 C=96 InH=54 ...", or a layer in the form of [nn.Text] with N,C,H,W of its input. An error says what
// there is.
func ParseOp(op, shape string) (*Op, error) {
	o := &Op{text: strings.TrimSpace(op), shape: strings.TrimSpace(shape)}
	var names []string
	for _, s := range conformance.Sizes {
		names = append(names, s.Op)
		// Some are layers too, whose shape has no names.
		if s.Op == o.text && (o.shape == "" || strings.Contains(o.shape, "=")) {
			o.sizes = &s
		}
	}
	if o.sizes != nil {
		if o.shape == "" {
			return nil, fmt.Errorf("%s has no shape; want one such as %q", o.text, o.sizes.Example)
		}
		return o, o.sizes.Check(o.shape)
	}
	layer, err := nn.Parse(op)
	switch {
	case o.text == "":
		return nil, fmt.Errorf("a shape of nothing; want an op: %s; or a layer, such as \"conv 256 5 pad 2\"", strings.Join(names, ", "))
	case err != nil && !strings.ContainsAny(o.text, " ;("):
		return nil, fmt.Errorf("%q is neither an op nor a layer: %s; %w", op, nearest.Hint(o.text, names), err)
	case err != nil:
		return nil, err
	}
	n, err := fmt.Sscanf(o.shape+"\n", "%d,%d,%d,%d\n", &o.batch, &o.in.C, &o.in.H, &o.in.W)
	if err != nil || n < 4 {
		return nil, fmt.Errorf("shape %q; want N,C,H,W of the layer's input, such as 8,96,26,26", shape)
	}
	if o.batch < 1 || o.batch > maxBatch {
		return nil, fmt.Errorf("shape %q has %d images; want 1 to %d", shape, o.batch, maxBatch)
	}
	o.layer = layer
	_, err = nn.OutShape(layer, o.in)
	return o, err
}

const maxBatch = 1_000_000

// OpReport is how fast the kernels of an op are on an adapter.
type OpReport struct {
	Adapter string `json:"adapter"`
	Driver  string `json:"driver"`
	Op      string `json:"op"`
	Shape   string `json:"shape"`
	Ceilings

	Variants []nn.Choice   `json:"variants,omitempty"` // of a layer's convolutions, each checked against the default
	Kernels  []BenchKernel `json:"kernels"`            // of an op each checked against its twin
}

// BenchOp measures an op with random inputs, runs times: each kernel of an op, in each variant that the adapter has;
// of a layer the variants of its convolutions, and each kernel of its passes forward and backward. Only kernels whose
// name has the text kernel in it are measured.
func BenchOp(ctx context.Context, dev *gpu.Device, o *Op, kernel string, runs int) (rep OpReport, err error) {
	a := dev.Adapter()
	rep = OpReport{Adapter: a.Name, Driver: a.Driver, Op: o.text, Shape: o.shape}
	if rep.Ceilings, err = ceilings(dev); err != nil {
		return rep, err
	}
	if o.sizes != nil {
		err = rep.op(ctx, dev, o, kernel, runs)
	} else {
		err = rep.layer(ctx, dev, o, kernel, runs)
	}
	if err == nil && len(rep.Kernels) == 0 {
		err = fmt.Errorf("no kernel of %s has %q in its name", o.text, kernel)
	}
	return rep, err
}

// op measures the cases of an op.
func (rep *OpReport) op(ctx context.Context, dev *gpu.Device, o *Op, kernel string, runs int) error {
	cases, err := o.sizes.Cases(dev, o.shape)
	if err != nil {
		return err
	}
	cases = slices.DeleteFunc(cases, func(c check.Case) bool { return !strings.Contains(c.Kernel, kernel) })
	check.CompileAhead(dev, cases)
	for _, c := range cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		res, err := c.Measure(dev, func(p *gpu.Plan) error {
			timings, err := timed(dev, p, runs)
			for _, t := range timings {
				k := rep.kernel(t)
				k.Variant = c.Variant
				rep.Kernels = append(rep.Kernels, k)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s %s: %w", c.Kernel, c.Detail, err)
		}
		if !(res.Worst <= 1) {
			return fmt.Errorf("%s %s is wrong: %s, %.3g times its tolerance", c.Kernel, c.Detail, res.Where, res.Worst)
		}
		rep.Kernels[len(rep.Kernels)-1].Error = res.Worst
	}
	return nil
}

// layer measures a layer: in a network, after a layer that learns, so that its input has a gradient.
func (rep *OpReport) layer(ctx context.Context, dev *gpu.Device, o *Op, kernel string, runs int) error {
	out, err := nn.OutShape(o.layer, o.in)
	if err != nil {
		return err
	}
	const path = "1"
	net := nn.Sequential{nn.Conv2D{Out: o.in.C, Kernel: 1, Groups: o.in.C}, o.layer}
	if !out.Flat {
		net = append(net, nn.GlobalAvgPool2D{}, nn.Flatten{})
		out.H, out.W = 1, 1
	}
	on, err := session.New(dev, net, o.in)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := on.Net.Init(nn.He, 0); err != nil {
		return err
	}
	if err := checkNoise(o.in, o.batch); err != nil {
		return err
	}
	if err := on.Load(noise(o.in, o.batch, min(10, out.Len())), nil); err != nil {
		return err
	}
	inside := func(layer string) bool { return layer == path || strings.HasPrefix(layer, path+".") }
	_, err = on.Net.Tune(ctx, o.batch, nil, func(c nn.Choice) {
		if inside(c.Layer) {
			rep.Variants = append(rep.Variants, c)
		}
	})
	if err != nil {
		return err
	}
	if err := on.Train(nn.TrainConfig{Hyper: nn.Hyper{Batch: o.batch, Epochs: runs + 1}}); err != nil {
		return err
	}
	for s, err := range on.Trainer.Steps(ctx) { // each is an epoch, so nothing is in flight after it
		if err == nil && s.Step == 1 {
			dev.WaitAhead()
			err = dev.Profile()
		}
		if err != nil {
			return err
		}
	}
	defer dev.StopProfile()
	for _, t := range dev.Timings() {
		if inside(t.Layer) && strings.Contains(t.Kernel, kernel) {
			rep.Kernels = append(rep.Kernels, rep.kernel(t))
		}
	}
	return nil
}

// Write prints the report as tables.
func (rep OpReport) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s (%s), %s at %s\n%s\n\n", rep.Adapter, rep.Driver, rep.Op, rep.Shape, rep.Ceilings)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(rep.Variants) > 0 {
		fmt.Fprintln(t, "pass\tvariant\tmin ms\tmedian ms\tGFLOP/s\tlayer\tshape\t")
	}
	for _, c := range rep.Variants {
		for _, m := range c.Candidates {
			what := fmt.Sprintf("%.3f\t%.3f\t%.2f", m.Ms, m.Median, m.GFlops)
			switch {
			case m.Error != "":
				what = m.Error + "\t\t"
			case m.Median == 0: // it was given up as much slower
				what = fmt.Sprintf("%.3f\t-\t%.2f", m.Ms, m.GFlops)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", c.Pass, m.Variant, what, c.Layer, c.Shape)
		}
	}
	if len(rep.Variants) > 0 {
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "kernel\tvariant\tmin ms\tmedian ms\tGFLOP/s\tGB/s\t% of ceiling\tof tolerance\tshape\t")
	for _, k := range rep.Kernels {
		tolerance := "-" // of a layer, whose variants were compared with each other
		if k.Layer == "" {
			tolerance = fmt.Sprintf("%.2g", k.Error)
		}
		fmt.Fprintf(t, "%s\t%s\t%.3f\t%.3f\t%.2f\t%.2f\t%.1f\t%s\t%s\t\n", k.Kernel, k.Variant, k.MinMs, k.Ms, k.GFlops, k.GBs, k.Ceiling, tolerance, k.Shape)
	}
	return t.Flush()
}
