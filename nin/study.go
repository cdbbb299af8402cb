package nin

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
	"wgnin/nn"
	"wgnin/nn/data"
)

// Study is an exercise of the chapter as an experiment: variants of the network
// that are trained alike. The first is what the others are compared with.
type Study struct {
	Exercise int
	Title    string
	Question string
	Rate     float64 // learning rate, studyRate if 0
	Variants []Variant
}

// Variant is a network of a [Study].
type Variant struct {
	Name  string
	About string
	Net   func(classes int, dropout float64) nn.Sequential
}

// Studies are the exercises that experiments answer, with variants of [Mini].
// Exercise 4 is what [PlanCost] computes.
var Studies = []Study{
	{
		Exercise: 1, Title: "How many 1x1 convolutions in a block?",
		Question: "Why are there two 1x1 convolutional layers in a NiN block? Increase their number to three; reduce it to one. What changes?",
		Variants: []Variant{
			{"two 1x1", "the network as it is", Mini},
			{"one 1x1", "a convolution and one 1x1 convolution in each block", pointwise(1)},
			{"three 1x1", "a convolution and three 1x1 convolutions in each block", pointwise(3)},
		},
	},
	{
		Exercise: 2, Title: "3x3 convolutions in the place of the 1x1",
		Question: "What changes if you replace the 1x1 convolutions by 3x3 convolutions?",
		Variants: []Variant{
			{"1x1", "the network as it is", Mini},
			{"3x3", "padding 1; both 1x1 convolutions of each block, the last one too", func(classes int, dropout float64) nn.Sequential {
				block := func(out, kernel int) nn.Sequential {
					same := nn.Conv2D{Out: out, Kernel: 3, Pad: nn.Pad(1)}
					return withReLUs(nn.Conv2D{Out: out, Kernel: kernel, Pad: nn.Pad(kernel / 2)}, same, same)
				}
				return mini(block, dropout, withoutLastReLU(block(classes, 3)), nn.GlobalAvgPool2D{}, nn.Flatten{})
			}},
		},
	},
	{
		Exercise: 3, Title: "A fully connected layer in the place of global average pooling",
		Question: "What happens if you replace the global average pooling by a fully connected layer (speed, accuracy, number of parameters)?",
		Variants: []Variant{
			{"global average", "the network as it is: the mean of each class's map", Mini},
			{"fully connected", "one fully connected layer on the maps of the last block", func(classes int, dropout float64) nn.Sequential {
				return mini(miniBlock, dropout, Block(classes, 3, 1, nn.Pad(1)), nn.Flatten{}, nn.Linear{Out: classes})
			}},
			{"like VGG", "two fully connected layers of 256 with dropout, and one of the classes, in the place of the last block and the pooling",
				func(classes int, dropout float64) nn.Sequential {
					return mini(miniBlock, dropout, nn.Flatten{},
						nn.Linear{Out: 256}, nn.ReLU{}, nn.Dropout{P: dropout},
						nn.Linear{Out: 256}, nn.ReLU{}, nn.Dropout{P: dropout}, nn.Linear{Out: classes})
				}},
		},
	},
	{
		Exercise: 5, Title: "From many channels to ten, in one step or gradually",
		Question: "What may go wrong when the maps are reduced to ten channels in one step?",
		Variants: []Variant{
			{"one step", "the network as it is: 96 to 10 channels in the 3x3 convolution of the last block, then 10, 10", Mini},
			{"gradual", "96 to 48 channels in the 3x3 convolution, then 24, 10", head(48, 24)},
			{"last", "96 channels in the 3x3 convolution, then 96, 10, as in the paper's networks", head(96, 96)},
		},
	},
	{
		Exercise: 6, Title: "A family of networks that grow as VGG",
		Question: "Use the ideas of VGG-11, VGG-16 and VGG-19 to design a family of NiN-like networks.",
		Rate:     0.004, // NiN-19 died at 0.05 and at 0.01, which is VGG's
		Variants: []Variant{
			{"NiN-11", "stages of 1, 1, 2, 2, 2 convolutions, the first 3x3, the others 1x1, of 16, 32, 64, 128, 128 channels, and a block for the classes", family(11)},
			{"NiN-16", "stages of 2, 2, 3, 3, 3", family(16)},
			{"NiN-19", "stages of 2, 2, 4, 4, 4", family(19)},
			{"mini", "the small network of the other studies, 12 layers", Mini},
		},
	},
}

// pointwise is Mini with n 1x1 convolutions in each block.
func pointwise(n int) func(int, float64) nn.Sequential {
	block := func(out, kernel int) nn.Sequential {
		layers := []nn.Layer{nn.Conv2D{Out: out, Kernel: kernel, Pad: nn.Pad(kernel / 2)}}
		for range n {
			layers = append(layers, nn.Conv2D{Out: out, Kernel: 1})
		}
		return withReLUs(layers...)
	}
	return func(classes int, dropout float64) nn.Sequential {
		return mini(block, dropout, withoutLastReLU(block(classes, 3)), nn.GlobalAvgPool2D{}, nn.Flatten{})
	}
}

