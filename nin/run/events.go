package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/tensorboard"
)

// progress is the state of an epoch, besides the number of steps.
type progress struct {
	LossSum float64       `json:"loss_sum"` // of the images since the epoch began, weighted as in the loss
	Weight  float64       `json:"weight"`   // the sum of their weights; see [nn.Step]
	Images  int           `json:"images"`   // since the epoch began
	Elapsed time.Duration `json:"elapsed"`  // since the epoch began
	Best    float64       `json:"best"`     // best test accuracy
	// BestEpoch is the epoch of Best, counting from 1; 0 is none.
	BestEpoch int `json:"best_epoch,omitempty"`
}

// Event is what a run reports. Exactly one of its fields is set.
type Event struct {
	Step    *nn.Step
	Test    *nn.Evaluation // during the test of an epoch: the result for the images so far
	Epoch   *Epoch
	End     *End
	Warning string // why the network does not learn
}

// Epoch is the result of a pass over the training images. Losses are in nats.
//
// The training loss is the mean over all images of the epoch, of the loss of each image before the
// step of its batch. With class weights, the mean is weighted: the sum of the losses over the sum
// of the weights. torch.nn.CrossEntropyLoss(weight) does the same for a batch, and so does an
// evaluation here. A PyTorch program that averages the losses of its steps, or weights them by
// their numbers of images, gets a different result.
type Epoch struct {
	Epoch           int     `json:"epoch"` // counts from 1
	TrainLoss       float64 `json:"train_loss"`
	TestLoss        float64 `json:"test_loss"`
	TestAccuracy    float64 `json:"test_accuracy"`     // 0 to 1
	Seconds         float64 `json:"seconds"`           // of training, without the test
	ImagesPerSecond float64 `json:"images_per_second"` // of training
}

// End is the result of a run.
type End struct {
	Hash string `json:"hash"` // of the weights

	Step      int     `json:"-"` // steps done in all
	Early     bool    `json:"-"` // ended by Settings.Patience
	Best      float64 `json:"-"` // best test accuracy
	BestEpoch int     `json:"-"` // epoch of Best, whose weights are in checkpoint/best.safetensors; 0 is none
}

// Events runs the training and yields what happens. After each epoch, it evaluates the test images.
// After the last step, it writes the weights to model.safetensors. When ctx is done, the run stops
// after the steps in flight, writes a checkpoint and the weights, and ends with ctx's error. After
// any other error, such as [gpu.ErrLost] and [nn.ErrDiverged], the last checkpoint remains as it
// was. [Resume] continues from it, on a newly opened device if the first was lost.
//
// On several ranks, each yields the same steps, epochs and end. When ctx is done on one, all stop.
//
// An epoch's seconds are by the clock, from its beginning to its last step. They include what the
// caller does between two steps, because the device trains meanwhile. They do not include the time
// in [Run.Pause].
func (r *Run) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		err := r.events(ctx, func(e Event) bool { return yield(e, nil) })
		stopped := ctx.Err() != nil && errors.Is(err, ctx.Err()) || r.ranks != nil && errors.Is(err, context.Canceled)
		if stopped {
			// If the run cannot be saved, return that error instead of a clean stop.
			if failed := r.leave(); failed != nil {
				err, stopped = failed, false
			}
		}
		if err == nil || errors.Is(err, errStopped) {
			return
		}
		if !stopped && r.metrics != nil {
			err = fmt.Errorf("%w; the checkpoint of step %d is kept", err, r.savedStep)
		}
		yield(Event{}, err)
	}
}

// errStopped reports that the caller of Events has left the loop.
var errStopped = errors.New("stopped")

// Pause lets the device finish the steps in flight, and then calls wait and returns its error. The
// time in wait does not count as time of the epoch. A caller of Events uses Pause to make the run
// wait.
func (r *Run) Pause(wait func() error) error {
	r.dev.Wait()
	start := time.Now()
	err := wait()
	r.begun = r.begun.Add(time.Since(start))
	return err
}

func (r *Run) events(ctx context.Context, yield func(Event) bool) error {
	if err := r.rewind(); err != nil {
		return err
	}
	r.begun = time.Now().Add(-r.progress.Elapsed)
	perEpoch := r.Trainer.StepsPerEpoch()
	step := r.Start
	if r.untested(step) { // the run was stopped in the test
		if err := r.endEpoch(ctx, step/perEpoch, yield); err != nil {
			return err
		}
	}
	if !r.early(step) {
		for s, err := range r.Trainer.Steps(ctx) {
			if err != nil {
				return err
			}
			step = s.Step
			if err := r.endStep(s, yield); err != nil {
				return err
			}
			switch {
			case step%perEpoch == 0:
				err = r.endEpoch(ctx, step/perEpoch, yield)
			case s.Settled:
				err = r.checkpoint(false)
			case r.due():
				r.Trainer.Settle()
			}
			if err != nil {
				return err
			}
			if r.early(step) {
				break
			}
		}
	}
	hash, err := r.Net.Hash()
	if err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	end := End{hash, step, r.early(step), r.progress.Best, r.progress.BestEpoch}
	if err := r.write("end", end); err != nil {
		return err
	}
	if err := r.drawCurves(); err != nil {
		return err
	}
	yield(Event{End: &end})
	return nil
}

