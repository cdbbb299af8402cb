package run

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// checkpointOf returns the metadata of a checkpoint with the given state and no weights.
func checkpointOf(state string) map[string]string {
	return map[string]string{"checkpoint": state, "sha256": hashCheckpoint([]byte(state), nil)}
}

// FuzzCheckpoint reads a checkpoint with any state and the right hash. The state is refused in one
// line, or has settings that can be checked and written again.
func FuzzCheckpoint(f *testing.F) {
	for _, r := range nin.Recipes {
		raw, err := json.Marshal(state{Format: format, Settings: r.Settings(), Step: 7,
			Found: session.Found{Micro: 64, Kernels: nn.Kernels{"a": "b"}}})
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

// FuzzMetrics does the same for metrics.jsonl.
func FuzzMetrics(f *testing.F) {
	for _, r := range nin.Recipes {
		raw, err := json.Marshal(r.Settings())
		require.NoError(f, err)
		f.Add(`{"event":"run",` + string(raw[1:]) + "\n{}")
	}
	f.Add("")
	f.Add(`{"event":"step"}`)
	f.Add(`{"event":"run","seed":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := readRecord(strings.NewReader(text))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
		} else if r.settings != nil {
			checkSettings(t, *r.settings)
		}
	})
}

func checkSettings(t *testing.T, s nin.Settings) {
	if err := s.Check(); err != nil {
		require.NotContains(t, err.Error(), "\n")
		return
	}
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	var again nin.Settings
	require.NoError(t, json.Unmarshal(raw, &again))
	require.Equal(t, s, again)
}

// A checkpoint whose weights or state were changed is refused, and so is a file that is not a
// checkpoint.
func TestNewCheckpointRefuses(t *testing.T) {
	good := checkpointOf(`{"format":1}`)
	_, err := newCheckpoint(nil, good)
	require.NoError(t, err)
	for says, c := range map[string]struct {
		tensors []safetensors.Tensor
		meta    map[string]string
	}{
		"not a checkpoint, only weights": {meta: map[string]string{"recipe": "mini"}},
		"is damaged":                     {tensors: []safetensors.Tensor{{Name: "w", Data: []float32{1}}}, meta: good},
		"has format 2; this":             {meta: checkpointOf(`{"format":2}`)},
		"not a checkpoint: invalid":      {meta: checkpointOf(`<`)},
	} {
		_, err := newCheckpoint(c.tensors, c.meta)
		assert.ErrorContains(t, err, says)
	}
}
