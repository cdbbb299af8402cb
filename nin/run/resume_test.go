package run_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/run"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// stopped returns the folder of a run that was stopped after step 4, and the end of the same run
// without a stop.
func stopped(t *testing.T) (dir string, whole run.End) {
	t.Helper()
	return stoppedWith(t, nintest.Short(func(*nin.Settings) {}))
}

func stoppedWith(t *testing.T, s nin.Settings) (dir string, whole run.End) {
	t.Helper()
	whole, _, _, _ = finish(t, begin(t, s, ""))
	r := begin(t, s, "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for e := range r.Events(ctx) {
		if e.Step != nil && e.Step.Step == 4 {
			cancel()
		}
	}
	r.Close()
	return r.Dir, whole
}

// edit changes a file in dir. change must keep the length.
func edit(t *testing.T, dir, name string, change func(text []byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := change(bytes.Clone(text))
	require.NotEqual(t, text, changed)
	require.Len(t, changed, len(text))
	require.NoError(t, os.WriteFile(path, changed, 0o644))
}

// A run resumes to the same bits with a network of your own, an optimizer with two means, a
// schedule by name, frozen layers, and all settings that change the loss and the update. The file
// of weights describes the network.
func TestOwnNetworkResumes(t *testing.T) {
	const text = "conv 8 5 stride 2 nobias; batchnorm; relu; residual (conv 8 3 pad 1; leakyrelu); conv 10 1; globalavgpool; flatten"
	dir, whole := stoppedWith(t, nintest.Short(func(s *nin.Settings) {
		s.Net, s.Input, s.Optimizer, s.Schedule, s.Rate, s.Freeze = text, "20x24", nn.AdamW, "onecycle",
			0.01, "0, net.1"
		s.LabelSmoothing, s.ClassWeights, s.ClipNorm, s.SpareBiases = 0.1, "balanced", 0.5, true
	}))
	again := resume(t, dir)
	assert.Equal(t, []string{"net.0.weight", "net.1.weight", "net.1.bias", "net.1.running_mean", "net.1.running_var"},
		again.Net.Frozen())
	got, _, _, _ := finish(t, again)
	assert.Equal(t, whole, got)
	m, err := nin.ReadModel(filepath.Join(dir, "model.safetensors"), "")
	require.NoError(t, err)
	assert.Equal(t, text, nn.Text(m.Layers))
	assert.Equal(t, nn.Shape{C: 1, H: 20, W: 24}, m.In)
	assert.Empty(t, m.Recipe)
}

// A run starts from the weights of a file that fit, and notes which it took and which it left.
func TestStartsFromWhatFits(t *testing.T) {
	path := nintest.ModelFile(t, "mini", 1, 10, nil)
	weights := func(r *run.Run) map[string][]float32 {
		ts, err := r.Net.Weights()
		require.NoError(t, err)
		all := map[string][]float32{}
		for _, w := range ts {
			all[w.Name] = w.Data
		}
		return all
	}
	whole := begin(t, nintest.Short(func(s *nin.Settings) { s.Net, s.Init = "", path }), "")
	assert.Empty(t, whole.Note)
	const text = "(conv 32 5 pad 2; relu; conv 32 1; relu; conv 32 1; relu); conv 7 1; relu; conv 10 1; globalavgpool; flatten"
	other := begin(t, nintest.Short(func(s *nin.Settings) { s.Net, s.Init, s.Freeze = text, path, "0" }), "")
	assert.Contains(t, other.Note,
		"6 tensors of "+path+" were taken; net.1.weight [7 32 1 1], net.1.bias [7], net.3.weight [10 7 1 1], net.3.bias [10] start at random; not used: net.2.0.weight")
	assert.Equal(t, weights(whole)["net.0.2.weight"], weights(other)["net.0.2.weight"])
	assert.NotZero(t, weights(other)["net.3.weight"][0])

	train, test := nintest.Images(t)
	frozen := nintest.Short(func(s *nin.Settings) { s.Net, s.Init, s.Freeze = text, path, "0,1" })
	_, err := run.New(context.Background(), gputest.Device(t), frozen, nil, train, test,
		filepath.Join(t.TempDir(), "r"))
	require.ErrorContains(t, err,
		"no tensor of the file fits net.1.weight, which is frozen and would stay random; freeze less")
	random := begin(t, nintest.Short(func(s *nin.Settings) { s.Freeze = "0" }), "")
	assert.Contains(t, random.Note, "the frozen layers keep random weights")
	alone := nintest.Short(func(s *nin.Settings) { s.Net, s.Init = "conv 10 3; globalavgpool; flatten", path })
	_, err = run.New(context.Background(), gputest.Device(t), alone, nil, train, test, filepath.Join(t.TempDir(), "r"))
	require.ErrorContains(t, err, "no tensor fits one of the network's, such as net.0.weight [10 1 3 3]")
}

// A running variance can overflow while the loss and the weights are finite. The run then ends, and
// can be resumed from its last checkpoint.
func TestOverflowOfStateKeepsTheLastCheckpoint(t *testing.T) {
	r := begin(t, nintest.Short(func(s *nin.Settings) {
		s.Net, s.Input, s.Rate, s.CheckpointEvery = "conv 8 3; batchnorm; relu; conv 10 1; globalavgpool; flatten",
			"9x9", 0, nin.Every{Steps: 2}
	}), "")
	weights, err := r.Net.Weights()
	require.NoError(t, err)
	for i := range weights[0].Data {
		weights[0].Data[i] *= 1e20
	}
	require.NoError(t, r.Net.SetWeights(weights))
	var last error
	for _, err := range r.Events(context.Background()) {
		last = err
	}
	require.ErrorIs(t, last, nn.ErrDiverged)
	assert.ErrorContains(t, last, "step 2: net.1.running_var is not finite: ")
	r.Close()
	assert.Zero(t, resume(t, r.Dir).Start)
}

// If all tensors of a file begin with the name of a layer of the network, they are taken for that
// layer.
func TestStartsFromOneLayer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "layer.safetensors")
	layer := safetensors.Tensor{Name: "net.1.0.weight", Shape: []int{1, 1, 3, 3}, Data: make([]float32, 9)}
	require.NoError(t, safetensors.Write(path, []safetensors.Tensor{layer}, nil))
	r := begin(t, nintest.Short(func(s *nin.Settings) {
		s.Net, s.Input, s.Init = "conv 1 3; (conv 1 3; conv 10 1); globalavgpool; flatten", "9x9", path
	}), "")
	weights, err := r.Net.Weights()
	require.NoError(t, err)
	assert.NotZero(t, weights[0].Data[0])
	assert.Equal(t, "net.1.0.weight", weights[2].Name)
	assert.Zero(t, weights[2].Data[0])
}

