package report_test

import (
	"context"
	"fmt"
	"log"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nn/data"
)

// Measure how well a network from a file of weights classifies images.
func Example() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	_, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Dir: "../../nn/data/testdata/fashion-mnist"})
	must(err)
	path := "../testdata/fashion.safetensors"

	m, err := nin.ReadModel(path, "")
	must(err)
	scores, err := report.Evaluate(ctx, dev, m, test, 64, nil) // 64 images at a time
	must(err)
	must(scores.Write(log.Writer()))
	fmt.Println("better than one in two:", scores.Accuracy > 0.5)
	// Output:
	// better than one in two: true
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
