// Package study answers the chapter's exercises with experiments: [Answer] trains the variants of a
// [Study] on the same images with the same seeds, and the [Findings] write a report and a plot. The
// file nin/study/example_test.go has this program:
//
//	package main
//
//	import (
//		"context"
//		"fmt"
//		"log"
//		"os"
//		"time"
//
//		"wgnin/gpu"
//		"wgnin/nin/study"
//		"wgnin/nn/data"
//		"wgnin/nn/data/download"
//	)
//
//	// The chapter's first exercise, in ten minutes.
//	func main() {
//		ctx := context.Background()
//		dev, err := gpu.Open(gpu.Options{})
//		must(err)
//		defer dev.Close()
//		train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Fetch: download.Files})
//		must(err)
//		exercise, err := study.Find(1)
//		must(err)
//		findings, err := study.Answer(ctx, dev, exercise, study.Conditions{
//			Budget: 10 * time.Minute, Seeds: 3, Train: train, Test: test, Log: os.Stderr,
//		})
//		must(err)
//		report, err := findings.WriteFiles(".") // study-1.md and study-1.png
//		must(err)
//		fmt.Println(report)
//	}
//
//	func must(err error) {
//		if err != nil {
//			log.Fatal(err)
//		}
//	}
package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/data"
)

// Study is an exercise of the chapter as an experiment: variants of the network that are trained
// alike. The others are compared with the first.
type Study struct {
	Exercise int
	Title    string
	Question string
	Rate     float64 // learning rate; 0 means 0.025
	Networks []Network
}

// Network is one of the networks of a [Study].
type Network struct {
	Name  string
	About string
	Net   func(classes int, dropout float64) nn.Sequential
}

// Find returns the study of an exercise. It returns an error if the exercise has none.
func Find(exercise int) (Study, error) {
	for _, s := range Studies {
		if s.Exercise == exercise {
			return s, nil
		}
	}
	if exercise == 4 {
		return Study{}, errors.New("exercise 4 needs no experiment: go run ./cmd/nin cost")
	}
	return Study{}, fmt.Errorf("there is no exercise %d; the chapter's are 1 to 6", exercise)
}

// Conditions say how much to train.
type Conditions struct {
	Budget      time.Duration // for the whole study; it determines the number of steps of a training
	Seeds       int           // trainings of each variant, from seeds 0, 1, ...
	Train, Test *data.Images
	Log         io.Writer // gets a line for each thing done
	Command     string    // command line of the study, for the report
}

// Findings is what a study found.
type Findings struct {
	Study
	Adapter string
	Command string
	Took    time.Duration
	Dataset string
	Classes int // of the images

	Batch       int
	Rate        float64 // learning rate
	Steps       int     // of each training
	TrainImages int     // available; a training of less than an epoch sees the first ones of a new order
	TestImages  int
	Seeds       int // that fitted the budget

	Results []NetworkResult // one for each variant
}

// NetworkResult is the result of one variant.
type NetworkResult struct {
	Cost     report.Cost
	Accuracy []float64   // 0 to 1, on the test images, for each seed that did not diverge
	Diverged int         // trainings that ended with [nn.ErrDiverged]
	Guessing int         // trainings that have an accuracy, although their loss stayed at that of a guess
	Loss     []float64   // training loss, the mean over the seeds and over Steps/len(Loss) steps
	Rate     float64     // images per second in training, the median of the seeds
	losses   [][]float64 // by seed
	rates    []float64
}

const (
	// studyRate is half of mini's rate, at which the deeper variants died.
	studyRate = 0.025

	minSteps     = 20  // fewer teach nothing
	lossBins     = 50  // points of a curve
	testShare    = 0.2 // of the time of a training, the largest share for its test
	plannedShare = 0.9 // of the budget, the share to plan with, because rates fall when cores get warm
)

// underway is a study under way.
type underway struct {
	Conditions
	dev    *gpu.Device
	begun  time.Time
	recipe nin.Recipe
	result Findings
}

