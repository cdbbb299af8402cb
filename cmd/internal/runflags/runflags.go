// Package runflags defines the flags of the commands that train.
package runflags

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/run"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/data/download"
)

// defaults are the recipes used without -recipe: on a GPU, and on a software adapter.
var defaults = [2]string{"d2l", "mini"}

// ownPictures is the recipe used without -recipe for the dataset folder.
const ownPictures = "photos"

// Flags holds the values of the flags of a run.
type Flags struct {
	Adapter *string // for gpu.Options
	Profile bool
	Ranks   nn.Ranks // of the run, set before Check; nil means a single process

	fs          *flag.FlagSet
	given       nin.Settings // given by flags
	recipe      string
	out, resume string
	from        *run.Checkpoint // that -resume names
}

// DefaultRecipe returns the name of the recipe that trains on dev if none is named. If dataset is
// empty, the recipe chooses the dataset.
func DefaultRecipe(dev *gpu.Device, dataset string) string {
	switch {
	case dataset == "folder":
		return ownPictures
	case dev.Adapter().Class == gpu.Software:
		return defaults[1]
	}
	return defaults[0]
}

// New registers the flags of a run on fs.
func New(fs *flag.FlagSet) *Flags {
	f := &Flags{fs: fs, Adapter: cli.Adapter(fs)}
	fs.StringVar(&f.out, "out", "", "`folder` for the run's files (default runs/RECIPE-TIME)")
	fs.StringVar(&f.resume, "resume", "", "continue the run in this `folder`; every setting comes from the run")
	fs.BoolVar(&f.Profile, "profile", false, "time each kernel with timestamps, and print a table at the end")
	fs.Func("recipe",
		"`name` of the recipe (default: photos with -dataset folder; otherwise d2l on a GPU and mini on a software adapter)", f.setRecipe)
	register(fs, &f.given)
	return f
}

// setRecipe makes the recipe's settings the defaults that -help shows.
func (f *Flags) setRecipe(name string) error {
	r, err := nin.Find(name)
	if err != nil {
		return err
	}
	f.recipe = r.Name
	own, s := flag.NewFlagSet("", flag.ContinueOnError), r.Settings()
	register(own, &s)
	own.VisitAll(func(g *flag.Flag) { f.fs.Lookup(g.Name).DefValue = g.DefValue })
	return nil
}

// Recipe returns the name that -recipe gives, or "" without it.
func (f *Flags) Recipe() string { return f.recipe }

// TestImages loads the images with which to look at a trained network: those that it was tested on,
// or those that the flags name.
func (f *Flags) TestImages(ctx context.Context, m *nin.Model) (*data.Images, error) {
	s := f.Settings(nin.Settings{Dataset: m.Dataset})
	err := nin.CheckDataset(s.Dataset)
	if err == nil && s.TestImages < 0 {
		err = nn.RangeError{Setting: "TestImages", Value: s.TestImages, Want: "0 (all) or more"}
	}
	if err != nil {
		return nil, cli.Usage(err)
	}
	opt := f.options(m.In, s)
	opt.C = m.In.C
	_, test, err := data.Load(ctx, s.Dataset, opt)
	if err != nil {
		return nil, err
	}
	return test.First(s.TestImages), nil
}

// A recipe's rate, momentum and weight decay suit its optimizer. These replace them if a flag
// chooses an optimizer of the other kind: for Adam and AdamW, which have no momentum, PyTorch's
// default rate; for SGD, the settings of mini, the recipe that was tuned for it.
const (
	adamRate    = 0.001
	sgdRate     = 0.05
	sgdMomentum = 0.9
	sgdDecay    = 1e-4
)

// replacements describes for -help what [Flags.Settings] does with them.
var replacements = fmt.Sprintf("adam and adamw -lr %v, sgd -lr %v -momentum %v -weight-decay %v", adamRate, sgdRate,
	sgdMomentum, sgdDecay)

// Settings returns s, such as a recipe's settings, with the changes that the flags ask for.
func (f *Flags) Settings(s nin.Settings) nin.Settings {
	switch was, is := isAdam(s.Optimizer), isAdam(f.given.Optimizer); {
	case is && !was:
		s.Rate, s.Momentum = adamRate, 0
	case was && f.given.Optimizer == nn.SGD:
		s.Rate, s.Momentum, s.WeightDecay = sgdRate, sgdMomentum, sgdDecay
	}
	f.fs.Visit(func(g *flag.Flag) {
		if o, ok := overridden(g.Name); ok {
			o.in(&s).Set(o.in(&f.given))
		}
	})
	return s
}

