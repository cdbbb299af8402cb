package data_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn/data"
)

// TestFitNormalisation compares with a two-pass mean and deviation, as numpy computes them, rounded
// to float32.
func TestFitNormalisation(t *testing.T) {
	set := &data.Images{C: 3, H: 5, W: 7, Pixels: make([]uint8, 4*3*5*7), Labels: make([]uint8, 4)}
	for i := range set.Pixels {
		switch i / 35 % 3 {
		case 0:
			set.Pixels[i] = uint8(i * i * 31 >> 3)
		case 1:
			set.Pixels[i] = 77 // flat
		default:
			set.Pixels[i] = uint8(200 + i%4)
		}
	}
	got := data.FitNormalisation(set)
	for c := range 3 {
		var values []float64
		for i, v := range set.Pixels {
			if i/35%3 == c {
				values = append(values, float64(v)/255)
			}
		}
		mean, variance := 0.0, 0.0
		for _, v := range values {
			mean += v / float64(len(values))
		}
		for _, v := range values {
			variance += (v - mean) * (v - mean) / float64(len(values))
		}
		want := math.Sqrt(variance)
		if c == 1 {
			want = 1
		}
		assert.InEpsilon(t, mean, got.Mean[c], 1e-7, "channel %d", c) // float32
		assert.InEpsilon(t, want, got.Deviation[c], 1e-7, "channel %d", c)
	}
	assert.Equal(t, &data.Normalisation{Mean: []float32{0}, Deviation: []float32{1}},
		data.FitNormalisation(&data.Images{C: 1, H: 2, W: 2, Labels: make([]uint8, 9)}))
}

// TestNormalisationText checks that printed numbers are read back to the same bits, also in JSON,
// and that a single number applies to all channels.
func TestNormalisationText(t *testing.T) {
	want := &data.Normalisation{Mean: []float32{1.0 / 3, 0, 1}, Deviation: []float32{0.1, 1 / float32(math.Pi), 1}}
	got, err := data.ParseNormalisation(want.String())
	require.NoError(t, err)
	assert.Equal(t, want, got)
	raw, err := json.Marshal(struct{ N *data.Normalisation }{want})
	require.NoError(t, err)
	var back struct{ N *data.Normalisation }
	require.NoError(t, json.Unmarshal(raw, &back))
	assert.Equal(t, want, back.N)

	one, err := data.ParseNormalisation("0.5/0.25")
	require.NoError(t, err)
	three, err := one.For(3)
	require.NoError(t, err)
	assert.Equal(t, "0.5,0.5,0.5/0.25,0.25,0.25", three.String())
	assert.Equal(t, "0.485,0.456,0.406/0.229,0.224,0.225", data.ImageNet().String())
	_, err = data.ImageNet().For(1)
	require.EqualError(t, err,
		"the normalisation 0.485,0.456,0.406/0.229,0.224,0.225 has 3 means and 3 deviations; want 1 of each, for images of 1 channel")

	for text, want := range map[string]string{
		"": "is not a normalisation", "zscore": "is not a normalisation", "0.5": "is not a normalisation",
		"0.5/": "is not a normalisation", "0.5,/1": "is not a normalisation",
		"0.5/0.5/0.5": "is not a normalisation", "0.5 /1": "is not a normalisation",
		"123.675,116.28,103.53/58.395,57.12,57.375": "mean 1 of the normalisation is 123.675; want 0 to 1",
		"0.5/0.2,0": "deviation 2 of the normalisation is 0; want 0.001 to 1",
		"NaN/1":     "mean 1 of the normalisation is NaN", "0/Inf": "is +Inf",
	} {
		_, err := data.ParseNormalisation(text)
		require.ErrorContains(t, err, want, text)
	}
}