// Answer trains each variant with each seed, on the same images in the same order, with the same
// learning rate (the study's, with mini's cosine over the steps) and the same number of steps. It
// measures the training rates, and derives the number of steps from the budget. If a seed no longer
// fits the budget, Answer leaves it out for all variants. It returns an [nn.RangeError] if the
// budget is too short for a useful training.
func Answer(ctx context.Context, dev *gpu.Device, s Study, o Conditions) (Findings, error) {
	recipe, err := nin.Find("mini")
	if err != nil {
		return Findings{}, err
	}
	if o.Seeds < 1 || o.Budget <= 0 {
		return Findings{}, fmt.Errorf("the budget is %v for %d seeds; want more than 0 of both", o.Budget, o.Seeds)
	}
	recipe.In.C = o.Train.C
	recipe.Rate = cmp.Or(s.Rate, studyRate)
	r := underway{Conditions: o, dev: dev, begun: time.Now(), recipe: recipe}
	r.result = Findings{
		Study: s, Adapter: dev.Adapter().String(), Command: o.Command, Dataset: o.Train.Name,
		Classes: len(o.Train.Classes),
		Batch:   min(recipe.Batch, o.Train.Len()), Rate: recipe.Rate, TrainImages: o.Train.Len(),
		Results: make([]NetworkResult, len(s.Networks)),
	}
	round, err := r.plan(ctx)
	if err != nil {
		return Findings{}, err
	}
	within, cancel := context.WithDeadline(ctx, r.begun.Add(o.Budget))
	defer cancel()
	for seed := range o.Seeds {
		if left := o.Budget - time.Since(r.begun); seed > 0 && round > left {
			fmt.Fprintf(o.Log, "seed %d would take %v and %v of the budget are left: it is left out\n", seed,
				rounded(round), rounded(left))
			break
		}
		if seed == 1 { // the first seed must finish, and was planned to take only a part of the budget
			ctx = within
		}
		start, before := time.Now(), slices.Clone(r.result.Results)
		err := r.trainAll(ctx, uint64(seed))
		if errors.Is(err, context.DeadlineExceeded) {
			fmt.Fprintf(o.Log, "seed %d does not fit the budget: it is left out\n", seed)
			r.result.Results = before
			break
		}
		if err != nil {
			return Findings{}, err
		}
		round = time.Since(start)
		r.result.Seeds++
	}
	for i := range r.result.Results {
		v := &r.result.Results[i]
		v.Rate = session.Median(v.rates)
		v.Loss = means(v.losses)
	}
	r.result.Took = time.Since(r.begun)
	for _, line := range r.result.notLearned() {
		fmt.Fprintln(o.Log, line)
	}
	return r.result, nil
}

// assemble prepares a training of variant i.
func (r *underway) assemble(ctx context.Context, i, steps, tests int, seed uint64) (*session.Session, error) {
	recipe := r.recipe
	recipe.Net = r.result.Networks[i].Net
	s := recipe.Settings()
	s.Dataset, s.Seed, s.Steps, s.TestImages = r.Train.Name, seed, steps, tests
	s.Epochs = (steps*s.Batch-1)/r.Train.Len() + 1
	on, err := session.Training(ctx, r.dev, nil, recipe, s, session.Found{}, nil, r.Train, r.Test)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.result.Networks[i].Name, err)
	}
	if err := on.Net.Init(recipe.Init, seed); err != nil {
		on.Close()
		return nil, err
	}
	return on, nil
}

// plan measures each variant, sets the numbers of steps and of test images, and returns the time
// for one training of each variant.
func (r *underway) plan(ctx context.Context) (round time.Duration, err error) {
	perStep, perTest := 0.0, 0.0 // seconds, of all variants
	for i, v := range r.result.Networks {
		recipe := r.recipe
		recipe.Net = v.Net
		if r.result.Results[i].Cost, err = report.CostOn(r.dev, recipe, r.result.Batch, "", nil, r.Train,
			r.Test); err != nil {
			return 0, fmt.Errorf("%s: %w", v.Name, err)
		}
		step, test, err := r.measure(ctx, i)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(r.Log, "%-16s %8d parameters, %4.0f images/s in training, %4.0f in prediction\n",
			v.Name, r.result.Results[i].Cost.Parameters, float64(r.result.Batch)/step, 1/test)
		perStep, perTest = perStep+step, perTest+test
	}
	left := r.Budget - time.Since(r.begun)
	share := plannedShare * left.Seconds() / float64(r.Seeds)
	r.result.TestImages = min(r.Test.Len(), int(testShare*share/perTest))
	r.result.Steps = int((share - perTest*float64(r.result.TestImages)) / perStep)
	perEpoch := (r.Train.Len() + r.result.Batch - 1) / r.result.Batch
	most := r.recipe.Epochs * perEpoch
	r.result.Steps = min(r.result.Steps, most)
	if r.result.Steps < min(minSteps, most) || r.result.TestImages < 1 {
		need := time.Since(r.begun) + time.Duration(float64(r.Seeds)*minSteps*1.3*perStep/plannedShare*1e9)
		return 0, nn.RangeError{Setting: "Budget", Value: r.Budget,
			Want: fmt.Sprintf("at least %v for %d x %d trainings (seeds x variants)",
				need.Round(time.Second)+time.Second, r.Seeds, len(r.result.Networks))}
	}
	seconds := perStep*float64(r.result.Steps) + perTest*float64(r.result.TestImages)
	round = time.Duration(seconds * 1e9)
	fmt.Fprintf(r.Log,
		"each training has %d steps of %d images (%.2g epochs) and a test on %d images; %d of each variant take about %v\n",
		r.result.Steps, r.result.Batch, float64(r.result.Steps)/float64(perEpoch), r.result.TestImages, r.Seeds,
		rounded(round*time.Duration(r.Seeds)))
	return round, nil
}

