package main

import (
	"flag"
	"fmt"
	"io"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nin/session"
	"wgnin/nn"
)

const kernelsHelp = `Kernels lists the variants with which the convolutions of a recipe's network run on
an adapter, and those that were not taken. The class of the adapter suggests
them: broadcast and block 8 on software adapters; on GPUs the tile that wastes
the least, by counting, of which a workgroup takes several on Metal; and for 3x3
and 5x5 Winograd's algorithm with 6 or 8 points on one of these, where that takes
less. -tune measures them all instead, checks each against the suggested one, and
keeps the fastest in the user's cache folder, where train and bench find them
with their -tune.

Usage: go run ./cmd/nin kernels [flags]

Example:
  go run ./cmd/nin kernels -recipe d2l -batch 128 -tune

Flags:
`

func kernels(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("kernels", flag.ContinueOnError)
	var (
		adapter = cli.Adapter(fs)
		recipe  = fs.String("recipe", "d2l", "`name` of the recipe")
		batch   = fs.Int("batch", 0, "images of a step (default: the recipe's)")
		tune    = fs.Bool("tune", false, "measure what has not been measured on this adapter")
		asJSON  = fs.Bool("json", false, "print JSON instead of a table")
	)
	if err := cli.Parse(fs, w, kernelsHelp, args); err != nil {
		return err
	}
	r, err := nin.Find(*recipe)
	if err != nil {
		return cli.Usage(err)
	}
	if *batch < 0 || *batch > 1e6 {
		return cli.Usage(fmt.Errorf("-batch is %d; want 1 to 1000000", *batch))
	}
	if *batch == 0 {
		*batch = r.Batch
	}
	dev, err := cli.Open(gpu.Options{Adapter: *adapter}, false)
	if err != nil {
		return err
	}
	defer dev.Close()
	on, err := session.New(dev, r.Net(10, r.Dropout), r.In)
	if err != nil {
		return err
	}
	defer on.Close()
	if *tune {
		err := on.Tune(cli.Interruptible("what was measured is kept"), *batch, func(c nn.Choice) {
			if !*asJSON {
				fmt.Fprintf(w, "%s %s %s: %s\n", c.Layer, c.Pass, c.Shape, c.Variant)
			}
		})
		if err != nil {
			return err
		}
	}
	choices, err := on.Choices(*batch)
	if err != nil {
		return err
	}
	if *asJSON {
		return writeJSON(w, choices)
	}
	fmt.Fprintf(w, "%s, recipe %s, batch %d\n\n", dev.Adapter(), r.Name, *batch)
	return report.WriteChoices(w, choices)
}
