package study_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"wgnin/gpu"
	"wgnin/nin/study"
	"wgnin/nn/data"
	"wgnin/nn/data/download"
)

// The chapter's first exercise, in ten minutes.
func Example() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Fetch: download.Files})
	must(err)
	exercise, err := study.Find(1)
	must(err)
	findings, err := study.Answer(ctx, dev, exercise, study.Conditions{
		Budget: 10 * time.Minute, Seeds: 3, Train: train, Test: test, Log: os.Stderr,
	})
	must(err)
	report, err := findings.WriteFiles(".") // study-1.md and study-1.png
	must(err)
	fmt.Println(report)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
