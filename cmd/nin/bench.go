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
training and prediction, and each kernel of a training step against the two
ceilings of the adapter, a copy and multiply-adds in registers. GB/s counts the
bytes of a kernel's arguments once. GFLOP/s of winograd/product counts the sums
over the taps that it stands for, so it can be above the ceiling.

Usage: go run ./cmd/nin bench [flags]

Example:
  go run ./cmd/nin bench -recipe d2l -batch 16 -kernel conv2d

Flags:
`

func bench(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	var (
		adapter = cli.Adapter(fs)
		recipe  = fs.String("recipe", "", "`name` of the recipe (default: as cmd/train's, d2l on a GPU, mini on a software adapter)")
		batch   = fs.Int("batch", 16, "images of a step")
		steps   = fs.Int("steps", 5, "steps to take the median of")
		layer   = fs.String("layer", "", "only layers whose `path` begins so, such as 2.0")
		kernel  = fs.String("kernel", "", "only kernels with this `text` in their name, such as conv2d/dw")
		tune    = fs.Bool("tune", false, "take the kernels that are measured to be the fastest (see the sub-command kernels)")
		variant = fs.String("variant", "", "run all convolutions on this `variant`, such as \"tile 64x64x16\", where they have it")
		asJSON  = fs.Bool("json", false, "print JSON instead of a table")
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
	dev, err := cli.Open(gpu.Options{Adapter: *adapter}, false)
	if err != nil {
		return err
	}
	defer dev.Close()
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
