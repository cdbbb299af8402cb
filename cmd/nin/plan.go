package main

import (
	"flag"
	"io"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/nin/report"
)

const planHelp = `Plan prints the dispatches of a training step of a recipe's network, or of your own, in
the order in which they run: forward, loss, backward and update, one per line.
gpu/README.md explains the columns and the words in them. If the adapter cannot take the
whole batch, the forward and backward passes run several times in a step, each with a
part of the batch. Nothing is allocated and nothing runs.

Usage: go run ./cmd/nin plan [flags]

Examples:
  go run ./cmd/nin plan -recipe mini
  go run ./cmd/nin plan -batch 64 -adapter webgpu
  go run ./cmd/nin plan -net 'conv 32 5; relu; conv 10 1; globalavgpool; flatten' -input 32x32

Flags:
`

func plan(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("plan", flag.ContinueOnError)
	adapter := planned(fs)
	recipe := fs.String("recipe", "d2l", "`name` of the recipe")
	batches := newBatchFlags(fs)
	if err := cli.Parse(fs, w, planHelp, args); err != nil {
		return err
	}
	r, err := batches.of(*recipe)
	if err != nil {
		return err
	}
	dev, err := planner(*adapter)
	if err != nil {
		return err
	}
	defer dev.Close()
	return runflags.Usage(fs, report.WritePlan(w, dev, r, r.Batch))
}
