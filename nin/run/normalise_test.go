package run_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nn/data"
)

// TestNormalisedRun checks that the normalisation found for the training images stays with the
// weights. A stopped run resumes to the same bits. A model read from any file of the run measures
// the same as the run. Settings with these numbers give the same run. A run that starts from
// weights with another normalisation notes the difference.
func TestNormalisedRun(t *testing.T) {
	s := nintest.Short(func(s *nin.Settings) { s.Normalise, s.Augment, s.CheckpointEvery.Steps = "dataset", "crop", 2 })
	whole := begin(t, s, "")
	want, epochs, _, _ := finish(t, whole)
	whole.Close()
	train, _ := nintest.Images(t)
	numbers := data.FitNormalisation(train.First(s.TrainImages))

	r := begin(t, s, "")
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

	measuresAsItsRun(t, whole.Dir, s, epochs[len(epochs)-1], func(m *nin.Model) {
		assert.Equal(t, numbers, m.Normalisation)
	})

	s.Normalise = numbers.String()
	same, _, _, _ := finish(t, begin(t, s, ""))
	assert.Equal(t, want.Hash, same.Hash)
	s.Normalise = nin.Unit
	other, _, _, _ := finish(t, begin(t, s, ""))
	assert.NotEqual(t, want.Hash, other.Hash)
	s.Init = filepath.Join(whole.Dir, "model.safetensors")
	assert.Contains(t, begin(t, s, "").Note,
		"was trained on images normalised by "+numbers.String()+"; here they are by unit")

	// With the settings of LikeInit, frozen layers see the preprocessing that they learned from.
	s.Normalise, s.Freeze = "dataset", "0"
	s, w, err := s.LikeInit()
	require.NoError(t, err)
	assert.Nil(t, w)
	assert.Equal(t, numbers.String(), s.Normalise)
	like := begin(t, s, "")
	assert.Equal(t, numbers, like.Found.Normalisation)
	assert.Empty(t, like.Note)
	for file, want := range map[string]string{
		nintest.ModelFile(t, "mini", 1, 10, map[string]string{"normalisation": "unit"}): "",
		nintest.ModelFile(t, "mini", 1, 10, nil):                                        "dataset",
	} {
		s.Init, s.Normalise, s.Freeze = file, "dataset", "0"
		like, _, err := s.LikeInit()
		require.NoError(t, err)
		assert.Equal(t, want, like.Normalise)
	}
	s.Net, s.Init = "", nintest.ModelFile(t, "mini", 1, 10, nil)
	assert.Contains(t, begin(t, s, "").Note,
		s.Init+" does not say how the images were normalised that the frozen layers learned from; here they are by "+numbers.String())
	s.Init = "none"
	_, _, err = s.LikeInit()
	require.ErrorContains(t, err, "Init none: ")
}