// measure returns the seconds of a training step and of the test of one image, without compilation.
func (r *underway) measure(ctx context.Context, i int) (step, test float64, err error) {
	const steps, first, tests = 20, 4, 512
	on, err := r.assemble(ctx, i, steps, tests, 0)
	if err != nil {
		return 0, 0, err
	}
	defer on.Close()
	start, timed := time.Now(), 0 // after the first steps, unless it diverges earlier
	for s, err := range on.Trainer.Steps(ctx) {
		if err != nil && !errors.Is(err, nn.ErrDiverged) {
			return 0, 0, err
		}
		if timed++; s.Step == first {
			start, timed = time.Now(), 0
		}
	}
	step = time.Since(start).Seconds() / float64(max(1, timed))
	for range 2 {
		start = time.Now()
		if _, err := on.Evaluator.Run(ctx); err != nil && !errors.Is(err, nn.ErrDiverged) {
			return 0, 0, err
		}
	}
	return step, time.Since(start).Seconds() / float64(on.TestImages.Len()), nil
}

// trainAll trains each variant from a seed.
func (r *underway) trainAll(ctx context.Context, seed uint64) error {
	for i := range r.result.Networks {
		if err := r.train(ctx, i, seed); err != nil {
			return err
		}
	}
	return nil
}

// train trains variant i from a seed and records the result.
func (r *underway) train(ctx context.Context, i int, seed uint64) error {
	name := r.result.Networks[i].Name
	on, err := r.assemble(ctx, i, r.result.Steps, r.result.TestImages, seed)
	if err != nil {
		return err
	}
	defer on.Close()
	v := &r.result.Results[i]
	var losses []float64
	start := time.Now()
	for s, err := range on.Trainer.Steps(ctx) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, nn.ErrDiverged):
			v.Diverged++
			fmt.Fprintf(r.Log, "%-16s seed %d  diverged at step %d\n", name, seed, s.Step)
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		losses = append(losses, s.Loss)
	}
	rate := float64(r.result.Steps*r.result.Batch) / time.Since(start).Seconds()
	e, err := on.Evaluator.Run(ctx)
	switch {
	case errors.Is(err, nn.ErrDiverged):
		v.Diverged++
		fmt.Fprintf(r.Log, "%-16s seed %d  diverged in its last step\n", name, seed)
		return nil
	case err != nil:
		return err
	}
	v.Accuracy, v.losses, v.rates = append(v.Accuracy, e.Accuracy), append(v.losses, binned(losses)),
		append(v.rates, rate)
	note := ""
	if !(lastTenth(losses) < learned*r.result.guess()) {
		v.Guessing++
		note = ", did not learn"
	}
	fmt.Fprintf(r.Log, "%-16s seed %d  test accuracy %.4f%s, %.0f images/s, %v of %v\n",
		name, seed, e.Accuracy, note, rate, rounded(time.Since(r.begun)), r.Budget)
	return nil
}

// binned returns the means of lossBins pieces of x, or x itself if it has fewer values.
func binned(x []float64) []float64 {
	n := min(lossBins, len(x))
	bins := make([]float64, n)
	for i := range bins {
		bins[i] = stat.Mean(x[i*len(x)/n:(i+1)*len(x)/n], nil)
	}
	return bins
}

// means returns the means of the columns of rows.
func means(rows [][]float64) []float64 {
	if len(rows) == 0 {
		return nil
	}
	m := make([]float64, len(rows[0]))
	for i := range m {
		for _, row := range rows {
			m[i] += row[i] / float64(len(rows))
		}
	}
	return m
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Second) }

// spread returns the mean, the least and the greatest accuracy of the seeds, or 0 if all diverged.
func (v NetworkResult) spread() (average, least, most float64) {
	if len(v.Accuracy) == 0 {
		return 0, 0, 0
	}
	return stat.Mean(v.Accuracy, nil), slices.Min(v.Accuracy), slices.Max(v.Accuracy)
}
