package run_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/report"
	"wgnin/nin/run"
	"wgnin/nn/data"
)

// TestWhitenedRun checks that the whitening stays with the weights. A stopped run resumes with its
// own whitening, and a model read from any file of the run measures the same as the run. Without
// the whitening, or with another, both are refused.
func TestWhitenedRun(t *testing.T) {
	dev := gputest.Device(t)
	white, err := data.BlankWhitening(1, 28, 28)
	require.NoError(t, err)
	for i := range white.Mean { // each pixel less a third of the one before
		white.Matrix[i*len(white.Mean)+i] = 1
		white.Matrix[i*len(white.Mean)+max(0, i-1)] -= 1.0 / 3
		white.Mean[i] = float32(i%7) / 7
	}
	s := nintest.Short(func(s *nin.Settings) { s.Whiten, s.CheckpointEvery.Steps = true, 2 })
	start := func() *run.Run {
		train, test := nintest.Images(t)
		r, err := run.New(context.Background(), dev, s, white, train, test, filepath.Join(t.TempDir(), "run"))
		require.NoError(t, err)
		t.Cleanup(r.Close)
		return r
	}
	whole := start()
	want, epochs, _, _ := finish(t, whole)
	whole.Close()

	r := start()
	for e, err := range r.Events(context.Background()) {
		require.NoError(t, err)
		if e.Step != nil && e.Step.Step == 3 {
			break
		}
	}
	r.Close()
	got, _, steps, _ := finish(t, resume(t, r.Dir))
	assert.Equal(t, 6, steps)
	assert.Equal(t, want, got)

	s.Whiten = false
	plain, _, _, _ := finish(t, begin(t, s, ""))
	assert.NotEqual(t, want.Hash, plain.Hash)

	measuresAsItsRun(t, whole.Dir, s, epochs[len(epochs)-1], func(*nin.Model) {})
	_, err = nin.ReadModel(filepath.Join(whole.Dir, "checkpoint", "best.safetensors"), "")
	require.NoError(t, err)

	// A run that starts from these weights with another whitening notes the difference, unless
	// LikeInit takes theirs.
	s.Init, s.Freeze = filepath.Join(whole.Dir, "model.safetensors"), "0"
	like, theirs, err := s.LikeInit()
	require.NoError(t, err)
	assert.True(t, like.Whiten)
	assert.Equal(t, white.Hash(), theirs.Hash())
	s.Whiten = true
	assert.Empty(t, start().Note)
	hash := white.Hash()
	white.Mean[3]++
	assert.Contains(t, start().Note,
		"was trained on images normalised by whitening "+hash[:16]+"; here they are by whitening "+white.Hash()[:16])
	white.Mean[3]--
	s.Whiten, s.Init, s.Freeze = false, "", ""

	file := filepath.Join(whole.Dir, "whitening.safetensors")
	white.Mean[3] = math.Pi
	require.NoError(t, white.Write(file))
	refused := func(says string) {
		_, err := nin.ReadModel(filepath.Join(whole.Dir, "model.safetensors"), "")
		assert.ErrorContains(t, err, says)
		c, err := run.ReadCheckpoint(whole.Dir)
		require.NoError(t, err)
		train, test := nintest.Images(t)
		_, err = run.Resume(context.Background(), dev, c, train, test, whole.Dir)
		assert.ErrorContains(t, err, says)
	}
	refused("is not the one that the network was trained with")
	require.NoError(t, os.Remove(file))
	refused("put the whitening.safetensors of its run beside it")

	d2l, err := nin.Find("d2l")
	require.NoError(t, err)
	s = d2l.Settings()
	s.Whiten = true
	assert.ErrorContains(t, s.Check(), "whitening images of [1,224,224], 50176 values; want at most 4096")
}

// measuresAsItsRun evaluates the models in the files of a finished run, and exports of them, on the
// run's test images, and compares the results with the run's last epoch. It calls check with each
// model.
func measuresAsItsRun(t *testing.T, dir string, s nin.Settings, last run.Epoch, check func(*nin.Model)) {
	t.Helper()
	_, test := nintest.Images(t)
	exported, network := filepath.Join(t.TempDir(), "m.safetensors"), filepath.Join(t.TempDir(), "m.onnx")
	for i, file := range []string{
		filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "checkpoint", "step-000000008.safetensors"),
		exported, network,
	} {
		m, err := nin.ReadModel(file, "")
		require.NoError(t, err)
		check(m)
		e, err := report.Evaluate(context.Background(), gputest.Device(t), m, test.First(s.TestImages), 32, nil)
		require.NoError(t, err)
		assert.InEpsilon(t, last.TestLoss, e.Loss, 1e-5) // a sum in float32
		assert.InDelta(t, last.TestAccuracy, e.Accuracy, 1e-9)
		if i == 0 {
			require.NoError(t, m.Export(exported))
			require.NoError(t, m.Export(network))
		}
	}
}