func isAdam(optimizer string) bool { return optimizer == nn.Adam || optimizer == nn.AdamW }

// check returns an error for settings that no run can have, and for flags that have no effect with
// the others.
func (f *Flags) check(s nin.Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	recipe, err := nin.Find(s.Recipe)
	f.fs.Visit(func(g *flag.Flag) {
		switch {
		case g.Name == "momentum" && isAdam(s.Optimizer) && s.Momentum != 0:
			err = fmt.Errorf("-momentum does nothing with the optimizer %s, which has betas of 0.9 and 0.999; leave it out, or use -optimizer sgd",
				s.Optimizer)
		case g.Name == "dropout" && s.Net != "":
			err = errors.New("-dropout does nothing with -net; put it into the network, such as dropout 0.5")
		case g.Name == "dropout" && s.Dropout != 0 && recipe.Dropout == 0:
			err = fmt.Errorf("-dropout does nothing with %s, whose network has no dropout; leave it out, or put it into your own network with -net",
				s.Recipe)
		}
	})
	return err
}

// Check finds the errors that need no device: settings that no run can have, settings that would
// change a resumed run, and a checkpoint that cannot be read. Call it once, after parsing the
// flags.
func (f *Flags) Check() error {
	if f.resume == "" {
		names := defaults[:]
		switch {
		case f.recipe != "":
			names = []string{f.recipe}
		case f.given.Dataset == "folder":
			names = []string{ownPictures}
		}
		var err error
		for _, name := range names { // one that passes is enough: the device chooses later
			r, _ := nin.Find(name) // it exists
			if err = f.check(f.Settings(r.Settings())); err == nil {
				break
			}
		}
		return nn.Common(f.Ranks, cli.Usage(err))
	}
	var err error
	f.fs.Visit(func(g *flag.Flag) {
		if f.ofRun(g.Name) && g.Name != "resume" && g.Name != "data" { // the images may have moved
			err = fmt.Errorf("-%s with -resume; every setting comes from the run", g.Name)
			if g.Name == "epochs" || g.Name == "steps" { // the learning rate of each step depends on them
				err = fmt.Errorf("%w; to train longer, begin a new run from its weights: -init %s -%s %s",
					err, cli.Quote(filepath.Join(f.resume, "model.safetensors")), g.Name, g.Value)
			}
		}
	})
	if err = nn.Common(f.Ranks, cli.Usage(err)); err != nil {
		return err
	}
	f.from, err = run.ReadCheckpointAcross(f.Ranks, f.resume)
	return err
}

// Open begins the run that the flags describe, or continues the one that -resume names. Without
// -recipe, [DefaultRecipe] chooses the recipe.
func (f *Flags) Open(ctx context.Context, dev *gpu.Device) (*run.Run, error) {
	if f.from != nil {
		s := f.from.Settings
		if f.given.Data != "" {
			s.Data = f.given.Data
		}
		if err := absolute(&s); err != nil {
			return nil, err
		}
		f.from.Settings.Data = s.Data
		recipe, err := nin.RecipeOf(s)
		if err != nil { // such as a recipe that another program defines
			return nil, fmt.Errorf("%s: %w", f.resume, err)
		}
		train, test, err := data.Load(ctx, s.Dataset, f.options(recipe.In, s)) // the run's folder has the whitening
		if err != nil {
			return nil, err
		}
		return run.ResumeAcross(ctx, dev, f.Ranks, f.from, train, test, f.resume)
	}
	recipe, err := nin.Find(cmp.Or(f.recipe, DefaultRecipe(dev, f.given.Dataset)))
	if err != nil {
		return nil, err
	}
	s := f.Settings(recipe.Settings())
	if err := f.check(s); err != nil {
		return nil, cli.Usage(err)
	}
	if recipe, err = nin.RecipeOf(s); err != nil {
		return nil, err
	}
	if err := absolute(&s); err != nil {
		return nil, err
	}
	var w *data.Whitening // taken from -init, or nil
	note := ""
	if s.Init != "" && s.Freeze != "" && !f.gives("normalise", "whiten") {
		was := s
		if s, w, err = s.LikeInit(); err != nil {
			return nil, err
		}
		if s != was || w != nil {
			how := map[bool]string{true: "whitening", false: cmp.Or(s.Normalise, nin.Unit)}[s.Whiten]
			note = fmt.Sprintf("images are normalised by %s of %s, which the frozen layers come from", how, s.Init)
		}
	}
	opt := f.options(recipe.In, s)
	train, test, err := data.Load(ctx, s.Dataset, opt)
	if err != nil {
		return nil, err
	}
	if note != "" {
		if w != nil {
			err = w.For(train.C, recipe.In.H, recipe.In.W)
		} else {
			_, err = s.Normalisation(train)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", note, err)
		}
	}
	if s.Whiten && w == nil {
		if w, err = data.FindWhitening(ctx, train, opt); err != nil {
			return nil, err
		}
	}
	begin := func(dir string) (*run.Run, error) {
		r, err := run.NewAcross(ctx, dev, f.Ranks, s, w, train, test, dir)
		if err == nil && note != "" {
			r.AddNote(note)
		}
		return r, Usage(f.fs, err)
	}
	if f.out != "" {
		return begin(f.out)
	}
	name, err := nn.Share(f.Ranks, func() ([]byte, error) { // the clocks of two machines differ
		return []byte(s.Recipe + "-" + time.Now().Format("20060102-150405")), nil
	})
	if err != nil {
		return nil, err
	}
	dir := filepath.Join("runs", string(name))
	r, err := begin(dir)
	// another run began in the same second
	for n := 2; f.Ranks == nil && (errors.Is(err, run.ErrExists) || errors.Is(err, run.ErrBusy)); n++ {
		r, err = begin(fmt.Sprintf("%s-%d", dir, n))
	}
	return r, err
}

