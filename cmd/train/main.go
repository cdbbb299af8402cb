// Command train trains a Network in Network on any GPU, or on the processor
// through a software Vulkan driver.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nn/data"
)

func main() {
	err := run(os.Args[1:])
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled): // said already
		os.Exit(130)
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

// usageError is a wrong flag.
type usageError struct{ error }

const help = `Train trains a Network in Network and leaves a run's files in -out:
metrics.jsonl (a line for each step and epoch), model.safetensors (PyTorch's
names; loads with load_state_dict) and checkpoint/ (from which -resume goes on,
to the same bits).

Usage: go run ./cmd/train [flags]

Recipes:
%s
Examples:
  go run ./cmd/train                                 the recipe that suits the adapter
  go run ./cmd/train -recipe d2l -steps 3            three steps of the chapter's run
  go run ./cmd/train -adapter cpu -epochs 1 -seed 7  on the processor, one epoch
  go run ./cmd/train -resume runs/mini-20260102-1504  go on with a run that stopped

Flags (without them, the recipe's setting):
`

func run(args []string) error {
	fs := flag.NewFlagSet("train", flag.ContinueOnError)
	fs.SetOutput(new(strings.Builder)) // errors are printed once, by main
	var over nin.Settings
	var (
		adapter = fs.String("adapter", "auto", "`name` of the adapter: auto, gpu, cpu, or part of a name")
		out     = fs.String("out", "", "`folder` for the run's files (default runs/RECIPE-TIME)")
		resume  = fs.String("resume", "", "go on with the run in this `folder`; every setting comes from the run")
		profile = fs.Bool("profile", false, "time each kernel with timestamps, and print a table at the end")
	)
	fs.StringVar(&over.Recipe, "recipe", "", "`name` of the recipe (default: d2l on a GPU, mini on a software adapter)")
	fs.StringVar(&over.Dataset, "dataset", "", "`name` of the dataset: "+strings.Join(data.Names(), ", "))
	fs.StringVar(&over.Data, "data", "", "`folder` with the dataset's files (default: $NIN_DATA, /usr/share/datasets/NAME, the user's cache, else a download)")
	fs.IntVar(&over.CheckpointEvery, "checkpoint-every", 0, "`steps` between checkpoints, besides those after each epoch and at the end (0: ten minutes)")
	fs.IntVar(&over.Epochs, "epochs", 0, "passes over the training images")
	fs.IntVar(&over.Steps, "steps", 0, "stop after so many steps (0: no limit)")
	fs.IntVar(&over.Batch, "batch", 0, "images in a batch")
	fs.Float64Var(&over.Rate, "lr", 0, "learning rate")
	fs.Float64Var(&over.Momentum, "momentum", 0, "momentum, 0 to 1")
	fs.Float64Var(&over.WeightDecay, "weight-decay", 0, "weight decay")
	fs.Float64Var(&over.Dropout, "dropout", 0, "probability of dropping a value")
	fs.Uint64Var(&over.Seed, "seed", 0, "seed of weights, order and dropout")
	fs.IntVar(&over.TrainImages, "train-images", 0, "use the first `N` training images (0: all)")
	fs.IntVar(&over.TestImages, "test-images", 0, "use the first `N` test images (0: all)")
	fs.BoolVar(&over.Shuffle, "shuffle", true, "a new order of the images each epoch")
	fs.StringVar(&over.Init, "init", "", "start from the weights in this safetensors `file`")
	fs.Usage = func() {}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			usage(fs)
			return err
		}
		return usageError{err}
	}
	if fs.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected argument %q; all settings are flags (see -help)", fs.Arg(0))}
	}

	// Everything that can be refused is refused before the device is opened.
	if over.Recipe != "" {
		if _, err := nin.Find(over.Recipe); err != nil {
			return usageError{err}
		}
	}
	base := nin.Recipes[0]
	if _, err := settings(base, over, fs); err != nil {
		return err
	}

	var from *nin.Checkpoint
	if *resume != "" {
		if err := onlyWithResume(fs); err != nil {
			return usageError{err}
		}
		var err error
		if from, err = nin.ReadCheckpoint(*resume); err != nil {
			return err
		}
	}

	dev, err := gpu.Open(gpu.Options{Adapter: *adapter})
	if err != nil {
		return err
	}
	defer dev.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	r, err := prepare(ctx, dev, from, over, fs, *resume, *out)
	if err != nil {
		return err
	}
	defer r.Close()
	if *profile {
		if err := dev.Profile(); err != nil {
			return err
		}
	}
	p := newProgress(os.Stdout, r, dev)
	p.header()
	for event, err := range r.Events(ctx) {
		if errors.Is(err, context.Canceled) {
			p.stopped()
		}
		if err != nil {
			p.clear()
			return err
		}
		p.show(event)
	}
	if *profile {
		nin.WriteProfile(os.Stdout, dev)
	}
	return nil
}