// A network must have as many outputs as the images have classes. No command could read its file
// otherwise.
func TestOwnNetworkHasALogitForEachClass(t *testing.T) {
	train, test := nintest.Images(t)
	s := nintest.Short(func(s *nin.Settings) { s.Net = "conv 20 3; globalavgpool; flatten" })
	dir := filepath.Join(t.TempDir(), "r")
	_, err := run.New(context.Background(), gputest.Device(t), s, nil, train, test, dir)
	require.EqualError(t, err, "Net makes 20 logits; want 10, one for each class of the images")
	assert.NoDirExists(t, dir)
	s.Net = "conv 10 3; maxpool 100; globalavgpool"
	_, err = run.New(context.Background(), gputest.Device(t), s, nil, train, test, dir)
	require.ErrorContains(t, err, "Net does not fit: layer 1 (maxpool 100) on [10,26,26]: ")
	s.Net = "conv 10 3; relu"
	_, err = run.New(context.Background(), gputest.Device(t), s, nil, train, test, dir)
	require.ErrorContains(t, err, "Net outputs [10,26,26]; want one value a class")
	assert.NoDirExists(t, dir)
	mine := nin.Recipe{
		Name: "mine", In: nn.Shape{C: 1, H: 28, W: 28}, Init: nn.He, Hyper: nn.Hyper{Batch: 16, Epochs: 1},
		Net: func(int, float64) nn.Sequential { return nn.Sequential{nn.Flatten{}, nn.Linear{Out: 12}} },
	}
	_, err = run.New(context.Background(), gputest.Device(t), mine.Settings(), nil, train, test, dir, mine)
	require.EqualError(t, err,
		"the network of the recipe mine makes 12 logits; want 10, one for each class of the images")
	assert.NoDirExists(t, dir)
}