// gives reports whether one of the flags was given.
func (f *Flags) gives(flags ...string) (given bool) {
	f.fs.Visit(func(g *flag.Flag) { given = given || slices.Contains(flags, g.Name) })
	return given
}

// absolute makes the paths in the settings absolute, so that the run can be resumed from any
// folder.
func absolute(s *nin.Settings) (err error) {
	for _, path := range []*string{&s.Data, &s.Init} {
		if *path != "" && err == nil {
			*path, err = filepath.Abs(*path)
		}
	}
	return err
}

// Resume returns arguments that resume the run in dir on adapter a. They repeat the flags of
// this command line that a resumed run accepts.
func (f *Flags) Resume(dir string, a gpu.Adapter) []string {
	args := []string{"-resume=" + dir, "-adapter=" + a.ID()}
	f.fs.Visit(func(g *flag.Flag) {
		if g.Name == "data" || g.Name != "adapter" && !f.ofRun(g.Name) {
			args = append(args, "-"+g.Name+"="+g.Value.String())
		}
	})
	return args
}

// ofRun reports whether the flag belongs to the run, so that -resume takes its value from there.
func (f *Flags) ofRun(name string) bool {
	_, ok := overridden(name)
	return ok || name == "recipe" || name == "out" || name == "resume"
}

// options returns how to load the images for a network with inputs of shape in. With -quiet,
// loading prints no notes.
func (f *Flags) options(in nn.Shape, s nin.Settings) data.LoadOptions {
	opt := Options(in, data.LoadOptions{Dir: s.Data, SkipBad: s.SkipBad})
	if quiet := f.fs.Lookup("quiet"); quiet != nil && quiet.Value.String() == "true" {
		opt.Note = nil
	}
	return opt
}

// Options completes opt for a network with inputs of shape in: it sets the download and the size of
// the images, and lets [data.Load] print notes and progress to stderr.
func Options(in nn.Shape, opt data.LoadOptions) data.LoadOptions {
	shown := time.Now()
	opt.Fetch, opt.H, opt.W = download.Files, in.H, in.W
	opt.Note = func(line string) { fmt.Fprintln(os.Stderr, cli.Line(line)) }
	opt.Progress = func(p data.LoadProgress) {
		if time.Since(shown) < time.Second {
			return
		}
		shown = time.Now()
		fmt.Fprintf(os.Stderr, "%s: %d of %d %s\n", p.Doing, p.Done, p.Total, p.Unit)
	}
	return opt
}

// Recipes returns the lines of -help that list the recipes.
func Recipes() string {
	var b strings.Builder
	for _, r := range nin.Recipes {
		fmt.Fprintf(&b, "  %-20s %s\n", r.Name, r.About)
	}
	return b.String()
}
