package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/study"
	"wgnin/nn/data"
)

const studyHelp = `Study answers an exercise of the chapter with an experiment: it trains variants of the
small network (recipe mini) on the same images, in the same order, with the same seeds.
It writes study-N.md, with accuracy, speed, parameters and memory of each variant, and
the plot study-N.png.

%s
-budget bounds the time. Each variant is measured first; then all are trained for as
many steps as the budget allows, up to those of the recipe. On two cores the measuring
takes about a minute, and a budget that is too small is refused after it.

Usage: go run ./cmd/nin study N [flags]

Examples:
  go run ./cmd/nin study 1
  go run ./cmd/nin study 6 -budget 1h -seeds 5 -out studies

Flags:
`

func experiment(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("study", flag.ContinueOnError)
	var (
		budget  = fs.Duration("budget", 10*time.Minute, "`time` for the whole study")
		seeds   = fs.Int("seeds", 3, "trainings of each variant")
		adapter = cli.Adapter(fs)
		dataset = fs.String("dataset", "fashion-mnist", "`name` of the dataset: "+strings.Join(data.Names(), ", "))
		skipBad = fs.Bool("skip-bad", false,
			"with -dataset folder: leave out the pictures that cannot be read, and name them")
		dir   = fs.String("data", "", "`folder` with the dataset's files (default: where cmd/train looks)")
		train = fs.Int("train-images", 0, "use the first `N` training images (0: all)")
		test  = fs.Int("test-images", 0, "use at most the first `N` test images (0: all)")
		out   = fs.String("out", ".", "`folder` for the report and the plot")
	)
	var exercises strings.Builder
	for n := 1; n <= 6; n++ {
		title := "What does the network cost? (go run ./cmd/nin cost)"
		if s, err := study.Find(n); err == nil {
			title = s.Title
		}
		fmt.Fprintf(&exercises, "  %d  %s\n", n, title)
	}
	rest, err := cli.ParseArgs(fs, w, fmt.Sprintf(studyHelp, exercises.String()), args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return cli.Usage(errors.New("want one exercise, 1 to 6"))
	}
	n, err := strconv.Atoi(rest[0])
	if err != nil {
		return cli.Usage(fmt.Errorf("%q is not an exercise; the chapter's are 1 to 6", rest[0]))
	}
	s, err := study.Find(n)
	if err != nil {
		return cli.Usage(err)
	}
	if err := cmp.Or(nin.CheckDataset(*dataset), nin.CheckSkipBad(*dataset, *skipBad)); err != nil {
		return cli.Usage(err)
	}
	switch {
	case *budget <= 0:
		return cli.Usage(fmt.Errorf("-budget is %v; want a time such as 10m", *budget))
	case *seeds < 1 || *seeds > 1000:
		return cli.Usage(fmt.Errorf("-seeds is %d; want 1 to 1000", *seeds))
	case *train < 0 || *test < 0:
		return cli.Usage(fmt.Errorf("-train-images is %d and -test-images %d; want 0 (all) or more", *train, *test))
	}
	ctx := cli.Interruptible("nothing is written")
	recipe, err := nin.Find("mini")
	if err != nil {
		return err
	}
	trains, tests, err := data.Load(ctx, *dataset,
		runflags.Options(recipe.In, data.LoadOptions{Dir: *dir, SkipBad: *skipBad}))
	if err != nil {
		return err
	}
	dev, err := cli.Open(gpu.Options{Adapter: *adapter}, false)
	if err != nil {
		return err
	}
	defer dev.Close()
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("-out: %w", err)
	}
	fmt.Fprintf(w, "exercise %d: %s\nadapter  %s\n", s.Exercise, s.Title, dev.Adapter())
	result, err := study.Answer(ctx, dev, s, study.Conditions{
		Budget: *budget, Seeds: *seeds, Train: trains.First(*train), Test: tests.First(*test), Log: w,
		Command: "go run ./cmd/nin study " + strings.Join(args, " "),
	})
	if err != nil {
		return runflags.Usage(fs, err)
	}
	path, err := result.WriteFiles(*out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "report   %s\n", path)
	return err
}