// Only one run at a time uses a folder. While it is written to, other processes are refused and
// change nothing. The lock of a process that was killed does not count.
func TestFolderIsLocked(t *testing.T) {
	s := nintest.Short(func(*nin.Settings) {})
	r := begin(t, s, "")
	_, err := run.ReadCheckpoint(r.Dir)
	require.ErrorIs(t, err, run.ErrBusy)
	assert.ErrorContains(t, err, r.Dir+" is in use by ")
	train, test := nintest.Images(t)
	_, err = run.New(context.Background(), gputest.Device(t), s, nil, train, test, r.Dir)
	require.ErrorIs(t, err, run.ErrBusy)
	want, _, _, _ := finish(t, r)
	r.Close()
	assert.NoFileExists(t, filepath.Join(r.Dir, ".lock"))

	_, err = run.New(context.Background(), gputest.Device(t), s, nil, train, test, r.Dir)
	require.ErrorIs(t, err, run.ErrExists)
	require.NoError(t, os.WriteFile(filepath.Join(r.Dir, ".lock"), []byte("1"), 0o644))
	again := resume(t, r.Dir)
	_, err = run.ReadCheckpoint(r.Dir)
	require.ErrorIs(t, err, run.ErrBusy)
	got, _, _, _ := finish(t, again)
	assert.Equal(t, want, got)
}

// A torn line, wherever it is, does not keep a run from resuming, and no other line is torn.
func TestTornMetrics(t *testing.T) {
	dir, want := stopped(t)
	for line := range 5 {
		torn := filepath.Join(t.TempDir(), "run")
		require.NoError(t, os.CopyFS(torn, os.DirFS(dir)))
		edit(t, torn, "metrics.jsonl", func(text []byte) []byte {
			lines := bytes.SplitAfter(text, []byte("\n"))
			copy(lines[line][len(lines[line])/2:], strings.Repeat("\x00", len(lines[line]))) // with its newline
			return bytes.Join(lines, nil)
		})
		got, _, _, _ := finish(t, resume(t, torn))
		assert.Equal(t, want, got, "line %d", line)
		text, err := os.ReadFile(filepath.Join(torn, "metrics.jsonl"))
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(text), "\n{\"event\":\"step\",\"step\":5,"), "line %d", line)
	}
}

// The lines that a run wrote after its last checkpoint are gone once it goes on, also while it has
// not written as many again.
func TestLinesAfterTheCheckpoint(t *testing.T) {
	killed := func(r *run.Run, after int) []string { // it writes neither a checkpoint nor the weights
		t.Helper()
		for e, err := range r.Events(context.Background()) {
			require.NoError(t, err)
			if e.Step != nil && e.Step.Step == after {
				break
			}
		}
		r.Close()
		text, err := os.ReadFile(filepath.Join(r.Dir, "metrics.jsonl"))
		require.NoError(t, err)
		return strings.SplitAfter(string(text), "\n")
	}
	r := begin(t, nintest.Short(func(s *nin.Settings) { s.CheckpointEvery = nin.Every{Steps: 99} }), "")
	lines := killed(r, 3)
	require.Len(t, lines, 1+3+1)
	assert.Equal(t, append(lines[:2:2], ""), killed(resume(t, r.Dir), 1))
}

