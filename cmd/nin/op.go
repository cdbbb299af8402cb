package main

import (
	"fmt"
	"slices"
	"strings"

	"wgnin/gpu"
	"wgnin/nin/report"
	"wgnin/nn"
	"wgnin/nn/nearest"
	"wgnin/shaders/check"
	"wgnin/shaders/conformance"
)

// parseOp reads -op and -shape: the name of an op of package shaders with the fields of its shape,
// such as "pool" at "N=8 C=96 InH=54 ...", or a layer in the form of [nn.Text] with N,C,H,W of its
// input. Errors list the known names.
func parseOp(op, shape string) (report.Op, error) {
	o := report.Op{Text: strings.TrimSpace(op), Shape: strings.TrimSpace(shape)}
	var names []string
	for _, s := range conformance.Sizes {
		names = append(names, s.Op)
		// Some names are both an op and a layer. A shape without field names is that of the layer.
		if s.Op == o.Text && (o.Shape == "" || strings.Contains(o.Shape, "=")) {
			if o.Shape == "" {
				return o, fmt.Errorf("%s has no shape; want one such as %q", o.Text, s.Example)
			}
			o.Cases = func(dev *gpu.Device, kernel string) ([]report.OpCase, error) {
				return opCases(dev, s, o.Shape, kernel)
			}
			return o, s.Check(o.Shape)
		}
	}
	layer, err := nn.Parse(op)
	switch {
	case o.Text == "":
		return o, fmt.Errorf("no op for -shape; want an op: %s; or a layer, such as \"conv 256 5 pad 2\"",
			strings.Join(names, ", "))
	case err != nil && !strings.ContainsAny(o.Text, " ;("):
		return o, fmt.Errorf("%q is neither an op nor a layer: %s; %w", op, nearest.Hint(o.Text, names), err)
	case err != nil:
		return o, err
	}
	n, err := fmt.Sscanf(o.Shape+"\n", "%d,%d,%d,%d\n", &o.Batch, &o.In.C, &o.In.H, &o.In.W)
	if err != nil || n < 4 {
		return o, fmt.Errorf("shape %q; want N,C,H,W of the layer's input, such as 8,96,26,26", shape)
	}
	if o.Batch < 1 || o.Batch > 1e6 {
		return o, fmt.Errorf("shape %q has %d images; want 1 to 1000000", shape, o.Batch)
	}
	o.Layer = layer
	_, err = nn.OutShape(layer, o.In)
	return o, err
}

// opCases returns the cases of an op at a shape whose kernels' names contain kernel. Results beyond
// a case's tolerance are an error.
func opCases(dev *gpu.Device, sizes check.Sizes, shape, kernel string) (all []report.OpCase, err error) {
	cases, err := sizes.Cases(dev, shape)
	if err != nil {
		return nil, err
	}
	cases = slices.DeleteFunc(cases, func(c check.Case) bool { return !strings.Contains(c.Kernel, kernel) })
	check.CompileAhead(dev, cases)
	for _, c := range cases {
		all = append(all, report.OpCase{Kernel: c.Kernel, Variant: c.Variant,
			Measure: func(run func(*gpu.Plan) error) (float64, error) {
				res, err := c.Measure(dev, run)
				if err == nil && !(res.Worst <= 1) {
					err = fmt.Errorf("its results are wrong: %s, %.3g times the tolerance", res.Where, res.Worst)
				}
				if err != nil {
					return 0, fmt.Errorf("%s %s: %w", c.Kernel, c.Detail, err)
				}
				return res.Worst, nil
			}})
	}
	return all, nil
}
