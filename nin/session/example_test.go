package session_test

import (
	"context"
	"fmt"
	"log"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn/data"
)

// A few steps of a recipe with settings of one's own, and a test.
func Example() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Dir: "../../nn/data/testdata/fashion-mnist"})
	must(err)

	recipe, err := nin.Find("mini")
	must(err)
	settings := recipe.Settings()
	settings.Batch, settings.Steps = 32, 5
	s, err := session.Training(ctx, dev, nil, recipe, settings, session.Found{}, nil, train, test)
	must(err)
	defer s.Close()
	must(s.Net.Init(recipe.Init, settings.Seed))
	for step, err := range s.Trainer.Steps(ctx) {
		must(err)
		log.Printf("step %d: loss %.3f", step.Step, step.Loss)
	}
	result, err := s.Evaluator.Run(ctx)
	must(err)
	fmt.Println("measured on", result.Images, "images")
	// Output:
	// measured on 80 images
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
