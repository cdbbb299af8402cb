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

const kernelsHelp = `Kernels lists the variants that the convolutions of a recipe's network use on an adapter,
and those that they could use instead. The class of the adapter suggests a variant:
broadcast and block 8 on software adapters, and on GPUs the tile that wastes least, by
counting; on Metal a workgroup takes several tiles. Convolutions of 3x3 and 5x5 use
Winograd's algorithm with 6 or 8 points on one of these if that is cheaper. -tune
measures all variants instead, checks each against the suggested one, and keeps the
fastest in the user's cache folder, where the -tune of train and bench finds them.

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
		tune    = fs.Bool("tune", false, "measure the variants that have not been measured on this adapter")
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