// rewind drops the lines of metrics.jsonl after the last checkpoint. If the run continues on
// another platform, rewind records that platform.
func (r *Run) rewind() error {
	if r.metrics == nil {
		return nil
	}
	if err := r.metrics.Truncate(r.savedMetrics); err != nil {
		return err
	}
	if _, err := r.metrics.Seek(max(0, r.savedMetrics-1), io.SeekStart); err != nil {
		return err
	}
	last := []byte{'\n'}
	if _, err := r.metrics.Read(last); err != nil {
		return err
	}
	if last[0] != '\n' { // end a torn line, so that the next one is not a part of it
		if _, err := r.metrics.WriteString("\n"); err != nil {
			return err
		}
	}
	if r.moved == nil {
		return nil
	}
	return r.write("resume", struct {
		Step int `json:"step"`
		platform
		session.Found
	}{r.Start, *r.moved, r.Found})
}

// endStep records a step.
func (r *Run) endStep(s nn.Step, yield func(Event) bool) error {
	r.progress.LossSum += s.Loss * s.Weight
	r.progress.Weight += s.Weight
	r.progress.Images += s.Images
	r.progress.Elapsed = time.Since(r.begun)
	if err := r.write("step", struct {
		Step   int     `json:"step"`
		Epoch  int     `json:"epoch"`
		Loss   float64 `json:"loss"`
		Images int     `json:"images"`
	}{s.Step, s.Epoch, s.Loss, s.Images}); err != nil {
		return err
	}
	err := r.board.Write(s.Step, tensorboard.Point{Tag: "loss/train", Value: s.Loss},
		tensorboard.Point{Tag: "learning_rate", Value: s.Rate})
	if err != nil {
		return err
	}
	if !yield(Event{Step: &s}) {
		return errStopped
	}
	if s.Images < r.Trainer.Batch() {
		return nil
	}
	if w := r.stuck.step(s.Loss); w != "" && !yield(Event{Warning: w}) {
		return errStopped
	}
	return nil
}

// endEpoch tests the network after the epoch of the given number, counting from 1, records the
// result, and begins the next epoch.
func (r *Run) endEpoch(ctx context.Context, number int, yield func(Event) bool) error {
	p := r.progress
	var test nn.Evaluation
	for sofar, err := range r.Evaluator.Batches(ctx) {
		if err != nil {
			return err
		}
		if test = sofar; !yield(Event{Test: &sofar}) {
			return errStopped
		}
	}
	step := number * r.Trainer.StepsPerEpoch()
	if math.IsNaN(test.Loss) || math.IsInf(test.Loss, 0) {
		return fmt.Errorf("step %d: the test loss is %g: %w", step, test.Loss, nn.ErrDiverged)
	}
	e := Epoch{
		Epoch: number, TrainLoss: p.LossSum / p.Weight, TestLoss: test.Loss, TestAccuracy: test.Accuracy,
		Seconds: p.Elapsed.Seconds(), ImagesPerSecond: float64(p.Images) / p.Elapsed.Seconds(),
	}
	if err := r.write("epoch", e); err != nil {
		return err
	}
	err := r.board.Write(step, tensorboard.Point{Tag: "loss/test", Value: e.TestLoss},
		tensorboard.Point{Tag: "accuracy/test", Value: e.TestAccuracy},
		tensorboard.Point{Tag: "images_per_second", Value: e.ImagesPerSecond})
	if err != nil {
		return err
	}
	r.progress = progress{Best: p.Best, BestEpoch: p.BestEpoch}
	best := e.TestAccuracy > p.Best
	if best {
		r.progress.Best, r.progress.BestEpoch = e.TestAccuracy, number
	}
	if err := r.checkpoint(best); err != nil {
		return err
	}
	if err := r.drawCurves(); err != nil {
		return err
	}
	if !yield(Event{Epoch: &e}) {
		return errStopped
	}
	r.begun = time.Now() // nothing was in flight since the last step
	return nil
}

// due reports whether it is time for a checkpoint.
func (r *Run) due() bool {
	every := r.Settings.CheckpointEvery
	return r.metrics != nil && every.Steps == 0 && time.Since(r.saved) > cmp.Or(every.Time, nin.BetweenCheckpoints)
}

// early reports whether Settings.Patience ends the run after the given number of steps.
func (r *Run) early(steps int) bool {
	patience, perEpoch := r.Settings.Patience, r.Trainer.StepsPerEpoch()
	return patience > 0 && steps%perEpoch == 0 && r.progress.Images == 0 &&
		steps/perEpoch-r.progress.BestEpoch >= patience
}

// Finished reports whether a resumed run had already reached its end.
func (r *Run) Finished() bool {
	return !r.untested(r.Start) && (r.early(r.Start) || r.Start == r.Trainer.Total())
}

// untested reports whether the given number of steps ends an epoch that has not been evaluated.
func (r *Run) untested(steps int) bool {
	return r.progress.Images > 0 && steps%r.Trainer.StepsPerEpoch() == 0
}

// leave saves everything that is needed to continue the run.
func (r *Run) leave() error {
	if err := r.checkpoint(false); err != nil {
		return err
	}
	return errors.Join(r.save(), r.drawCurves())
}
