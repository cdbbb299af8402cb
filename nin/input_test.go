package nin

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/machine"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// A file of measured kernels that is damaged is named, and none is no error.
func TestReadKernels(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kernels.json")
	known, err := readKernels(path)
	require.NoError(t, err)
	assert.Equal(t, nn.Kernels{}, known)
	for text, says := range map[string]string{
		"":          "unexpected end of JSON input",
		"{\"a\":":   "unexpected end of JSON input",
		"[]":        "cannot unmarshal array",
		"{\"a\":1}": "cannot unmarshal number",
		"null":      "null; want an object",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := readKernels(path)
		assert.ErrorContains(t, err, path+": ", text)
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "; remove it to measure anew")
	}
	require.NoError(t, os.WriteFile(path, []byte(`{"forward":"block 8"}`), 0o600))
	known, err = readKernels(path)
	require.NoError(t, err)
	assert.Equal(t, nn.Kernels{"forward": "block 8"}, known)
}

// What does not fit is refused before anything is made, on the host as on the
// device: these would take more memory than any machine has.
func TestPlansOfTooMuch(t *testing.T) {
	recipe, err := Find("mini")
	require.NoError(t, err)
	if machine.FreeMemory() > 0 {
		_, err = Bench(context.Background(), gpu.Dry(gpu.Guaranteed, false), BenchOptions{Recipe: recipe, Batch: 1e15, Steps: 1})
		assert.ErrorContains(t, err, "a batch of 1000000000000000 images takes 2352000000000000000 bytes to make; ")
	}
	recipe.In.C = 4096 // 225 GB of images
	a := gpu.Guaranteed
	c, err := PlanCost(gpu.Dry(a, false), recipe, 4)
	require.NoError(t, err)
	assert.InEpsilon(t, 70_000*4096*28*28, c.Training.Images, 0.001)
	a.Limits.MaxBytes = 64 << 30
	_, err = PlanCost(gpu.Dry(a, false), recipe, 4)
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	assert.Regexp(t, "^60000 images of .4096,28,28. are too many; train on fewer with -train-images N: [^\n]*$", err.Error())
}

// checkpointOf is the metadata of a checkpoint with the given state and no weights.
func checkpointOf(state string) map[string]string {
	return map[string]string{"checkpoint": state, "sha256": hashCheckpoint([]byte(state), nil)}
}

// FuzzCheckpoint: the state of a checkpoint whose hash is right is refused in a
// line, or has settings that can be checked and written again.
func FuzzCheckpoint(f *testing.F) {
	for _, r := range Recipes {
		raw, err := json.Marshal(state{Format: format, Settings: r.Settings(), Step: 7, Found: found{Micro: 64, Kernels: nn.Kernels{"a": "b"}}})
		require.NoError(f, err)
		f.Add(string(raw))
	}
	f.Add("")
	f.Add("null")
	f.Add("[]")
	f.Add(`{"format":2}`)
	f.Add(`{"format":1,"settings":{"lr":1e999}}`)
	f.Add(`{"format":1,"settings":{"checkpoint_every":"5x","batch":-1},"metrics":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := newCheckpoint(nil, checkpointOf(text))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		checkSettings(t, c.Settings)
	})
}

// FuzzMetrics: the same of the first line of metrics.jsonl.
func FuzzMetrics(f *testing.F) {
	for _, r := range Recipes {
		raw, err := json.Marshal(r.Settings())
		require.NoError(f, err)
		f.Add(`{"event":"run",` + string(raw[1:]) + "\n{}")
	}
	f.Add("")
	f.Add(`{"event":"step"}`)
	f.Add(`{"event":"run","seed":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := firstLine(strings.NewReader(text))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		checkSettings(t, s)
	})
}

func checkSettings(t *testing.T, s Settings) {
	if err := s.Check(); err != nil {
		require.NotContains(t, err.Error(), "\n")
		return
	}
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	var again Settings
	require.NoError(t, json.Unmarshal(raw, &again))
	require.Equal(t, s, again)
}

// A checkpoint whose weights or state were changed is refused, and so is a file
// that is none.
func TestNewCheckpointRefuses(t *testing.T) {
	good := checkpointOf(`{"format":1}`)
	_, err := newCheckpoint(nil, good)
	require.NoError(t, err)
	for says, c := range map[string]struct {
		tensors []safetensors.Tensor
		meta    map[string]string
	}{
		"is no checkpoint, only weights": {meta: map[string]string{"recipe": "mini"}},
		"is damaged":                     {tensors: []safetensors.Tensor{{Name: "w", Data: []float32{1}}}, meta: good},
		"has format 2; this":             {meta: checkpointOf(`{"format":2}`)},
		"is no checkpoint: invalid":      {meta: checkpointOf(`<`)},
	} {
		_, err := newCheckpoint(c.tensors, c.meta)
		assert.ErrorContains(t, err, says)
	}
}
