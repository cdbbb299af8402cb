package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
)

const benchHelp = `Bench measures a recipe's network on an adapter, with random images: images/s in
training and prediction, and each kernel of a training step beside the nearer limit of
the adapter: its multiply-adds in registers, or its memory with one, two or three
streams. GB/s counts the bytes of a kernel's arguments once; small ones stay in the
processor's caches and can be above the limit. For winograd/product, GFLOP/s counts the
plain sums that it replaces, and the limit what it computes.

With -op it measures one op, by timestamps: each kernel in each variant that the adapter
has, after checking its results against the twin in float64. -shape gives the fields of
the op's shape by name. If -op is a layer, -shape is N,C,H,W of its input; bench then
measures the forward and backward pass, and the variants of its convolutions after
checking them against the default. An unknown name, such as -op list, prints those that
there are.

Usage: go run ./cmd/nin bench [flags]

Examples:
  go run ./cmd/nin bench -recipe d2l -batch 16 -kernel conv2d
  go run ./cmd/nin bench -op "conv 256 5 pad 2; relu" -shape 8,96,26,26
  go run ./cmd/nin bench -op pool -shape "N=8 C=96 InH=54 InW=54 KH=3 KW=3 StrideH=2 StrideW=2"

Flags:
`

func bench(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	var (
		adapter = cli.Adapter(fs)
		recipe  = fs.String("recipe", "", "`name` of the recipe (default: d2l on a GPU, mini on a software adapter)")
		batch   = fs.Int("batch", 16, "images of a step")
		steps   = fs.Int("steps", 5, "steps; the median of their times counts")
		layer   = fs.String("layer", "", "only layers whose `path` begins with this, such as 2.0")
		kernel  = fs.String("kernel", "", "only kernels with this `text` in their name, such as conv2d/dw")
		tune    = fs.Bool("tune", false, "use the kernels that are measured to be fastest (see nin kernels)")
		variant = fs.String("variant", "",
			"run all convolutions that have this `variant` on it, such as \"tile 64x64x16\"")
		op     = fs.String("op", "", "measure an op of that `name`, or a layer such as \"conv 256 5 pad 2\"")
		shape  = fs.String("shape", "", "`shape` of -op: N,C,H,W of a layer's input, or the fields of an op's shape")
		asJSON = fs.Bool("json", false, "print JSON instead of a table")
	)
	if err := cli.Parse(fs, w, benchHelp, args); err != nil {
		return err
	}
	if *recipe != "" {
		if _, err := nin.Find(*recipe); err != nil {
			return cli.Usage(err)
		}
	}
	if *tune && *variant != "" {
		return cli.Usage(errors.New("-tune with -variant; want one of them"))
	}
	if *batch < 1 || *batch > 1e6 || *steps < 1 || *steps > 1e6 {
		return cli.Usage(fmt.Errorf("-batch is %d and -steps %d; want 1 to 1000000", *batch, *steps))
	}
	single := *op != "" || *shape != ""
	if single && (*recipe != "" || *layer != "" || *tune || *variant != "") {
		return cli.Usage(errors.New("-op and -shape measure one op, not a recipe's network; want none of -recipe, -layer, -tune and -variant with them"))
	}
	var one report.Op
	if single {
		var err error
		if one, err = parseOp(*op, *shape); err != nil {
			return cli.Usage(fmt.Errorf("-op: %w", err))
		}
	}
	dev, err := cli.Open(gpu.Options{Adapter: *adapter}, false)
	if err != nil {
		return err
	}
	defer dev.Close()
	if single {
		measured, err := report.BenchOp(cli.Interruptible("nothing is kept"), dev, one, *kernel, *steps)
		if err != nil {
			return runflags.Usage(fs, err)
		}
		if *asJSON {
			return writeJSON(w, measured)
		}
		return measured.Write(w)
	}
	r, err := nin.Find(cmp.Or(*recipe, runflags.DefaultRecipe(dev, "")))
	if err != nil {
		return err
	}
	measured, err := report.Bench(cli.Interruptible("what was measured for -tune is kept"), dev, report.BenchOptions{
		Recipe: r, Batch: *batch, Steps: *steps, Layer: *layer, Kernel: *kernel, Tune: *tune, Variant: *variant,
	})
	if err != nil {
		return runflags.Usage(fs, err)
	}
	if !*asJSON {
		return measured.Write(w)
	}
	return writeJSON(w, measured)
}