// head is Mini with other channels in its last block.
func head(first, second int) func(int, float64) nn.Sequential {
	return func(classes int, dropout float64) nn.Sequential {
		block := withReLUs(nn.Conv2D{Out: first, Kernel: 3, Pad: nn.Pad(1)}, nn.Conv2D{Out: second, Kernel: 1}, nn.Conv2D{Out: classes, Kernel: 1})
		return mini(miniBlock, dropout, withoutLastReLU(block), nn.GlobalAvgPool2D{}, nn.Flatten{})
	}
}

func family(depth int) func(int, float64) nn.Sequential {
	return func(classes int, dropout float64) nn.Sequential { return Family(depth, 16, classes, dropout) }
}

// FindStudy is the study of an exercise.
func FindStudy(exercise int) (Study, error) {
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

// StudyOptions say how much to train.
type StudyOptions struct {
	Budget      time.Duration // for everything: how many steps a training has follows from it
	Seeds       int           // trainings of each variant, from seeds 0, 1, ...
	Train, Test *data.Images
	Log         io.Writer // a line for each thing done
	Command     string    // that asked for the study, for the report
}

// StudyResult is what a study found.
type StudyResult struct {
	Study
	Adapter string
	Command string
	Took    time.Duration
	Dataset string

	Batch       int
	Rate        float64 // learning rate
	Steps       int     // of each training
	TrainImages int     // there are; a training of fewer steps than an epoch sees the first of a new order
	TestImages  int
	Seeds       int // that fitted the budget

	Results []VariantResult // one for each variant
}

// VariantResult is what was found of a variant.
type VariantResult struct {
	Cost     Cost
	Accuracy []float64   // on the test images, by seed; those that diverged are left out
	Diverged int         // trainings whose loss became infinite
	Loss     []float64   // of the training, the mean over the seeds, in pieces of Steps/len(Loss)
	Rate     float64     // images a second in training, the median of the seeds
	losses   [][]float64 // by seed
	rates    []float64
}

const (
	// studyRate is half of mini's rate, at which the deeper variants died.
	studyRate = 0.025

	minSteps  = 20  // fewer teach nothing
	lossBins  = 50  // points of a curve
	testShare = 0.2 // of the time of a training that its test may take
	sure      = 0.9 // of the budget is planned, for rates fall when cores get warm
)

// study is a study under way.
type study struct {
	StudyOptions
	dev    *gpu.Device
	begun  time.Time
	recipe Recipe
	result StudyResult
}

// RunStudy trains each variant with each seed: the same images in the same
// order, the same learning rate (the study's, with mini's cosine over the steps), the
// same number of steps, which is what the budget allows at the measured rates. A
// seed that no longer fits the budget is left out for all variants.
func RunStudy(ctx context.Context, dev *gpu.Device, s Study, o StudyOptions) (StudyResult, error) {
	recipe, err := Find("mini")
	if err != nil {
		return StudyResult{}, err
	}
	if o.Seeds < 1 || o.Budget <= 0 {
		return StudyResult{}, fmt.Errorf("study: a budget of %v for %d seeds; want more than none", o.Budget, o.Seeds)
	}
	recipe.In.C = o.Train.C
	recipe.Rate = cmp.Or(s.Rate, studyRate)
	r := study{StudyOptions: o, dev: dev, begun: time.Now(), recipe: recipe}
	r.result = StudyResult{
		Study: s, Adapter: dev.Adapter().String(), Command: o.Command, Dataset: o.Train.Name,
		Batch: min(recipe.Batch, o.Train.Len()), Rate: recipe.Rate, TrainImages: o.Train.Len(), Results: make([]VariantResult, len(s.Variants)),
	}
	round, err := r.plan(ctx)
	if err != nil {
		return StudyResult{}, err
	}
	within, cancel := context.WithDeadline(ctx, r.begun.Add(o.Budget))
	defer cancel()
	for seed := range o.Seeds {
		if left := o.Budget - time.Since(r.begun); seed > 0 && round > left {
			fmt.Fprintf(o.Log, "seed %d would take %v and %v of the budget are left: it is left out\n", seed, rounded(round), rounded(left))
			break
		}
		if seed == 1 { // the first is needed, and was planned to take a part of the budget
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
			return StudyResult{}, err
		}
		round = time.Since(start)
		r.result.Seeds++
	}
	for i := range r.result.Results {
		v := &r.result.Results[i]
		v.Rate = median(v.rates)
		v.Loss = means(v.losses)
	}
	r.result.Took = time.Since(r.begun)
	return r.result, nil
}

// assemble prepares a training of a variant.
func (r *study) assemble(ctx context.Context, i, steps, tests int, seed uint64) (*Run, error) {
	recipe := r.recipe
	recipe.Net = r.result.Variants[i].Net
	s := recipe.Settings()
	s.Dataset, s.Seed, s.Steps, s.TestImages = r.Train.Name, seed, steps, tests
	s.Epochs = (steps*s.Batch-1)/r.Train.Len() + 1
	run, err := assemble(ctx, r.dev, recipe, s, found{}, r.Train, r.Test)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.result.Variants[i].Name, err)
	}
	if err := run.Net.Init(recipe.Init, seed); err != nil {
		run.Close()
		return nil, err
	}
	return run, nil
}

