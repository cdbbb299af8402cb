// Package runflags is the flags of the commands that train.
package runflags

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/run"
	"wgnin/nn/data"
	"wgnin/nn/data/download"
)

// defaults are the recipes without -recipe: of a GPU, and of a software adapter.
var defaults = [2]string{"d2l", "mini"}

// Flags are the flags of a run on a flag set.
type Flags struct {
	Adapter *string // for gpu.Options
	Profile bool

	fs          *flag.FlagSet
	recipe      string
	out, resume string
	from        *run.Checkpoint // of -resume
}

// New registers the flags of a run on fs.
func New(fs *flag.FlagSet) *Flags {
	f := &Flags{fs: fs, Adapter: cli.Adapter(fs)}
	fs.StringVar(&f.out, "out", "", "`folder` for the run's files (default runs/RECIPE-TIME)")
	fs.StringVar(&f.resume, "resume", "", "go on with the run in this `folder`; every setting comes from the run")
	fs.BoolVar(&f.Profile, "profile", false, "time each kernel with timestamps, and print a table at the end")
	fs.Func("recipe", "`name` of the recipe (default: d2l on a GPU, mini on a software adapter)", f.setRecipe)
	settings(fs, new(nin.Settings))
	return f
}

// settings registers a flag for each setting, whose default is its value in s.
func settings(fs *flag.FlagSet, s *nin.Settings) {
	fs.StringVar(&s.Dataset, "dataset", s.Dataset, "`name` of the dataset: "+strings.Join(data.Names(), ", "))
	fs.StringVar(&s.Data, "data", s.Data, "`folder` with the dataset's files; for the dataset folder, with a folder of PNG or JPEG images for each class (default: $NIN_DATA, /usr/share/datasets/NAME, the user's cache, else a download)")
	fs.TextVar(&s.CheckpointEvery, "checkpoint-every", s.CheckpointEvery, "`steps or time` between checkpoints, such as 500 or 90s, besides those after each epoch and at the end")
	fs.IntVar(&s.Epochs, "epochs", s.Epochs, "passes over the training images")
	fs.IntVar(&s.Steps, "steps", s.Steps, "stop after so many steps (0: no limit)")
	fs.IntVar(&s.Patience, "patience", s.Patience, "stop after so many `epochs` without a better test accuracy (0: never)")
	fs.IntVar(&s.Batch, "batch", s.Batch, "images in a batch")
	fs.Float64Var(&s.Rate, "lr", s.Rate, "learning rate")
	fs.Float64Var(&s.Momentum, "momentum", s.Momentum, "momentum, 0 to 1")
	fs.Float64Var(&s.WeightDecay, "weight-decay", s.WeightDecay, "weight decay")
	fs.Float64Var(&s.Dropout, "dropout", s.Dropout, "probability of dropping a value")
	fs.StringVar(&s.Augment, "augment", s.Augment, "vary the training images: crop (moved by up to an eighth), mirror (half of them swapped left to right), or crop,mirror (a `list`)")
	fs.BoolVar(&s.Whiten, "whiten", s.Whiten, "see images with their contrast normalised and ZCA-whitened, as the paper does; finding the whitening of CIFAR-10 takes minutes, once")
	fs.Uint64Var(&s.Seed, "seed", s.Seed, "seed of weights, order, augmentation and dropout")
	fs.IntVar(&s.TrainImages, "train-images", s.TrainImages, "use the first `N` training images (0: all)")
	fs.IntVar(&s.TestImages, "test-images", s.TestImages, "use the first `N` test images (0: all)")
	fs.BoolVar(&s.Shuffle, "shuffle", s.Shuffle, "a new order of the images each epoch; -shuffle=false keeps the files' order")
	fs.BoolVar(&s.TensorBoard, "tensorboard", s.TensorBoard, "write an event file for TensorBoard into the run's folder too")
	fs.Var((*onOff)(&s.Tune), "tune", "take the kernels that are measured to be the fastest on the adapter, once for each shape; -tune=off takes those that suit its kind")
	fs.StringVar(&s.Init, "init", s.Init, "start from the weights in this safetensors `file`")
}

// of is a flag set with the recipe's settings as defaults, and where it puts
// their values.
func of(r nin.Recipe) (*flag.FlagSet, *nin.Settings) {
	s := r.Settings()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	settings(fs, &s)
	return fs, &s
}

// setRecipe makes the recipe's settings the defaults that -help shows.
func (f *Flags) setRecipe(name string) error {
	r, err := nin.Find(name)
	if err != nil {
		return err
	}
	f.recipe = r.Name
	own, _ := of(r)
	own.VisitAll(func(g *flag.Flag) { f.fs.Lookup(g.Name).DefValue = g.DefValue })
	return nil
}

// Recipe is the name that -recipe gives; empty without one.
func (f *Flags) Recipe() string { return f.recipe }

// TestImages loads the images to look at a trained network with: those it was
// tested on, or those that the flags name.
func (f *Flags) TestImages(ctx context.Context, m *nin.Model) (*data.Images, error) {
	var s nin.Settings
	own := flag.NewFlagSet("", flag.ContinueOnError)
	s.Dataset = m.Dataset
	settings(own, &s)
	err := f.overlay(own)
	if err == nil {
		err = nin.CheckDataset(s.Dataset)
	}
	if err == nil && s.TestImages < 0 {
		err = fmt.Errorf("-test-images is %d; want 0 (all) or more", s.TestImages)
	}
	if err != nil {
		return nil, cli.Usage(err)
	}
	_, test, err := Load(ctx, m.Recipe, s.Dataset, s.Data)
	if err != nil {
		return nil, err
	}
	return test.First(s.TestImages), nil
}

