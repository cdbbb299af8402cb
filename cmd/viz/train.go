package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/progress"
	"wgnin/cmd/internal/runflags"
	"wgnin/nin/netviz"
	"wgnin/nin/report"
	"wgnin/nin/run"
	"wgnin/viz"
)

// historyBytes limits the memory on the device for the maps of past steps.
const historyBytes = 128 << 20

// filmLength is the number of pictures of a training without -frames.
const filmLength = 100

// train trains as cmd/train does, and shows the training. Training and drawing take turns on this
// goroutine.
func train(ctx context.Context, flags *runflags.Flags, opt options) error {
	if err := flags.Check(); err != nil {
		return err
	}
	began := time.Now()
	s, err := open(*flags.Adapter, opt)
	if err != nil {
		return err
	}
	defer s.close()
	opened := time.Now()
	r, err := flags.Open(ctx, s.dev)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "stopped before training began")
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if err := s.begin(r.Net, netviz.Options{Title: r.Settings.Recipe, Images: r.TestImages.Set(), Dir: r.Dir,
		History: historyBytes}); err != nil {
		r.Discard()
		return err
	}
	if flags.Profile {
		if err := s.dev.Profile(); err != nil {
			r.Discard()
			return err
		}
	}
	if opt.record == "" { // a restarted film would lose its beginning
		cli.GoOn("viz", r.Dir, r.Start, flags.Resume(r.Dir, s.dev.Adapter()))
	}
	p := progress.New(r, s.dev, opt.quiet, opt.verbose)
	p.Header(opened.Sub(began), time.Since(opened))
	running, stop := context.WithCancel(ctx)
	defer stop()
	t := &training{show: s, run: r, last: r.Start}
	var failed error // in drawing
	for event, err := range r.Events(running) {
		if errors.Is(err, context.Canceled) {
			p.Stopped("go run ./cmd/viz -train")
			s.report()
			return errors.Join(failed, ctx.Err())
		}
		if err != nil {
			return p.Failed("go run ./cmd/viz -train", err)
		}
		p.Show(event)
		if failed = errors.Join(failed, t.tell(event)); failed == nil && running.Err() == nil {
			failed = t.draw(running)
		}
		if failed != nil || t.closed() {
			stop() // the run writes a checkpoint
		}
	}
	s.report()
	if flags.Profile {
		report.WriteProfile(os.Stdout, s.dev)
	}
	switch {
	case failed != nil:
		return failed
	case opt.screenshot != "":
		return s.screenshot()
	case opt.record != "":
		return s.write(&t.film)
	}
	return s.stay(ctx)
}

// training is a run that is shown.
type training struct {
	*show
	run  *run.Run
	last int // step
	shot int // pictures of the film
	film viz.Film
}

// tell passes what the run reports to the scene.
func (t *training) tell(e run.Event) (err error) {
	switch {
	case e.Step != nil:
		t.last = e.Step.Step
		err = t.scene.Trained(t.run.Trainer, *e.Step)
	case e.Epoch != nil:
		t.scene.Tested(viz.TestScore{Epoch: e.Epoch.Epoch, TestLoss: e.Epoch.TestLoss,
			TestAccuracy: e.Epoch.TestAccuracy})
	}
	return err
}

// draw draws a picture if one is due. While the scene is paused, it makes the run wait.
func (t *training) draw(ctx context.Context) error {
	if t.win == nil {
		return t.shoot()
	}
	return t.scene.Turn(ctx, t.win, t.run.Pause)
}

// shoot adds a picture to the film if one is due, so that the pictures are spread evenly over the
// steps.
func (t *training) shoot() error {
	if t.opt.record == "" {
		return nil
	}
	steps := t.run.Trainer.Total() - t.run.Start
	frames := t.opt.frames
	if frames == 0 {
		frames = filmLength
	}
	frames = min(frames, steps)
	if (t.last-t.run.Start)*frames < (t.shot+1)*steps {
		return nil
	}
	img, err := t.picture()
	if err != nil {
		return err
	}
	t.film.Add(img, 10)
	t.shot++
	return nil
}

// closed reports whether the user, or -frames, wants the window closed.
func (t *training) closed() bool { return t.win != nil && t.win.Closed() }
