package report

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"wgnin/gpu"
	"wgnin/nin/session"
	"wgnin/nn"
)

// Op selects what to measure by itself: the kernels of one op, or one layer.
type Op struct {
	Text, Shape string // as a report shows them

	// Cases returns the cases whose kernels' names contain kernel. It is nil for a layer.
	Cases func(dev *gpu.Device, kernel string) ([]OpCase, error)

	Layer nn.Layer
	In    nn.Shape // shape [C,H,W] of the layer's input
	Batch int      // number of inputs of the layer
}

// OpCase is a kernel of an op in one variant.
type OpCase struct {
	Kernel, Variant string

	// Measure calls run with a plan of the kernel alone, on random arguments. It returns the
	// largest difference between the results of the kernel and of its twin, in units of the
	// tolerance.
	Measure func(run func(*gpu.Plan) error) (worst float64, err error)
}

// OpReport is the speed of the kernels of an op on an adapter.
type OpReport struct {
	Adapter string `json:"adapter"`
	Driver  string `json:"driver"`
	Op      string `json:"op"`
	Shape   string `json:"shape"`
	Ceilings

	Variants []nn.Choice   `json:"variants,omitempty"` // of a layer's convolutions, each checked against the default
	Kernels  []BenchKernel `json:"kernels"`            // for an op, each checked against its twin
}

// BenchOp measures an op with random inputs; runs is the number of repetitions. For an op, it
// measures each kernel in each variant that the adapter has. For a layer, it measures the variants
// of the convolutions, and each kernel of the forward and backward passes. It measures only kernels
// whose names contain kernel, and returns an [nn.RangeError] if there are none.
func BenchOp(ctx context.Context, dev *gpu.Device, o Op, kernel string, runs int) (rep OpReport, err error) {
	a := dev.Adapter()
	rep = OpReport{Adapter: a.Name, Driver: a.Driver, Op: o.Text, Shape: o.Shape}
	if rep.Ceilings, err = ceilings(dev); err != nil {
		return rep, err
	}
	if o.Cases != nil {
		err = rep.op(ctx, dev, o, kernel, runs)
	} else {
		err = rep.layer(ctx, dev, o, kernel, runs)
	}
	if err == nil && len(rep.Kernels) == 0 {
		err = nn.RangeError{Setting: "Kernel", Value: strconv.Quote(kernel),
			Want: "a part of the name of a kernel of " + o.Text}
	}
	return rep, err
}

// op measures the cases of an op.
func (rep *OpReport) op(ctx context.Context, dev *gpu.Device, o Op, kernel string, runs int) error {
	cases, err := o.Cases(dev, kernel)
	if err != nil {
		return err
	}
	for _, c := range cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		worst, err := c.Measure(func(p *gpu.Plan) error {
			timings, err := timed(dev, p, runs)
			for _, t := range timings {
				k := rep.kernel(t)
				k.Variant = c.Variant
				rep.Kernels = append(rep.Kernels, k)
			}
			return err
		})
		if err != nil {
			return err
		}
		rep.Kernels[len(rep.Kernels)-1].Error = worst
	}
	return nil
}

// layer measures a layer in a network, after a layer that learns, so that the input of the layer
// has a gradient.
func (rep *OpReport) layer(ctx context.Context, dev *gpu.Device, o Op, kernel string, runs int) error {
	if err := checkNoise(o.In, o.Batch); err != nil {
		return err
	}
	out, err := nn.OutShape(o.Layer, o.In)
	if err != nil {
		return err
	}
	const path = "1"
	net := nn.Sequential{nn.Conv2D{Out: o.In.C, Kernel: 1, Groups: o.In.C}, o.Layer}
	if !out.Flat {
		net = append(net, nn.GlobalAvgPool2D{}, nn.Flatten{})
		out.H, out.W = 1, 1
	}
	on, err := session.New(dev, net, o.In)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := on.Net.Init(nn.He, 0); err != nil {
		return err
	}
	if err := on.Load(session.Noise(o.In, o.Batch, min(10, out.Len())), nil); err != nil {
		return err
	}
	inside := func(layer string) bool { return layer == path || strings.HasPrefix(layer, path+".") }
	_, err = on.Net.Tune(ctx, o.Batch, nil, func(c nn.Choice) {
		if inside(c.Layer) {
			rep.Variants = append(rep.Variants, c)
		}
	})
	if err != nil {
		return err
	}
	if err := on.Train(nn.TrainConfig{Hyper: nn.Hyper{Batch: o.Batch, Epochs: runs + 1}}); err != nil {
		return err
	}
	defer dev.StopProfile()
	for s, err := range on.Trainer.Steps(ctx) { // each is an epoch, so nothing is in flight after it
		if err == nil && s.Step == 1 {
			dev.WaitAhead()
			err = dev.Profile()
		}
		if err != nil {
			return err
		}
	}
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
		for _, c := range rep.Variants {
			for _, m := range c.Candidates {
				what := fmt.Sprintf("%.3f\t%.3f\t%.2f", m.Ms, m.Median, m.GFlops)
				switch {
				case m.Error != "":
					what = m.Error + "\t\t"
				case m.Median == 0: // it was much slower and not measured further
					what = fmt.Sprintf("%.3f\t-\t%.2f", m.Ms, m.GFlops)
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", c.Pass, m.Variant, what, c.Layer, c.Shape)
			}
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "kernel\tvariant\tmin ms\tmedian ms\tGFLOP/s\tGB/s\t% of ceiling\tof tolerance\tshape\t")
	for _, k := range rep.Kernels {
		tolerance := "-" // for a layer, whose variants were compared with each other
		if k.Layer == "" {
			tolerance = fmt.Sprintf("%.2g", k.Error)
		}
		fmt.Fprintf(t, "%s\t%s\t%.3f\t%.3f\t%.2f\t%.2f\t%.1f\t%s\t%s\t\n", k.Kernel, k.Variant, k.MinMs, k.Ms, k.GFlops,
			k.GBs, k.Ceiling, tolerance, k.Shape)
	}
	return t.Flush()
}
