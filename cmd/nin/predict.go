package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
	"wgnin/nin/report"
	"wgnin/nn/data"
)

const predictHelp = `Predict gives the most probable classes of images, from PNG, JPEG or GIF files of
any size. An image is made grey if the network takes one channel, and resized as
in training, to the bit as Pillow's BILINEAR does; it is not cropped, so what it
shows should fill it as in the training images.

In Fashion-MNIST and MNIST things are white on black; it says so of an image that
looks like black on white, and -invert turns all of them round.

Usage: go run ./cmd/nin predict -model FILE [flags] IMAGE...

Examples:
  go run ./cmd/nin predict -model runs/mini-20260102-150405/model.safetensors coat.png
  go run ./cmd/nin predict -model model.safetensors -invert -top 1 -json photos/*.jpg

Flags:
`

func predict(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("predict", flag.ContinueOnError)
	var (
		file    = fs.String("model", "", "`file` of weights")
		recipe  = fs.String("recipe", "", "`name` of the recipe whose network it is (default: the one that the weights fit)")
		adapter = cli.Adapter(fs)
		top     = fs.Int("top", 3, "classes to give for an image")
		invert  = fs.Bool("invert", false, "turn black into white")
		asJSON  = fs.Bool("json", false, "print JSON instead of a line for an image")
	)
	paths, err := parseArgs(fs, w, predictHelp, args)
	if err != nil {
		return err
	}
	switch {
	case len(paths) == 0:
		return cli.Usage(errors.New("predict: want the files of one or more images"))
	case *top < 1:
		return cli.Usage(fmt.Errorf("predict: -top is %d; want at least 1", *top))
	}
	m, err := readModel("predict", *file, *recipe)
	if err != nil {
		return err
	}
	images := make([]*data.Images, len(paths))
	for i, path := range paths {
		if images[i], err = data.ReadImage(path, m.In.C); err != nil {
			return err
		}
		if *invert {
			for k, v := range images[i].Pixels {
				images[i].Pixels[k] = 255 - v
			}
		}
	}
	dev, err := cli.Open(gpu.Options{Adapter: *adapter}, false)
	if err != nil {
		return err
	}
	defer dev.Close()
	guesses, err := report.Predict(dev, m, images)
	if err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	type prediction struct {
		File     string         `json:"file"`
		Inverted bool           `json:"looks_inverted,omitempty"`
		Classes  []report.Guess `json:"classes"`
	}
	all := make([]prediction, len(paths))
	for i, path := range paths {
		all[i] = prediction{path, m.LooksInverted(images[i]), guesses[i][:min(*top, len(guesses[i]))]}
	}
	if *asJSON {
		return writeJSON(w, all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range all {
		fmt.Fprint(t, p.File)
		for _, g := range p.Classes {
			fmt.Fprintf(t, "\t%s %.3f", g.Class, g.Probability)
		}
		if p.Inverted {
			fmt.Fprintf(t, "\tlooks like black on white, and %s is white on black: try -invert", m.Dataset)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