// onlyWithResume refuses flags that would change the run.
func onlyWithResume(fs *flag.FlagSet) (err error) {
	fs.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "resume", "adapter", "data", "profile":
		default:
			err = fmt.Errorf("-%s with -resume; every setting comes from the run", f.Name)
		}
	})
	return err
}

// prepare begins a run, or goes on with the one that from is of.
func prepare(ctx context.Context, dev *gpu.Device, from *nin.Checkpoint, over nin.Settings, fs *flag.FlagSet, resume, out string) (*nin.Run, error) {
	if from != nil {
		dir := from.Settings.Data
		if over.Data != "" {
			dir = over.Data
		}
		train, test, err := data.Load(ctx, from.Settings.Dataset, data.Options{Dir: dir, Progress: downloadProgress()})
		if err != nil {
			return nil, err
		}
		return nin.ResumeRun(dev, from, train, test, resume)
	}
	if over.Recipe == "" {
		over.Recipe = "d2l"
		if dev.Adapter().Class == gpu.Software {
			over.Recipe = "mini"
		}
	}
	recipe, err := nin.Find(over.Recipe)
	if err != nil {
		return nil, err
	}
	s, err := settings(recipe, over, fs)
	if err != nil {
		return nil, err
	}
	train, test, err := data.Load(ctx, s.Dataset, data.Options{Dir: s.Data, Progress: downloadProgress()})
	if err != nil {
		return nil, err
	}
	if out == "" {
		out = filepath.Join("runs", s.Recipe+"-"+time.Now().Format("20060102-150405"))
	}
	return nin.NewRun(dev, s, train, test, out)
}

// settings are the recipe's, with what was given on the command line.
func settings(r nin.Recipe, over nin.Settings, fs *flag.FlagSet) (nin.Settings, error) {
	s := r.Settings()
	fs.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "dataset":
			s.Dataset = over.Dataset
		case "data":
			s.Data = over.Data
		case "checkpoint-every":
			s.CheckpointEvery = over.CheckpointEvery
		case "epochs":
			s.Epochs = over.Epochs
		case "steps":
			s.Steps = over.Steps
		case "batch":
			s.Batch = over.Batch
		case "lr":
			s.Rate = over.Rate
		case "momentum":
			s.Momentum = over.Momentum
		case "weight-decay":
			s.WeightDecay = over.WeightDecay
		case "dropout":
			s.Dropout = over.Dropout
		case "seed":
			s.Seed = over.Seed
		case "train-images":
			s.TrainImages = over.TrainImages
		case "test-images":
			s.TestImages = over.TestImages
		case "shuffle":
			s.Shuffle = over.Shuffle
		case "init":
			s.Init = over.Init
		}
	})
	if err := s.Check(); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

func usage(fs *flag.FlagSet) {
	var recipes strings.Builder
	for _, r := range nin.Recipes {
		fmt.Fprintf(&recipes, "  %-8s %s\n", r.Name, r.About)
	}
	fmt.Printf(help, recipes.String())
	fs.SetOutput(os.Stdout)
	fs.PrintDefaults()
}
