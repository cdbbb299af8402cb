package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/nin"
	"wgnin/nin/report"
)

const planHelp = `Plan prints the dispatches of a training step of a recipe's network, in the order in
which they run: forward, loss, backward and update, one a line. gpu/README.md explains
the columns and the words in them. If the adapter cannot take the whole batch, the
forward and backward passes run several times in a step, each with a part of the batch.
Nothing is allocated and nothing runs.

Usage: go run ./cmd/nin plan [flags]

Examples:
  go run ./cmd/nin plan -recipe mini
  go run ./cmd/nin plan -batch 64 -adapter webgpu

Flags:
`

func plan(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("plan", flag.ContinueOnError)
	adapter := planned(fs)
	recipe := fs.String("recipe", "d2l", "`name` of the recipe")
	batch := fs.Int("batch", 0, "images of a step (default: the recipe's)")
	if err := cli.Parse(fs, w, planHelp, args); err != nil {
		return err
	}
	r, err := nin.Find(*recipe)
	if err != nil {
		return cli.Usage(err)
	}
	if *batch < 0 || *batch > 1e6 {
		return cli.Usage(fmt.Errorf("-batch is %d; want 1 to 1000000", *batch))
	}
	dev, err := planner(*adapter)
	if err != nil {
		return err
	}
	defer dev.Close()
	return runflags.Usage(fs, report.WritePlan(w, dev, r, cmp.Or(*batch, r.Batch)))
}
