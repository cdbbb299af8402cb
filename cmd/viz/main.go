// Command viz shows what a Network in Network computes, while it learns or
// afterwards: in a window, or in files without one.
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
-train, the loss. All is drawn on the device, from the very buffers in which the
network computes. In the window, h shows the keys; drop an image file on it, or draw
an image with the mouse.

Usage: go run ./cmd/viz -model FILE [flags]
       go run ./cmd/viz -train [flags]

Examples:
  go run ./cmd/viz -model runs/mini-20260102-150405/model.safetensors
  go run ./cmd/viz -model model.safetensors -image shoe.png -layer 3.0
  go run ./cmd/viz -train                       train, as cmd/train does, and watch
  go run ./cmd/viz -train -recipe d2l -adapter gpu -epochs 1
  go run ./cmd/viz -train -resume runs/mini-20260102-150405
Without a display:
  go run ./cmd/viz -model model.safetensors -sample 7 -screenshot seven.png
  go run ./cmd/viz -model model.safetensors -record layers.gif
  go run ./cmd/viz -train -steps 200 -record learning.gif -frames 50 -size 800x500

The window of a training run may be closed at any time, with q for example: as on Ctrl-C, the run
leaves a checkpoint, from which -resume goes on. When the driver gives the device
up, it goes on by itself from the last one, unless it is being recorded.

Recipes:
%s
Flags (those of a training run: without them, the recipe's setting, which
-recipe NAME -help shows):
`

// options are the flags that are viz's own.
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
	fs.StringVar(&o.model, "model", "", "look at the network whose weights are in this safetensors `file`")
	fs.BoolVar(&o.train, "train", false, "train a network and look at it; all flags of cmd/train go")
	fs.IntVar(&o.sample, "sample", 0, "begin with test image `N`, counting from 0")
	fs.StringVar(&o.image, "image", "", "begin with the image in this PNG, JPEG, GIF, WebP, BMP or TIFF `file`")
	fs.StringVar(&o.layer, "layer", "",
		"begin with the layer of this `name`, as in a state dict: 0.2 (default: the first)")
	fs.StringVar(&o.screenshot, "screenshot", "",
		"draw one picture in this PNG `file`, after the training if there is one, without a window")
	fs.StringVar(&o.record, "record", "",
		"draw a film in this GIF `file`, without a window: of the training, or of the layers one after the other (with -layer, of test images)")
	fs.IntVar(&o.frames, "frames", 0,
		"close the window after `N` pictures; of -record, the number of pictures (default: 100 of a training, else one of each layer)")
	o.size = size{1280, 800}
	fs.Var(&o.size, "size", "`WxH` of the window's inside in points, of -screenshot and -record in pixels")
	fs.BoolVar(&o.quiet, "quiet", false, "print errors and the last line alone")
	fs.BoolVar(&o.verbose, "v", false,
		"print more: what drawing took of the time, and of a training how long it takes to begin, memory, the host's share")
}

const (
	maxPixels = 1 << 25 // of a picture: what every WebGPU adapter can bind
	maxFilm   = 1 << 30 // pixels of a film, which is in memory until it is written
)

// headless says that no window is wanted.
func (o *options) headless() bool { return o.screenshot != "" || o.record != "" }

// check refuses flags that do not go together.
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
					err = fmt.Errorf("-%s is of a training run; with -model there is none", g.Name)
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