// plan measures each variant, sets the numbers of steps and of test images, and
// tells how long a training of each will take.
func (r *study) plan(ctx context.Context) (round time.Duration, err error) {
	perStep, perTest := 0.0, 0.0 // seconds, of all variants
	for i, v := range r.result.Variants {
		recipe := r.recipe
		recipe.Net = v.Net
		if r.result.Results[i].Cost, err = planCost(r.dev, recipe, r.result.Batch, r.Train, r.Test); err != nil {
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
	share := sure * left.Seconds() / float64(r.Seeds)
	r.result.TestImages = min(r.Test.Len(), int(testShare*share/perTest))
	r.result.Steps = int((share - perTest*float64(r.result.TestImages)) / perStep)
	perEpoch := (r.Train.Len() + r.result.Batch - 1) / r.result.Batch
	most := r.recipe.Epochs * perEpoch
	r.result.Steps = min(r.result.Steps, most)
	if r.result.Steps < min(minSteps, most) || r.result.TestImages < 1 {
		need := time.Since(r.begun) + time.Duration(float64(r.Seeds)*minSteps*1.3*perStep/sure*1e9)
		return 0, fmt.Errorf("study: -budget %v is too short for %d x %d trainings (seeds x variants); want at least %v",
			r.Budget, r.Seeds, len(r.result.Variants), need.Round(time.Second)+time.Second)
	}
	seconds := perStep*float64(r.result.Steps) + perTest*float64(r.result.TestImages)
	round = time.Duration(seconds * 1e9)
	fmt.Fprintf(r.Log, "each training has %d steps of %d images (%.2g epochs) and a test on %d images; %d of each variant take about %v\n",
		r.result.Steps, r.result.Batch, float64(r.result.Steps)/float64(perEpoch), r.result.TestImages, r.Seeds, rounded(round*time.Duration(r.Seeds)))
	return round, nil
}

// measure gives the seconds of a step and of the test of an image, compiled.
func (r *study) measure(ctx context.Context, i int) (step, test float64, err error) {
	const steps, first, tests = 20, 4, 512
	run, err := r.assemble(ctx, i, steps, tests, 0)
	if err != nil {
		return 0, 0, err
	}
	defer run.Close()
	start, timed := time.Now(), 0 // from the first steps on, unless it diverges before
	for s, err := range run.Trainer.Steps(ctx) {
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
		if _, err := run.test.Run(ctx); err != nil {
			return 0, 0, err
		}
	}
	return step, time.Since(start).Seconds() / float64(run.testImages.Len()), nil
}

// trainAll trains each variant from a seed.
func (r *study) trainAll(ctx context.Context, seed uint64) error {
	for i := range r.result.Variants {
		if err := r.train(ctx, i, seed); err != nil {
			return err
		}
	}
	return nil
}

// train trains variant i from a seed and keeps what it comes to.
func (r *study) train(ctx context.Context, i int, seed uint64) error {
	name := r.result.Variants[i].Name
	run, err := r.assemble(ctx, i, r.result.Steps, r.result.TestImages, seed)
	if err != nil {
		return err
	}
	defer run.Close()
	v := &r.result.Results[i]
	var losses []float64
	start := time.Now()
	for s, err := range run.Trainer.Steps(ctx) {
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
	e, err := run.test.Run(ctx)
	if err != nil {
		return err
	}
	v.Accuracy, v.losses, v.rates = append(v.Accuracy, e.Accuracy), append(v.losses, binned(losses)), append(v.rates, rate)
	fmt.Fprintf(r.Log, "%-16s seed %d  test accuracy %.4f, %.0f images/s, %v of %v\n",
		name, seed, e.Accuracy, rate, rounded(time.Since(r.begun)), r.Budget)
	return nil
}

// binned is the mean of each of lossBins pieces, or x if it has fewer values.
func binned(x []float64) []float64 {
	n := min(lossBins, len(x))
	bins := make([]float64, n)
	for i := range bins {
		bins[i] = stat.Mean(x[i*len(x)/n:(i+1)*len(x)/n], nil)
	}
	return bins
}

// means are the means of the columns of rows.
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

// spread is the mean accuracy of the seeds, the least and the most; 0 if all
// diverged.
func (v VariantResult) spread() (average, least, most float64) {
	if len(v.Accuracy) == 0 {
		return 0, 0, 0
	}
	return stat.Mean(v.Accuracy, nil), slices.Min(v.Accuracy), slices.Max(v.Accuracy)
}
