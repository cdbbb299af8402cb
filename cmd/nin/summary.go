package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/nin"
	"wgnin/nn"
)

const summaryHelp = `Summary prints the output shape of each layer of a network, as the chapter does, with
parameters and multiply-adds. With -deep it prints every layer, also inside blocks, with
the path that begins the names of its weights. The network is a recipe's (default: the
chapter's), one of your own, or that of a file of weights, which is also printed as text.
If a layer does not fit the one before it or the input, summary prints the layers up to
it, and why it does not fit.

Usage: go run ./cmd/nin summary [flags]

Examples:
  go run ./cmd/nin summary -recipe d2l -input 1,1,224,224
  go run ./cmd/nin summary -model runs/mini-20260102-150405/model.safetensors -deep
  go run ./cmd/nin summary -net 'conv 32 5; relu; conv 10 1; globalavgpool' -input 1,3,32,32

Flags:
`

// netFlag registers -net on fs, and returns the text of the network that it gives.
func netFlag(fs *flag.FlagSet) *string {
	var text string
	fs.Func("net", "network to use instead of a recipe's, as `file or text`; see train",
		func(given string) (err error) {
			text, err = runflags.Network(given)
			return err
		})
	return &text
}

// withNet returns the recipe called name, with the network text instead of its own unless text is
// empty. It then has no name.
func withNet(name, text string) (nin.Recipe, error) {
	r, err := nin.Find(name)
	if err != nil || text == "" {
		return r, err
	}
	s := r.Settings()
	s.Net = text
	return nin.RecipeOf(s)
}

func summary(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("summary", flag.ContinueOnError)
	recipe := fs.String("recipe", "", "`name` of the recipe (default: d2l, or with -model the file's)")
	file := fs.String("model", "", "`file` of weights, instead of a recipe")
	text := netFlag(fs)
	deep := fs.Bool("deep", false, "print every layer, also inside blocks")
	input := fs.String("input", "",
		"shape `N,C,H,W` of the input, or its rows x columns, such as 32x32 (default: one image of the network's)")
	if err := cli.Parse(fs, w, summaryHelp, args); err != nil {
		return err
	}
	var layers nn.Layer
	var in nn.Shape
	var about string
	if *file != "" && *text != "" {
		return cli.Usage(errors.New("-model with -net; want one of them"))
	}
	if *file != "" {
		m, err := readModel(*file, *recipe, "")
		if err != nil {
			return err
		}
		layers, in, about = m.Layers, m.In, nn.Text(m.Layers)
	} else {
		r, err := withNet(cmp.Or(*recipe, "d2l"), *text)
		if err != nil {
			return cli.Usage(err)
		}
		about = r.About
		if r.Name != "" {
			about = "recipe " + r.Name + ": " + r.About
		}
		layers, in = r.Net(10, r.Dropout), r.In
	}
	n, in, err := inputShape(*input, 1, in)
	if err != nil {
		return err
	}
	d, misfit := nn.Describe(layers, in)
	if _, err := fmt.Fprintf(w, "%s\n\n", about); err != nil {
		return err
	}
	write := d.Summary
	if *deep {
		write = d.Tree
	}
	if err := write(w, n); err != nil {
		return err
	}
	if misfit != nil {
		return misfit
	}
	_, err = fmt.Fprintf(w, "%d parameters, %.1f million multiply-adds for one image\n", d.Params(),
		float64(d.MACs())/1e6)
	return err
}
