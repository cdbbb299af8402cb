package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
)

// benchSteps is the number of steps whose median is the rate, as in the command.
const benchSteps = 5

// measure runs work, which the user can stop, and shows the summary and the table that it returns.
func (p *page) measure(doing string, work func(context.Context) (t table, summary string, err error)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go p.watch(ctx, cancel)
	post(map[string]any{"data": map[string]any{"state": "loading", "busy": "measure"},
		"text": map[string]any{"status": doing}})
	t, summary, err := work(ctx)
	if errors.Is(err, context.Canceled) {
		p.rest("ready", map[string]any{"status": "Stopped."})
		return nil
	}
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := t.Write(&text); err != nil {
		return err
	}
	p.rest("ready", map[string]any{"report": text.String(), "status": summary})
	return nil
}

// table is the result of a measurement.
type table interface{ Write(io.Writer) error }

// watch calls cancel if the user presses Stop before ctx is done.
func (p *page) watch(ctx context.Context, cancel func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.more:
		}
		for _, m := range p.waiting {
			if m.Get("kind").String() == "do" && m.Get("what").String() == "stop" {
				cancel()
			}
		}
	}
}

// softwareBatch is the number of images in a step on a software adapter, as in the command.
const softwareBatch = 16

// bench measures how fast the chosen network trains and predicts. On a GPU it uses the recipe's
// batch.
func (p *page) bench(s nin.Settings) error {
	r, err := nin.Find(s.Recipe)
	if err != nil {
		return err
	}
	if p.dev.Adapter().Class == gpu.Software {
		s.Batch = softwareBatch
	}
	return p.measure(fmt.Sprintf("Measuring how fast %s trains and predicts.", r.Name),
		func(ctx context.Context) (table, string, error) {
			rep, err := report.Bench(ctx, p.dev, report.BenchOptions{Recipe: r, Batch: s.Batch, Steps: benchSteps})
			return rep, fmt.Sprintf("%s trains on %.1f images/s, and classifies %.1f images/s.", r.Name,
				rep.TrainImages,
				rep.PredictImages), err
		})
}

// score evaluates the weights that are shown on the test images.
func (p *page) score(s nin.Settings) error {
	if p.model == "" {
		return errNoWeights
	}
	m, err := nin.ReadModel(p.model, "")
	if err != nil {
		return err
	}
	if err := p.images(); err != nil {
		return err
	}
	images := p.test.First(s.TestImages)
	return p.measure("Testing.", func(ctx context.Context) (table, string, error) {
		scores, err := report.Evaluate(ctx, p.dev, m, images, s.Batch, func(done int) {
			progress("Tested %d of %d images.", done, images.Len())
		})
		if err == nil {
			post(map[string]any{"data": map[string]any{"accuracy": scores.Accuracy}})
		}
		return scores, fmt.Sprintf("Accuracy %.4f on %d images.", scores.Accuracy, scores.Images), err
	})
}
