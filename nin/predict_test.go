package nin_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nn/data"
)

// TestPredict gives images of two sizes by turns: each gets what it gets alone,
// and the most probable class is the one that the evaluation counts.
func TestPredict(t *testing.T) {
	dev := gputest.Device(t)
	m, err := nin.ReadModel(model(t, "mini", 1, 10, nil), "")
	require.NoError(t, err)
	set := fashion(t)
	var images []*data.Images
	for i := range 6 {
		pixels := set.Pixels[i*28*28:][:28*28]
		images = append(images, &data.Images{C: 1, H: 28, W: 28, Pixels: pixels, Labels: []uint8{0}},
			&data.Images{C: 1, H: 20, W: 28, Pixels: pixels[4*28 : 24*28], Labels: []uint8{0}})
	}
	all, err := m.Predict(dev, images)
	require.NoError(t, err)
	for i, im := range images[:4] {
		alone, err := m.Predict(dev, []*data.Images{im})
		require.NoError(t, err)
		assert.Equal(t, alone[0], all[i])
	}
	assert.NotEqual(t, all[0], all[1])

	e, err := m.Evaluate(t.Context(), dev, set.First(1), 1, nil)
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

func TestLooksInverted(t *testing.T) {
	set := fashion(t).First(1)
	turned := *set
	turned.Pixels = slices.Clone(set.Pixels)
	for i, v := range set.Pixels {
		turned.Pixels[i] = 255 - v
	}
	m := nin.Model{Dataset: "fashion-mnist"}
	assert.False(t, m.LooksInverted(set))
	assert.True(t, m.LooksInverted(&turned))
	m.Dataset = "cifar10"
	assert.False(t, m.LooksInverted(&turned))
}
