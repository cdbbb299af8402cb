package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nn/data"
)

const evalHelp = `Eval measures a trained network on the test images of a dataset: accuracy (the share
of the images), mean cross-entropy, precision and recall of each class, and the
confusion matrix, as text and with -png as a picture.

For a folder of pictures (-dataset folder -data DIR), it takes the pictures in DIR/test
(or val, valid). If the folder has no such split, it takes all of them, or with -split
only those that train keeps for the test: each sixth of a class. Use -split for the
folder that the network was trained on. Each picture becomes grey or coloured as in
predict.

The file of weights is a run's model.safetensors, one of its checkpoints, or a file that
PyTorch, Flax, Keras or MXNet saved as safetensors. A file that this program wrote
describes its network. For any other file, the network is that of the recipe that the
names and shapes of the weights fit, or of -recipe. If that recipe normalises by the
training images, -normalise has to give the numbers, because the file does not.

Usage: go run ./cmd/nin eval -model FILE [flags]

Examples:
  go run ./cmd/nin eval -model runs/mini-20260102-150405/model.safetensors
  go run ./cmd/nin eval -model model.safetensors -test-images 1000 -png confusion.png
  go run ./cmd/nin eval -model model.safetensors -dataset folder -data pictures -split

Flags:
`

func eval(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("eval", flag.ContinueOnError)
	var (
		file    = fs.String("model", "", "`file` of weights")
		recipe  = fs.String("recipe", "", "`name` of the recipe of the network (default: the one that the weights fit)")
		see     = normalise(fs)
		adapter = cli.Adapter(fs)
		dataset = fs.String("dataset", "", "`name` of the dataset: "+strings.Join(data.Names(),
			", ")+" (default: the one that the network was trained on)")
		dir   = fs.String("data", "", "`folder` with the dataset's files (default: where cmd/train looks)")
		split = fs.Bool("split", false,
			"with -dataset folder: take only each sixth picture of a class if the folder has no split, as train does")
		skipBad = fs.Bool("skip-bad", false,
			"with -dataset folder: leave out the pictures that cannot be read, and name them")
		count  = fs.Int("test-images", 0, "use the first `N` test images (0: all)")
		batch  = fs.Int("batch", 128, "images at a time")
		png    = fs.String("png", "", "draw the confusion matrix in this `file`")
		asJSON = fs.Bool("json", false, "print JSON instead of tables")
	)
	if err := cli.Parse(fs, w, evalHelp, args); err != nil {
		return err
	}
	switch {
	case *count < 0:
		return cli.Usage(fmt.Errorf("-test-images is %d; want 0 (all) or more", *count))
	case *batch < 1 || *batch > 1e6:
		return cli.Usage(fmt.Errorf("-batch is %d; want 1 to 1000000", *batch))
	}
	m, err := readModel(*file, *recipe, *see)
	if err != nil {
		return err
	}
	if err := m.Classifier(); err != nil {
		return fmt.Errorf("%s: %w; predict prints the numbers", *file, err)
	}
	if *dataset == "" {
		*dataset = m.Dataset
	}
	if err := cmp.Or(nin.CheckDataset(*dataset), nin.CheckSkipBad(*dataset, *skipBad)); err != nil {
		return cli.Usage(err)
	}
	if *split && *dataset != "folder" {
		return cli.Usage(fmt.Errorf("-split is for the dataset folder; %s has test images of its own", *dataset))
	}
	if err := cli.File("png", *png, ".png"); err != nil {
		return err
	}
	if err := report.CheckPicture(len(m.Classes)); err != nil && *png != "" {
		return cli.Usage(fmt.Errorf("-png: %w; -json has room for all", err))
	}
	ctx := context.Background()
	_, test, err := data.Load(ctx, *dataset,
		runflags.Options(m.In, data.LoadOptions{Dir: *dir, C: m.In.C, OnlyTest: true, HeldOut: *split,
			SkipBad: *skipBad}))
	if err != nil {
		return err
	}
	dev, err := cli.Open(gpu.Options{Adapter: *adapter}, false)
	if err != nil {
		return err
	}
	defer dev.Close()
	test = test.First(*count)
	progress, clear := counter(os.Stderr, test.Len())
	e, err := report.Evaluate(ctx, dev, m, test, *batch, progress)
	clear()
	if err != nil {
		return fmt.Errorf("%s on %s: %w", *file, *dataset, err)
	}
	if *png != "" {
		if err := e.WritePNG(*png); err != nil {
			return err
		}
	}
	if *asJSON {
		return writeJSON(w, e)
	}
	return e.Write(w)
}

// normalise is the flag for what images are to a network whose file does not say it.
func normalise(fs *flag.FlagSet) *string {
	return fs.String("normalise", "",
		"`how` to normalise the images of a network whose file does not record it, such as PyTorch's: unit, imagenet, or numbers such as 0.485,0.456,0.406/0.229,0.224,0.225 (default: the recipe's)")
}

// readModel reads the -model of a command, with its -recipe and -normalise, which may be empty.
func readModel(file, recipe, see string) (*nin.Model, error) {
	if file == "" {
		return nil, cli.Usage(errors.New("want -model FILE, such as runs/mini-20260102-150405/model.safetensors"))
	}
	if recipe != "" {
		if _, err := nin.Find(recipe); err != nil {
			return nil, cli.Usage(err)
		}
	}
	m, err := nin.ReadModel(file, recipe)
	if err == nil && see != "" {
		err = cli.Usage(m.Normalise(see))
	}
	return m, err
}

// counter shows on a terminal how many of n are done, on a line that clear
// removes.
func counter(f *os.File, n int) (progress func(done int), clear func()) {
	if !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	return func(done int) { fmt.Fprintf(f, "\r\x1b[K%d of %d images", done, n) }, func() { fmt.Fprint(f, "\r\x1b[K") }
}