// Settings are the recipe's, with what was given on the command line.
func (f *Flags) Settings(r nin.Recipe) (nin.Settings, error) {
	own, s := of(r)
	err := f.overlay(own)
	if err == nil {
		err = s.Check()
	}
	return *s, cli.Usage(err)
}

// overlay sets in own what was given on the command line.
func (f *Flags) overlay(own *flag.FlagSet) (err error) {
	f.fs.Visit(func(g *flag.Flag) {
		if own.Lookup(g.Name) != nil && err == nil {
			if err = own.Set(g.Name, g.Value.String()); err != nil {
				err = fmt.Errorf("-%s: %w", g.Name, err)
			}
		}
	})
	return err
}

// Check refuses what can be refused before a device is opened: settings that no
// run can have, those that would change a run that is resumed, a checkpoint that
// cannot be read. It is called once, after the flags are parsed.
func (f *Flags) Check() error {
	if f.resume == "" {
		names := defaults[:]
		if f.recipe != "" {
			names = []string{f.recipe}
		}
		var err error
		for _, name := range names { // some device may take the one that does
			r, _ := nin.Find(name) // found before
			if _, err = f.Settings(r); err == nil {
				return nil
			}
		}
		return err
	}
	var err error
	f.fs.Visit(func(g *flag.Flag) {
		if f.ofRun(g.Name) && g.Name != "resume" && g.Name != "data" { // the images may have moved
			err = fmt.Errorf("-%s with -resume; every setting comes from the run", g.Name)
		}
	})
	if err != nil {
		return cli.Usage(err)
	}
	f.from, err = run.ReadCheckpoint(f.resume)
	return err
}

// Open begins the run that the flags describe, or goes on with the one that
// -resume names. Without -recipe it is d2l on a GPU and mini on a software
// adapter.
func (f *Flags) Open(ctx context.Context, dev *gpu.Device) (*run.Run, error) {
	if f.from != nil {
		s := f.from.Settings
		if g := f.fs.Lookup("data"); g.Value.String() != "" {
			s.Data = g.Value.String()
		}
		recipe, err := nin.Find(s.Recipe)
		if err != nil {
			return nil, err
		}
		train, test, err := Load(ctx, recipe, s.Dataset, s.Data) // the run has its whitening
		if err != nil {
			return nil, err
		}
		return run.Resume(ctx, dev, f.from, train, test, f.resume)
	}
	name := f.recipe
	if name == "" {
		name = defaults[0]
		if dev.Adapter().Class == gpu.Software {
			name = defaults[1]
		}
	}
	recipe, err := nin.Find(name)
	if err != nil {
		return nil, err
	}
	s, err := f.Settings(recipe)
	if err != nil {
		return nil, err
	}
	opt := options(recipe, s.Data)
	train, test, err := data.Load(ctx, s.Dataset, opt)
	if err != nil {
		return nil, err
	}
	var w *data.Whitening
	if s.Whiten {
		if w, err = data.FindWhitening(ctx, train, opt); err != nil {
			return nil, err
		}
	}
	dir := f.out
	if dir == "" {
		dir = filepath.Join("runs", s.Recipe+"-"+time.Now().Format("20060102-150405"))
	}
	return run.New(ctx, dev, s, w, train, test, dir)
}

// Resume are arguments that go on with the run in dir, on the adapter of that
// name and otherwise in the manner that the command line asks for.
func (f *Flags) Resume(dir, adapter string) []string {
	args := []string{"-resume=" + dir, "-adapter=" + adapter}
	f.fs.Visit(func(g *flag.Flag) {
		if g.Name == "data" || g.Name != "adapter" && !f.ofRun(g.Name) {
			args = append(args, "-"+g.Name+"="+g.Value.String())
		}
	})
	return args
}

// ofRun says that a run has its own value of the flag, which -resume takes.
func (f *Flags) ofRun(name string) bool {
	own, _ := of(nin.Recipes[0])
	return name == "recipe" || name == "out" || name == "resume" || own.Lookup(name) != nil
}

// Load reads a dataset from dir, or from where [data.Load] finds it, for the
// recipe's network, and prints to stderr how far it is.
func Load(ctx context.Context, r nin.Recipe, dataset, dir string) (train, test *data.Images, err error) {
	return data.Load(ctx, dataset, options(r, dir))
}

// options are for loading images for the recipe's network. They print to stderr how far
// that is.
func options(r nin.Recipe, dir string) data.Options {
	shown := time.Now()
	return data.Options{Dir: dir, Fetch: download.Files, H: r.In.H, W: r.In.W, Progress: func(p data.Progress) {
		if time.Since(shown) < time.Second {
			return
		}
		shown = time.Now()
		fmt.Fprintf(os.Stderr, "%s: %d of %d %s\n", p.Doing, p.Done, p.Total, p.Unit)
	}}
}

// Recipes are the lines of -help that say what recipes there are.
func Recipes() string {
	var b strings.Builder
	for _, r := range nin.Recipes {
		fmt.Fprintf(&b, "  %-8s %s\n", r.Name, r.About)
	}
	return b.String()
}

// onOff is a flag that is also said as -x=on and -x=off.
type onOff bool

func (o *onOff) IsBoolFlag() bool { return true }

func (o *onOff) String() string {
	if *o {
		return "on"
	}
	return "off"
}

func (o *onOff) Set(s string) error {
	switch s {
	case "on", "true":
		*o = true
	case "off", "false":
		*o = false
	default:
		return errors.New("want on or off")
	}
	return nil
}
