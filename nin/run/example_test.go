package run_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/run"
	"wgnin/nn"
	"wgnin/nn/data"
)

// This example trains a recipe of your own as cmd/train trains its recipes: into a folder, with
// metrics, curves and checkpoints. It stops the run, and resumes it to the same bits. The commands
// eval, predict, export and viz read the weights.
func Example() {
	mine := nin.Recipe{
		Name: "mine", About: "two convolutions", Dataset: "fashion-mnist", In: nn.Shape{C: 1, H: 28, W: 28},
		Init: nn.He,
		Net: func(classes int, dropout float64) nn.Sequential {
			return nn.Sequential{
				nn.Conv2D{Out: 8, Kernel: 5, Stride: 2}, nn.ReLU{}, nn.Dropout{P: dropout},
				nn.Conv2D{Out: classes, Kernel: 3}, nn.GlobalAvgPool2D{}, nn.Flatten{},
			}
		},
		Hyper:    nn.Hyper{Batch: 32, Epochs: 1, Rate: 0.05, Momentum: 0.9, Dropout: 0.1, Shuffle: true},
		Schedule: func(rate float64, steps int) nn.Schedule { return nn.Cosine{Base: rate, Total: steps} },
	}
	settings := mine.Settings() // as a command's flags would change them:
	settings.Steps, settings.CheckpointEvery = 4, nin.Every{Steps: 2}

	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	train, test, err := data.Load(context.Background(), mine.Dataset,
		data.LoadOptions{Dir: "../../nn/data/testdata/fashion-mnist"})
	must(err)
	temp, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(temp)
	dir := filepath.Join(temp, "run")

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	r, err := run.New(ctx, dev, settings, nil, train, test, dir, mine)
	must(err)
	for event, err := range r.Events(ctx) {
		if errors.Is(err, context.Canceled) {
			fmt.Println("stopped, with a checkpoint")
			break
		}
		must(err)
		if event.Step != nil {
			fmt.Println("step", event.Step.Step)
			if event.Step.Step == 2 {
				stop() // as Ctrl-C does
			}
		}
	}
	r.Close()

	checkpoint, err := run.ReadCheckpoint(dir)
	must(err)
	r, err = run.Resume(context.Background(), dev, checkpoint, train, test, dir, mine)
	must(err)
	defer r.Close()
	for event, err := range r.Events(context.Background()) {
		must(err)
		switch {
		case event.Step != nil:
			fmt.Println("step", event.Step.Step)
		case event.End != nil:
			fmt.Println("done after", event.End.Step)
		}
	}
	entries, err := filepath.Glob(filepath.Join(dir, "[a-z]*"))
	must(err)
	for _, path := range entries {
		fmt.Println(filepath.Base(path))
	}
	// Output:
	// step 1
	// step 2
	// stopped, with a checkpoint
	// step 3
	// step 4
	// done after 4
	// checkpoint
	// curves.png
	// metrics.jsonl
	// model.safetensors
}

// A recipe of the module with settings of one's own, trained into a folder.
func ExampleNew() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Dir: "../../nn/data/testdata/fashion-mnist"})
	must(err)
	temp, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(temp)
	dir := filepath.Join(temp, "run")

	recipe, err := nin.Find("mini")
	must(err)
	settings := recipe.Settings()
	settings.Batch, settings.Steps = 32, 5
	r, err := run.New(ctx, dev, settings, nil, train, test, dir)
	must(err)
	defer r.Close()
	for event, err := range r.Events(ctx) {
		must(err)
		switch {
		case event.Step != nil:
			log.Printf("step %d: loss %.3f", event.Step.Step, event.Step.Loss)
		case event.End != nil:
			fmt.Println("done after", event.End.Step)
		}
	}
	// Output:
	// done after 5
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
