package tensorboard_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn/tensorboard"
)

// write opens the file after its first size bytes, appends a loss for each step, and returns the
// new size.
func write(t *testing.T, path string, size int64, steps ...int) int64 {
	t.Helper()
	w, err := tensorboard.Open(path, size)
	require.NoError(t, err)
	for _, step := range steps {
		err := w.Write(step, tensorboard.Point{Tag: "loss/train", Value: 1 / float64(step)},
			tensorboard.Point{Tag: "learning_rate", Value: 0.5})
		require.NoError(t, err)
	}
	size, err = w.Sync()
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return size
}

func steps(t *testing.T, path string) (steps []int) {
	t.Helper()
	events, err := tensorboard.Read(path)
	require.NoError(t, err)
	for _, e := range events {
		steps = append(steps, e.Step)
	}
	return steps
}

func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), tensorboard.FileName)
	before := time.Now().Add(-time.Second)
	write(t, path, 0, 1, 2, 300)
	events, err := tensorboard.Read(path)
	require.NoError(t, err)
	require.Len(t, events, 3)
	assert.Equal(t, []tensorboard.Point{{Tag: "loss/train", Value: 0.5}, {Tag: "learning_rate", Value: 0.5}},
		events[1].Scalars)
	assert.Equal(t, 300, events[2].Step)
	assert.True(t, events[0].Time.After(before) && events[0].Time.Before(time.Now().Add(time.Second)), events[0].Time)
}

// TestOpenDropsWhatIsLater checks that a resumed run does not write a step twice.
func TestOpenDropsWhatIsLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), tensorboard.FileName)
	two := write(t, path, 0, 1, 2)
	four := write(t, path, two, 3, 4)
	write(t, path, two, 3, 4, 5)
	assert.Equal(t, []int{1, 2, 3, 4, 5}, steps(t, path))
	require.NoError(t, os.Truncate(path, four+7)) // as after a crash during a write
	assert.Equal(t, []int{1, 2, 3, 4}, steps(t, path))
	_, err := tensorboard.Open(path, 1000)
	assert.ErrorContains(t, err, path+" has ")
}

func TestNoWriter(t *testing.T) {
	var w *tensorboard.Writer
	require.NoError(t, w.Write(1, tensorboard.Point{Tag: "loss/train"}))
	_, err := w.Sync()
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func TestReadRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), tensorboard.FileName)
	write(t, path, 0, 1, 2, 3)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range whole { // every flipped bit is found
		raw := append([]byte{}, whole...)
		raw[i] ^= 1 << (i % 8)
		require.NoError(t, os.WriteFile(path, raw, 0o644))
		_, err := tensorboard.Read(path)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "is damaged")
	}
}

// TestTensorBoardReads reads the file with TensorBoard's own reader. It uses the Python that
// $PYTHON names, or python3 on PATH, if it has tensorboard.
func TestTensorBoardReads(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import tensorboard").Run(); err != nil {
		t.Skip("needs a python3 with tensorboard")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, tensorboard.FileName), 0, 1, 2, 4)
	out, err := exec.Command(python, "-c", `
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1])
a.Reload()
for tag in a.Tags()["scalars"]:
    print(tag, *[(e.step, e.value) for e in a.Scalars(tag)])
`, dir).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "loss/train (1, 1.0) (2, 0.5) (4, 0.25)\n")
	assert.Contains(t, string(out), "learning_rate (1, 0.5) (2, 0.5) (4, 0.5)\n")
}
