package run_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/run"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// begin begins a run in dir, or in a new folder if dir is "".
func begin(t *testing.T, s nin.Settings, dir string) *run.Run {
	t.Helper()
	if dir == "" {
		dir = filepath.Join(t.TempDir(), "run")
	}
	train, test := nintest.Images(t)
	r, err := run.New(context.Background(), gputest.Device(t), s, nil, train, test, dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

func resume(t *testing.T, dir string) *run.Run {
	t.Helper()
	c, err := run.ReadCheckpoint(dir)
	require.NoError(t, err)
	train, test := nintest.Images(t)
	r, err := run.Resume(context.Background(), gputest.Device(t), c, train, test, dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// finish runs r to its end.
func finish(t *testing.T, r *run.Run) (end run.End, epochs []run.Epoch, steps int, warnings []string) {
	t.Helper()
	for e, err := range r.Events(context.Background()) {
		require.NoError(t, err)
		switch {
		case e.Step != nil:
			steps++
		case e.Epoch != nil:
			epochs = append(epochs, *e.Epoch)
		case e.End != nil:
			end = *e.End
		case e.Warning != "":
			warnings = append(warnings, e.Warning)
		}
	}
	return end, epochs, steps, warnings
}

func kept(t *testing.T, r *run.Run) (steps []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.Dir, "checkpoint"))
	require.NoError(t, err)
	for _, e := range entries {
		steps = append(steps, strings.TrimSuffix(e.Name(), ".safetensors"))
	}
	return steps
}

// A run that is stopped during an evaluation resumes to the same files, including the best weights.
// A deadline stops a run as a cancellation does.
func TestResumeInEvaluation(t *testing.T) {
	s := nintest.Short(func(*nin.Settings) {})
	whole := begin(t, s, "")
	want, _, _, _ := finish(t, whole)
	require.NotZero(t, want.BestEpoch)

	deadline, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	for _, done := range []context.Context{deadline, cancelled()} {
		ctx := &later{Context: context.Background(), done: done}
		dir := filepath.Join(t.TempDir(), "[a-z] run*") // characters of a glob pattern
		r := begin(t, s, dir)
		var last error
		for e, err := range r.Events(ctx) {
			if last = err; e.Step != nil && e.Step.Step == 4 {
				ctx.Context = done
			}
		}
		require.ErrorIs(t, last, done.Err())
		assert.Equal(t, []string{"step-000000000", "step-000000004"}, kept(t, r))
		r.Close()
		got, _, steps, _ := finish(t, resume(t, dir))
		assert.Equal(t, 4, steps)
		assert.Equal(t, want, got)
		assert.Equal(t, kept(t, whole), kept(t, r))
		assert.Equal(t, best(t, whole.Dir), best(t, dir))
	}
}

// later is a context that a test replaces by another.
type later struct {
	context.Context
	done context.Context
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func best(t *testing.T, dir string) []safetensors.Tensor {
	t.Helper()
	ts, _, err := safetensors.Read(filepath.Join(dir, "checkpoint", "best.safetensors"))
	require.NoError(t, err)
	return ts
}

// A run that diverges returns an error that names the step and the layer, and keeps the checkpoint
// from before.
func TestDivergedRunKeepsTheLastCheckpoint(t *testing.T) {
	for name, c := range map[string]struct {
		rate, scale float64 // the learning rate, and a factor of the initial weights
		says        string
	}{
		"loss": {1e6, 1, `the loss is NaN; all weights are finite, and the output of layer \d\.\d \(conv .*\) is not`},
		// With large gradients, the first update overflows before the loss does.
		"weights": {1e38, 10,
			`: the weights of \d+ of 3 layers are not finite, from layer \d\.\d \(conv .*\) to layer \d\.\d \(conv`},
	} {
		t.Run(name, func(t *testing.T) {
			r := begin(t, nintest.Short(func(s *nin.Settings) {
				s.Rate, s.CheckpointEvery = c.rate, nin.Every{Steps: 1}
			}), "")
			weights, err := r.Net.Weights()
			require.NoError(t, err)
			for _, w := range weights {
				for i := range w.Data {
					w.Data[i] *= float32(c.scale)
				}
			}
			require.NoError(t, r.Net.SetWeights(weights))
			var last error
			for _, err := range r.Events(context.Background()) {
				last = err
			}
			require.ErrorIs(t, last, nn.ErrDiverged)
			assert.Regexp(t, `^step \d+: .*; the checkpoint of step \d+ is kept$`, last.Error())
			assert.Regexp(t, c.says, last.Error())
			assert.NoFileExists(t, filepath.Join(r.Dir, "model.safetensors"))
			r.Close()
			checkpoint, err := run.ReadCheckpoint(r.Dir)
			require.NoError(t, err)
			checkpoint.Close()
			assert.Equal(t, r.Settings, checkpoint.Settings)
			raw, err := os.ReadFile(filepath.Join(r.Dir, "metrics.jsonl"))
			require.NoError(t, err)
			assert.NotContains(t, string(raw), "NaN")
			resume(t, r.Dir) // its weights are finite
		})
	}
}

// Patience ends a run whose accuracy stops improving. A run that has ended does not continue.
func TestPatience(t *testing.T) {
	r := begin(t, nintest.Short(func(s *nin.Settings) { s.Rate, s.Epochs, s.Patience = 0, 9, 2 }), "")
	end, epochs, steps, _ := finish(t, r)
	require.True(t, epochs[0].TestAccuracy > 0)
	assert.Len(t, epochs, 3, "the first is the best, then the run waits for two")
	assert.Equal(t, 12, steps)
	assert.Equal(t, run.End{Hash: end.Hash, Step: 12, Early: true, Best: epochs[0].TestAccuracy, BestEpoch: 1}, end)
	r.Close()

	again := resume(t, r.Dir)
	assert.True(t, again.Finished())
	end2, epochs, steps, _ := finish(t, again)
	assert.Equal(t, end, end2)
	assert.Empty(t, epochs)
	assert.Zero(t, steps)
}

// A network whose outputs are the same for every image gets a warning that it is dead or has
// learned nothing. A network that learns gets none.
func TestDeadNetworkIsNamed(t *testing.T) {
	zeros := begin(t, nintest.Short(func(*nin.Settings) {}), "")
	weights, err := zeros.Net.Weights()
	require.NoError(t, err)
	for _, w := range weights {
		clear(w.Data)
	}
	path := filepath.Join(t.TempDir(), "zeros.safetensors")
	require.NoError(t, safetensors.Write(path, weights, nil))
	_, _, steps, warnings := finish(t, begin(t, nintest.Short(func(s *nin.Settings) {
		s.Init, s.Rate, s.Batch, s.Epochs = path, 0, 2, 1
	}), ""))
	assert.Equal(t, 32, steps)
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0], "dead")
	assert.Contains(t, warnings[0], "ln 10")

	// A network that prefers a class but does not tell images apart learns nothing either.
	last := weights[len(weights)-1]
	require.Equal(t, []int{10}, last.Shape)
	last.Data[3] = 0.1
	require.NoError(t, safetensors.Write(path, weights, nil))
	for momentum, after := range map[float64]int{0: 1000, 0.9: 300} {
		_, _, steps, warnings := finish(t, begin(t, nintest.Short(func(s *nin.Settings) {
			s.Init, s.Rate, s.Momentum, s.Batch, s.TrainImages, s.Epochs = path, 0, momentum, 1, 100, after/100+1
		}), ""))
		assert.Equal(t, after+100, steps)
		require.Len(t, warnings, 1)
		assert.Contains(t, warnings[0],
			fmt.Sprintf("has learned nothing in the last %d steps: their loss is 2.", after))
	}

	_, _, steps, warnings = finish(t, begin(t, nintest.Short(func(s *nin.Settings) {
		s.Batch, s.Epochs, s.Rate = 2, 12, 0.01
	}), ""))
	assert.Equal(t, 384, steps)
	assert.Empty(t, warnings)
}

// A run that stops in the first epoch writes the curve of the training loss.
func TestCurvesOfAStoppedEpoch(t *testing.T) {
	r := begin(t, nintest.Short(func(s *nin.Settings) {}), "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range r.Events(ctx) {
		cancel()
	}
	assert.FileExists(t, filepath.Join(r.Dir, "curves.png"))
}

// Finished reports whether a run has come to its end, which may be within an epoch.
func TestFinishedOnlyAtTheEnd(t *testing.T) {
	short := begin(t, nintest.Short(func(s *nin.Settings) { s.Steps = 3 }), "")
	finish(t, short)
	short.Close()
	assert.True(t, resume(t, short.Dir).Finished())

	r := begin(t, nintest.Short(func(s *nin.Settings) { s.Epochs = 1 }), "")
	assert.False(t, r.Finished())
	end, epochs, _, _ := finish(t, r)
	assert.False(t, end.Early)
	assert.Equal(t, 4, end.Step)
	assert.False(t, math.IsNaN(epochs[0].TestLoss))
	r.Close()
	lines := withoutTimes(t, r.Dir)
	again := resume(t, r.Dir)
	assert.True(t, again.Finished())
	assert.Equal(t, lines, withoutTimes(t, r.Dir), "its end stays until it continues")
	finish(t, again)
	assert.Equal(t, lines, withoutTimes(t, r.Dir))
}

// A tuned run records its kernels. A resumed run uses them without measuring.
func TestTunedRunKeepsItsKernels(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := nintest.Short(func(s *nin.Settings) { s.Tune = true })
	dir := filepath.Join(t.TempDir(), "run")
	r := begin(t, s, dir)
	require.NotEmpty(t, r.Found.Kernels)
	var first struct {
		Kernels nn.Kernels
		Tune    bool
		Micro   int `json:"micro_batch"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &first))
	assert.Equal(t, r.Found.Kernels, first.Kernels)
	assert.True(t, first.Tune)
	assert.Equal(t, 16, first.Micro)
	r.Close()

	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "other")) // where nothing was measured
	assert.Equal(t, first.Kernels, resume(t, dir).Found.Kernels)
	_, err = os.Stat(os.Getenv("XDG_CACHE_HOME"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// The speed of a run is that of the clock, whatever the caller does between the steps. Only pauses
// are subtracted. The least bound is a part of the epoch's time, and the most contains it, so the
// machine's speed does not matter.
func TestSpeedIsByTheClock(t *testing.T) {
	const busy, pause = 50 * time.Millisecond, 300 * time.Millisecond
	r := begin(t, nintest.Short(func(*nin.Settings) {}), "")
	began, epochs := time.Now(), 0
	// first is when the epoch's first step came, and done when the caller was done with the last
	// step but one.
	var first, done time.Time
	// inside and outside are the length of the pause, without and with waiting for the device.
	var least, most, inside, outside time.Duration
	for e, err := range r.Events(context.Background()) {
		require.NoError(t, err)
		now := time.Now()
		switch {
		case e.Step != nil:
			if first.IsZero() {
				first, done = now, now
			}
			least, most = done.Sub(first)-outside, now.Sub(began)-inside
			time.Sleep(busy) // as a caller does that draws
			if e.Step.Step == 6 {
				require.NoError(t, r.Pause(func() error {
					start := time.Now()
					time.Sleep(pause)
					inside = time.Since(start)
					return nil
				}))
				outside = time.Since(now) - busy
			}
			done = time.Now()
		case e.Epoch != nil:
			epochs++
			seconds, images := e.Epoch.Seconds, e.Epoch.ImagesPerSecond
			assert.GreaterOrEqual(t, seconds, least.Seconds(), "epoch %d", epochs)
			assert.LessOrEqual(t, seconds, most.Seconds(), "epoch %d", epochs)
			assert.Greater(t, seconds, 3*busy.Seconds(), "the device trains while the caller is busy")
			assert.InEpsilon(t, 64/seconds, images, 1e-9)
			began, first, inside, outside = now, time.Time{}, 0, 0
		}
	}
	assert.Equal(t, 2, epochs)
}

// The training loss of an epoch is the mean over its images, weighted if classes have weights. It
// equals PyTorch's loss of the epoch as one batch, computed here from the losses of the steps and
// the labels. A resume in the middle does not change it.
func TestTrainingLossOfAnEpoch(t *testing.T) {
	train, _ := nintest.Images(t)
	for _, weights := range []string{"", "1,2,3,4,5,6,7,8,9,10"} {
		s := nintest.Short(func(s *nin.Settings) {
			s.ClassWeights, s.TrainImages, s.Shuffle, s.Epochs, s.CheckpointEvery = weights, 56, false, 1,
				nin.Every{Steps: 2}
		})
		loss, err := s.Loss(train.First(s.TrainImages))
		require.NoError(t, err)
		weight := func(i int) float64 {
			if weights == "" {
				return 1
			}
			return float64(float32(loss.ClassWeights[train.Label(i)]))
		}
		var sum, total, epoch float64
		steps := func(r *run.Run, until int) {
			sum, total = 0, 0
			for e, err := range r.Events(context.Background()) {
				require.NoError(t, err)
				switch {
				case e.Epoch != nil:
					epoch = e.Epoch.TrainLoss
				case e.Step != nil:
					of := 0.0
					for i := range e.Step.Images {
						of += weight((e.Step.Step-1)*s.Batch + i)
					}
					assert.InEpsilon(t, of, e.Step.Weight, 1e-12)
					sum, total = sum+e.Step.Loss*of, total+of
					if e.Step.Step == until {
						return
					}
				}
			}
		}
		steps(begin(t, s, ""), 0)
		assert.InEpsilon(t, sum/total, epoch, 1e-12)
		want := epoch
		stopped := begin(t, s, "")
		steps(stopped, 3)
		stopped.Close()
		again := resume(t, stopped.Dir)
		require.Equal(t, 2, again.Start)
		steps(again, 0)
		assert.Equal(t, want, epoch, "resumed")
	}
}
