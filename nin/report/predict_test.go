package report_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/internal/nintest"
	"wgnin/nin/report"
	"wgnin/nn/data"
)

// TestPredict gives images of two sizes by turns: each gets what it gets alone,
// and the most probable class is the one that the evaluation counts.
func TestPredict(t *testing.T) {
	dev := gputest.Device(t)
	m, err := nin.ReadModel(nintest.ModelFile(t, "mini", 1, 10, nil), "")
	require.NoError(t, err)
	set := nintest.Fashion(t)
	var images []*data.Images
	for i := range 6 {
		pixels := set.Pixels[i*28*28:][:28*28]
		images = append(images, &data.Images{C: 1, H: 28, W: 28, Pixels: pixels, Labels: []uint8{0}},
			&data.Images{C: 1, H: 20, W: 28, Pixels: pixels[4*28 : 24*28], Labels: []uint8{0}})
	}
	all, err := report.Predict(dev, m, images)
	require.NoError(t, err)
	for i, im := range images[:4] {
		alone, err := report.Predict(dev, m, []*data.Images{im})
		require.NoError(t, err)
		assert.Equal(t, alone[0], all[i])
	}
	assert.NotEqual(t, all[0], all[1])

	e, err := report.Evaluate(t.Context(), dev, m, set.First(1), 1, nil)
	require.NoError(t, err)
	assert.Equal(t, 1, e.Confusion[set.Labels[0]][slices.Index(m.Classes, all[0][0].Class)])
	for _, guesses := range all {
		sum := 0.0
		for k, g := range guesses {
			sum += g.Probability
			assert.True(t, k == 0 || g.Probability <= guesses[k-1].Probability)
		}
		assert.InDelta(t, 1, sum, 1e-9)
	}
}
