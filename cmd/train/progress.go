package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nn"
)

// progress shows a run: one line that is rewritten on a terminal, a plain line
// now and then elsewhere, and a line for each epoch.
type progress struct {
	w        io.Writer
	run      *nin.Run
	dev      *gpu.Device
	terminal bool

	start  time.Time // when the first step was done: it compiles the kernels
	images int       // since start
	steps  int
	shown  time.Time
	last   nn.Step
	told   bool // the estimate was given
}

func newProgress(f *os.File, run *nin.Run, dev *gpu.Device) *progress {
	return &progress{w: f, run: run, dev: dev, terminal: term.IsTerminal(int(f.Fd()))}
}

func (p *progress) header() {
	s, t := p.run.Settings, p.run.Trainer
	fmt.Fprintf(p.w, "adapter  %s\n", p.dev.Adapter())
	if p.dev.Adapter().Class == gpu.Software {
		fmt.Fprintln(p.w, "         a software adapter: kernels run on the processor's cores, not on a GPU")
	}
	fmt.Fprintf(p.w, "recipe   %s: %s\n", s.Recipe, p.run.Recipe.About)
	fmt.Fprintf(p.w, "network  %d parameters, input %s, %.2f GFLOP for a training step of one image\n",
		p.run.Net.Params(), p.run.Net.In.Batch(1), float64(t.Flops())/float64(s.Batch)/1e9)
	fmt.Fprintf(p.w, "steps    %d of %d images", t.Total(), s.Batch)
	if t.MicroBatch() < s.Batch {
		fmt.Fprintf(p.w, ", %d at a time with the same gradient", t.MicroBatch())
	}
	fmt.Fprintf(p.w, "\nfiles    %s\n", p.run.Dir)
	if p.run.Start > 0 {
		fmt.Fprintf(p.w, "resumed  after step %d\n", p.run.Start)
	}
	if p.run.Note != "" {
		fmt.Fprintf(p.w, "note     %s\n", p.run.Note)
	}
}

func (p *progress) show(e nin.Event) {
	switch {
	case e.Step != nil:
		p.step(*e.Step)
	case e.Epoch != nil:
		p.clear()
		fmt.Fprintf(p.w, "epoch %d: train loss %.4f, test loss %.4f, test accuracy %.4f, %.0f images/s\n",
			e.Epoch.Epoch, e.Epoch.TrainLoss, e.Epoch.TestLoss, e.Epoch.TestAccuracy, e.Epoch.ImagesPerSecond)
	case e.End != nil:
		p.clear()
		fmt.Fprintf(p.w, "step %d, loss %.4f\nweights  %s/model.safetensors, hash %.16s\n", p.last.Step, p.last.Loss, p.run.Dir, e.End.Hash)
	}
}

func (p *progress) step(s nn.Step) {
	p.last = s
	p.steps++
	now := time.Now()
	if p.steps == 1 {
		p.start = now
	} else {
		p.images += s.Images
	}
	elapsed := now.Sub(p.start)
	if !p.told && p.steps > 1 && (elapsed > 3*time.Second || s.Step == p.run.Trainer.Total()) {
		p.told = true
		p.estimate(elapsed)
	}
	every := 10 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	if now.Sub(p.shown) < every && p.steps > 1 {
		return
	}
	p.shown = now
	line := fmt.Sprintf("step %d/%d, loss %.4f", s.Step, p.run.Trainer.Total(), s.Loss)
	if p.steps > 1 {
		perStep := elapsed / time.Duration(p.steps-1)
		left := perStep * time.Duration(p.run.Trainer.Total()-s.Step)
		line += fmt.Sprintf(", %.1f images/s, %s left", float64(p.images)/elapsed.Seconds(), left.Round(time.Second))
	}
	p.clear()
	if p.terminal {
		fmt.Fprint(p.w, line)
	} else {
		fmt.Fprintln(p.w, line)
	}
}

// estimate says how long the whole recipe takes at the rate seen so far.
func (p *progress) estimate(elapsed time.Duration) {
	perImage := elapsed.Seconds() / float64(p.images)
	epoch := time.Duration(perImage * float64(p.run.TrainLen()) * float64(time.Second))
	p.clear()
	fmt.Fprintf(p.w, "estimate %s an epoch, %s for the recipe's %d epochs, tests aside\n",
		round(epoch), round(epoch*time.Duration(p.run.Recipe.Epochs)), p.run.Recipe.Epochs)
}

func round(d time.Duration) time.Duration {
	if d > time.Hour {
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}

// clear removes the line that is rewritten.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progress) stopped() {
	p.clear()
	fmt.Fprintf(p.w, "stopped  after step %d; go on with: go run ./cmd/train -resume %s\n", max(p.last.Step, p.run.Start), p.run.Dir)
}
