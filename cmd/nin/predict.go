package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nn"
	"wgnin/nn/data"
)

const predictHelp = `Predict prints the most probable classes of images, from PNG, JPEG, GIF, WebP, BMP or
TIFF files of any size. An image becomes grey if the network takes one channel, and is
resized as in training, with the same bits as Pillow's BILINEAR. It is not cropped, so
the object should fill it as in the training images.

For a network whose outputs are numbers, such as one trained with a mean squared error,
it prints the numbers; those of an image [C,H,W] only with -json.

Fashion-MNIST and MNIST show white things on black. If an image looks like black on
white, a line says so, and -invert inverts all images.

The results are printed as they come, in the order of the files. A file that cannot be
read is named on stderr and left out, and the exit code is then 1.

Usage: go run ./cmd/nin predict -model FILE [flags] IMAGE...

Examples:
  go run ./cmd/nin predict -model runs/mini-20260102-150405/model.safetensors coat.png
  go run ./cmd/nin predict -model model.safetensors -invert -top 1 -json photos/*.jpg

Flags:
`

func predict(w io.Writer, args []string) error { return predictFiles(w, os.Stderr, args) }

// predictFiles runs predict. It names the files that cannot be read on stderr.
func predictFiles(w, stderr io.Writer, args []string) (err error) {
	fs := flag.NewFlagSet("predict", flag.ContinueOnError)
	var (
		file    = fs.String("model", "", "`file` of weights")
		recipe  = fs.String("recipe", "", "`name` of the recipe of the network (default: the one that the weights fit)")
		see     = normalise(fs)
		adapter = cli.Adapter(fs)
		top     = fs.Int("top", 3, "classes to print for each image")
		invert  = fs.Bool("invert", false, "invert the images: black becomes white")
		asJSON  = fs.Bool("json", false, "print JSON instead of a line for an image")
	)
	paths, err := cli.ParseArgs(fs, w, predictHelp, args)
	if err != nil {
		return err
	}
	switch {
	case len(paths) == 0:
		return cli.Usage(errors.New("want the files of one or more images"))
	case *top < 1:
		return cli.Usage(fmt.Errorf("-top is %d; want at least 1", *top))
	}
	m, err := readModel(*file, *recipe, *see)
	if err != nil {
		return err
	}
	if m.Values && !*asJSON {
		if out, err := nn.OutShape(m.Layers, m.In); err != nil || out.Len() > mostValues {
			return cmp.Or(err, fmt.Errorf("the network outputs %s, %d numbers for each image; -json prints them",
				out, out.Len()))
		}
	}
	dev, err := cli.Open(gpu.Options{Adapter: *adapter}, false)
	if err != nil {
		return err
	}
	defer dev.Close()
	batch := min(predictBatch, len(paths))
	p, err := nin.NewPredictor(dev, m, batch)
	if err != nil {
		return err
	}
	defer p.Close()
	show := predictionLines(w, m, paths)
	if *asJSON {
		var end func() error
		show, end = predictionJSON(w)
		defer func() { err = errors.Join(err, end()) }()
	}
	failed := 0
	for chunk := range slices.Chunk(paths, batch) {
		var read []prediction
		for _, path := range chunk {
			im, err := readImage(path, m.In.C, *invert)
			if err != nil && len(paths) == 1 {
				return err
			}
			if err != nil {
				failed++
				cli.Report(stderr, "nin: predict", err)
				continue
			}
			if err := p.Add(im); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			read = append(read, prediction{File: path, Inverted: m.LooksInverted(im)})
		}
		if err := run(p, m, read, *top); err != nil {
			return err
		}
		for i := range read {
			if err := show(read[i]); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d files could not be read", failed, len(paths))
	}
	return nil
}

// run predicts the images in added, and fills in the top classes or the numbers.
func run(p *nin.Predictor, m *nin.Model, added []prediction, top int) error {
	if m.Values {
		values, err := p.Values()
		for i := range values {
			added[i].Values = values[i]
		}
		return err
	}
	classes, err := p.Run()
	for i := range classes {
		added[i].Classes = classes[i][:min(top, len(classes[i]))]
	}
	return err
}

// mostValues is the largest number of values of an image that are printed on a line.
const mostValues = 16

// predictBatch is the number of images that run at a time: enough to fill a device, few
// enough that the first results come soon.
const predictBatch = 8

// prediction is the output for an image.
type prediction struct {
	File     string           `json:"file"`
	Inverted bool             `json:"looks_inverted,omitempty"`
	Classes  []nin.Prediction `json:"classes,omitempty"`
	Values   []float32        `json:"values,omitempty"` // if the outputs are numbers
}

// readImage reads an image file. If path is something else, such as a folder or a pipe, the
// error says what.
func readImage(path string, channels int, invert bool) (*data.Images, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && strings.Contains(path, "://"):
		return nil, fmt.Errorf("%s is an address on the net; want a file: download it first", path)
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s is a folder; want the files in it, such as %s/*.jpg", path,
			strings.TrimRight(path, `/\`))
	case err == nil && !info.Mode().IsRegular(): // reading a pipe could wait for ever
		kind := "a device"
		if info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
			kind = "a pipe"
		}
		return nil, fmt.Errorf("%s is %s; want a PNG, JPEG, GIF, WebP, BMP or TIFF file", path, kind)
	}
	im, err := data.ReadImage(path, channels)
	if err == nil && invert {
		for k, v := range im.Pixels {
			im.Pixels[k] = 255 - v
		}
	}
	return im, err
}

// predictionLines prints predictions as lines, in columns that are wide enough for all
// paths and classes.
func predictionLines(w io.Writer, m *nin.Model, paths []string) func(prediction) error {
	longest := func(names []string) (n int) {
		for _, name := range names {
			n = max(n, utf8.RuneCountInString(report.Printable(name)))
		}
		return n
	}
	file, class := longest(paths), longest(m.Classes)+len(" 0.123")
	return func(p prediction) error {
		cells := []string{fmt.Sprintf("%-*s", file, report.Printable(p.File))}
		for _, g := range p.Classes {
			cells = append(cells,
				fmt.Sprintf("%-*s", class, fmt.Sprintf("%s %.3f", report.Printable(g.Class), g.Probability)))
		}
		for _, v := range p.Values {
			cells = append(cells, fmt.Sprintf("%-11.5g", v))
		}
		if p.Inverted {
			cells = append(cells, fmt.Sprintf("looks like black on white, and %s is white on black: try -invert",
				m.Dataset))
		}
		_, err := fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "  "), " "))
		return err
	}
}

// predictionJSON prints predictions as the elements of a JSON array, which end closes.
func predictionJSON(w io.Writer) (show func(prediction) error, end func() error) {
	between := "[\n  "
	show = func(p prediction) error {
		text, err := json.MarshalIndent(p, "  ", "  ")
		if err == nil {
			_, err = fmt.Fprintf(w, "%s%s", between, text)
		}
		between = ",\n  "
		return err
	}
	end = func() error {
		closing := "\n]\n"
		if between[0] == '[' {
			closing = "[]\n"
		}
		_, err := fmt.Fprint(w, closing)
		return err
	}
	return show, end
}
