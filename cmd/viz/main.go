// Command viz shows what a Network in Network computes, during training or afterwards. It opens a
// window, or writes files.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
)

func main() {
	cli.Guard("viz")
	cli.Exit("viz", runflags.Named(execute(os.Args[1:])))
}

const help = `Viz shows what a network computes for an image: the maps that each layer puts
out, the kernels, the gradients, the class activation map, the classes and, with
-train, the loss. The device draws all of it from the buffers in which the network
computes. In the window, press h for the keys. Drop an image file on the window, or
draw an image with the mouse.

Usage: go run ./cmd/viz -model FILE [flags]
       go run ./cmd/viz -train [flags]

Examples:
  go run ./cmd/viz -model runs/mini-20260102-150405/model.safetensors
  go run ./cmd/viz -model model.safetensors -image shoe.png -layer 3.0
  go run ./cmd/viz -train                       train as cmd/train does, and watch
  go run ./cmd/viz -train -recipe d2l -adapter gpu -epochs 1
  go run ./cmd/viz -train -resume runs/mini-20260102-150405
Without a display:
  go run ./cmd/viz -model model.safetensors -sample 7 -screenshot seven.png
  go run ./cmd/viz -model model.safetensors -record layers.gif
  go run ./cmd/viz -train -steps 200 -record learning.gif -frames 50 -size 800x500

You can close the window of a training run at any time, for example with q. As on
Ctrl-C, the run writes a checkpoint, and -resume continues from it. If the driver
loses the device, the run continues by itself from the last checkpoint, unless it is
being recorded.

Recipes:
%s
Flags (for a training run, the default is the recipe's setting, which
-recipe NAME -help shows):
`

// options holds the flags that only viz has.
type options struct {
	model, image, layer string
	train               bool
	quiet, verbose      bool
	sample, frames      int
	screenshot, record  string
	size                size
}

// size is the value of -size.
type size struct{ width, height int }

func (s *size) pixels() int { return s.width * s.height }

func (s *size) String() string { return fmt.Sprintf("%dx%d", s.width, s.height) }

func (s *size) Set(text string) error {
	var w, h int
	if n, err := fmt.Sscanf(text+" ", "%dx%d ", &w, &h); n != 2 || err != nil || min(w, h) < 16 || max(w, h) > 16384 ||
		w*h > maxPixels {
		return fmt.Errorf("want WxH, 16 to 16384 each and at most %d pixels, such as 1280x800", maxPixels)
	}
	s.width, s.height = w, h
	return nil
}

func (o *options) register(fs *flag.FlagSet) {
	fs.StringVar(&o.model, "model", "", "show the network whose weights are in this safetensors `file`")
	fs.BoolVar(&o.train, "train", false, "train a network and show it; all flags of cmd/train work too")
	fs.IntVar(&o.sample, "sample", 0, "start with test image `N`, counting from 0")
	fs.StringVar(&o.image, "image", "", "start with the image in this PNG, JPEG, GIF, WebP, BMP or TIFF `file`")
	fs.StringVar(&o.layer, "layer", "",
		"start with the layer of this `name`, as in a state dict, such as 0.2 (default: the first)")
	fs.StringVar(&o.screenshot, "screenshot", "",
		"write one picture to this PNG `file`, without a window; with -train, after the training")
	fs.StringVar(&o.record, "record", "",
		"write a film to this GIF `file`, without a window: of the training, or of one layer after another (with -layer, of one test image after another)")
	fs.IntVar(&o.frames, "frames", 0,
		"close the window after `N` pictures; with -record, the number of pictures in the film (default: 100 for a training, else one for each layer)")
	o.size = size{1280, 800}
	fs.Var(&o.size, "size",
		"`WxH`: size of the inside of the window in points, or of pictures from -screenshot and -record in pixels")
	fs.BoolVar(&o.quiet, "quiet", false, "print only errors and the last line")
	fs.BoolVar(&o.verbose, "v", false,
		"print more: the share of the time that drawing took and, for a training, the time to start, the memory and the host's share")
}

const (
	maxPixels = 1 << 25 // largest picture; every WebGPU adapter can bind its pixels
	maxFilm   = 1 << 30 // most pixels in a film, which stays in memory until it is written
)

// headless reports whether the flags ask for files instead of a window.
func (o *options) headless() bool { return o.screenshot != "" || o.record != "" }

// check refuses flags that do not work together.
func (o *options) check(fs *flag.FlagSet) error {
	switch {
	case (o.model == "") == !o.train:
		return errors.New("want either -model FILE, to look at a trained network, or -train (see -help)")
	case o.screenshot != "" && o.record != "":
		return errors.New("-screenshot with -record; want one of them")
	case o.quiet && o.verbose:
		return errors.New("-quiet with -v; want one of them")
	case o.sample < 0:
		return fmt.Errorf("-sample is %d; want 0 or more", o.sample)
	case o.frames < 0:
		return fmt.Errorf("-frames is %d; want 1 or more", o.frames)
	case o.record != "" && cmp.Or(o.frames, filmLength) > maxFilm/o.size.pixels():
		return fmt.Errorf("-frames is %d, of %v; want at most %d, or a smaller -size", cmp.Or(o.frames, filmLength),
			&o.size, maxFilm/o.size.pixels())
	case o.frames > 0 && o.screenshot != "":
		return errors.New("-frames with -screenshot, which is one picture")
	}
	var err error
	if o.model != "" {
		own := flag.NewFlagSet("", flag.ContinueOnError)
		new(options).register(own)
		fs.Visit(func(g *flag.Flag) {
			switch g.Name {
			case "adapter", "recipe", "dataset", "data", "skip-bad", "test-images", "normalise":
			default:
				if own.Lookup(g.Name) == nil {
					err = fmt.Errorf("-%s belongs to a training run; with -model there is none", g.Name)
				}
			}
		})
	}
	return err
}

func execute(args []string) error {
	fs := flag.NewFlagSet("viz", flag.ContinueOnError)
	flags := runflags.New(fs)
	var opt options
	opt.register(fs)
	if err := cli.Parse(fs, os.Stdout, fmt.Sprintf(help, runflags.Recipes()), args); err != nil {
		return err
	}
	if err := cli.Usage(opt.check(fs)); err != nil {
		return err
	}
	if opt.train {
		return train(cli.Interruptible("the step is finished and a checkpoint written"), flags, opt)
	}
	return look(cli.Interruptible("the window is closed"), flags, opt)
}
