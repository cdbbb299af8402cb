package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"

	"wgnin/cmd/internal/cli"
	"wgnin/nin"
	"wgnin/nn"
)

const summaryHelp = `Summary prints the output shape of each layer of a network, as the chapter does,
with parameters and multiply-adds. The network is a recipe's (without -recipe the
chapter's own, on any adapter), or that of a file of weights, in whose text form it
is printed too.

Usage: go run ./cmd/nin summary [flags]

Examples:
  go run ./cmd/nin summary -recipe d2l -input 1,1,224,224
  go run ./cmd/nin summary -model runs/mini-20260102-150405/model.safetensors

Flags:
`

func summary(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("summary", flag.ContinueOnError)
	recipe := fs.String("recipe", "", "`name` of the recipe (default: d2l, or with -model the file's)")
	file := fs.String("model", "", "`file` of weights, in place of a recipe")
	input := fs.String("input", "", "shape `N,C,H,W` of the input (default: one image of the network's)")
	if err := parse(fs, w, summaryHelp, args); err != nil {
		return err
	}
	var layers nn.Layer
	var in nn.Shape
	var about string
	if *file != "" {
		m, err := readModel("summary", *file, *recipe)
		if err != nil {
			return err
		}
		layers, in, about = m.Layers, m.In, nn.Text(m.Layers)
	} else {
		r, err := nin.Find(cmp.Or(*recipe, "d2l"))
		if err != nil {
			return cli.Usage(err)
		}
		layers, in, about = r.Net(10, r.Dropout), r.In, "recipe "+r.Name+": "+r.About
	}
	n, in, err := inputShape("summary", *input, 1, in)
	if err != nil {
		return err
	}
	d, err := nn.Describe(layers, in)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s\n\n", about); err != nil {
		return err
	}
	if err := d.Summary(w, n); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%d parameters, %.1f million multiply-adds for one image\n", d.Params(), float64(d.MACs())/1e6)
	return err
}
