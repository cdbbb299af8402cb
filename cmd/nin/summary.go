package main

import (
	"flag"
	"fmt"
	"io"

	"wgnin/cmd/internal/cli"
	"wgnin/nin"
	"wgnin/nn"
)

const summaryHelp = `Summary prints the output shape of each layer of a recipe's network, as the
chapter does, with parameters and multiply-adds. Without -recipe it is the chapter's
own, on any adapter.

Usage: go run ./cmd/nin summary [flags]

Example:
  go run ./cmd/nin summary -recipe d2l -input 1,1,224,224

Flags:
`

func summary(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("summary", flag.ContinueOnError)
	recipe := fs.String("recipe", "d2l", "`name` of the recipe")
	input := fs.String("input", "", "shape `N,C,H,W` of the input (default: one image of the recipe's)")
	if err := parse(fs, w, summaryHelp, args); err != nil {
		return err
	}
	r, err := nin.Find(*recipe)
	if err != nil {
		return cli.Usage(err)
	}
	n, in, err := inputShape("summary", *input, 1, r.In)
	if err != nil {
		return err
	}
	d, err := nn.Describe(r.Net(10, r.Dropout), in)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "recipe %s: %s\n\n", r.Name, r.About)
	if err := d.Summary(w, n); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%d parameters, %.1f million multiply-adds for one image\n", d.Params(), float64(d.MACs())/1e6)
	return err
}