// A new run takes the weights of a checkpoint.
func TestInitFromACheckpoint(t *testing.T) {
	dir, _ := stopped(t)
	paths, err := filepath.Glob(filepath.Join(dir, "checkpoint", "step-*"))
	require.NoError(t, err)
	hashes := map[string]bool{}
	for _, path := range []string{paths[len(paths)-1], filepath.Join(dir, "model.safetensors")} {
		hash, err := begin(t, nintest.Short(func(s *nin.Settings) { s.Init = path }), "").Net.Hash()
		require.NoError(t, err)
		hashes[hash] = true
	}
	assert.Len(t, hashes, 1)
}

// A resumed run records the new folder of its images, and finds them there the next time.
func TestMovedImagesAreRemembered(t *testing.T) {
	dir, want := stopped(t)
	c, err := run.ReadCheckpoint(dir)
	require.NoError(t, err)
	c.Settings.Data = "/moved"
	train, test := nintest.Images(t)
	r, err := run.Resume(context.Background(), gputest.Device(t), c, train, test, dir)
	require.NoError(t, err)
	got, _, _, _ := finish(t, r)
	assert.Equal(t, want, got)
	r.Close()
	c, err = run.ReadCheckpoint(dir)
	require.NoError(t, err)
	c.Close()
	assert.Equal(t, "/moved", c.Settings.Data)
}

// A run that is resumed with another version of the program or of the driver records that once, in
// metrics.jsonl.
func TestResumeRecordsThePlatform(t *testing.T) {
	dir, want := stopped(t)
	edit(t, dir, "metrics.jsonl", func(text []byte) []byte {
		was := []byte(`"go":"` + runtime.Version())
		return bytes.Replace(text, was, append(was[:len(was)-1:len(was)-1], 'x'), 1)
	})
	resume(t, dir).Close() // closed before its first step
	r := resume(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for e := range r.Events(ctx) {
		if e.Step != nil {
			cancel()
		}
	}
	r.Close()
	got, _, _, _ := finish(t, resume(t, dir))
	assert.Equal(t, want, got)
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(text), `{"event":"resume","step":4,"adapter":"`))
	assert.Equal(t, 1, strings.Count(string(text), `"go":"`+runtime.Version()+`"`))
}

// A recipe of your own, on images that package data does not know, runs and resumes under its own
// name. A caller that does not know the recipe is refused.
func TestOwnRecipe(t *testing.T) {
	dev := gputest.Device(t)
	train, test := nintest.Images(t)
	mine := nin.Recipe{
		Name: "mine", Dataset: "drawings", In: nn.Shape{C: 1, H: 28, W: 28}, Init: nn.He,
		Hyper: nn.Hyper{Batch: 16, Epochs: 1, Steps: 2, Rate: 0.1},
		Net: func(classes int, _ float64) nn.Sequential {
			return nn.Sequential{nn.Flatten{}, nn.Linear{Out: classes}}
		},
	}
	dir := filepath.Join(t.TempDir(), "run")
	_, err := run.New(t.Context(), dev, mine.Settings(), nil, train, test, dir)
	require.ErrorContains(t, err, `there is no recipe "mine"`)
	r, err := run.New(t.Context(), dev, mine.Settings(), nil, train, test, dir, mine)
	require.NoError(t, err)
	end, _, _, _ := finish(t, r)
	r.Close()
	assert.Equal(t, 2, end.Step)

	resume := func(known ...nin.Recipe) (*run.Run, error) {
		c, err := run.ReadCheckpoint(dir)
		require.NoError(t, err)
		return run.Resume(t.Context(), dev, c, train, test, dir, known...)
	}
	_, err = resume()
	require.ErrorContains(t, err, `there is no recipe "mine"`)
	changed := mine
	changed.Net = nin.Mini
	_, err = resume(changed)
	require.ErrorContains(t, err, "the recipe's network has changed")
	r, err = resume(mine)
	require.NoError(t, err)
	assert.True(t, r.Finished())
	r.Close()

	m, err := nin.ReadModel(filepath.Join(dir, "model.safetensors"), "")
	require.NoError(t, err)
	assert.Equal(t, []string{"mine", "drawings"}, []string{m.Recipe, m.Dataset})
}
