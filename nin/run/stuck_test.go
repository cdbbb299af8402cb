package run

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/nn"
	"wgnin/nn/data"
)

// The losses of guessing equal those of nn.CrossEntropy, summed image by image. Without smoothing
// and weights they are the entropy of the labels and ln(classes).
func TestLossesOfGuessing(t *testing.T) {
	set := func(classes int, labels ...int) *data.Images {
		im := &data.Images{Classes: make([]string, classes), C: 1, H: 1, W: 1}
		im.SetLabels(labels...)
		return im
	}
	assert.InDelta(t, math.Ln2, lossesOf(300, set(300, 0, 7, 7, 0), nn.CrossEntropy{}).guess, 1e-15)
	assert.InDelta(t, 2*math.Ln2-0.75*math.Log(3), lossesOf(300, set(300, 1, 299, 1, 1), nn.CrossEntropy{}).guess,
		1e-15)
	assert.Zero(t, lossesOf(3, set(3, 2, 2), nn.CrossEntropy{}).guess)

	images := set(3, 0, 0, 2, 1, 0, 2, 0)
	for _, loss := range []nn.CrossEntropy{
		{}, {LabelSmoothing: 0.1}, {ClassWeights: []float64{1, 5, 0.5}},
		{LabelSmoothing: 0.3, ClassWeights: []float64{1, 5, 0.5}},
	} {
		w := loss.ClassWeights
		if w == nil {
			w = []float64{1, 1, 1}
		}
		target := func(i int) []float64 {
			t := make([]float64, 3)
			for c := range t {
				t[c] = w[c] * loss.LabelSmoothing / 3
			}
			t[images.Label(i)] += w[images.Label(i)] * (1 - loss.LabelSmoothing)
			return t
		}
		mean := func(logits func(i int) []float64) float64 { // the mean loss over all images
			sum, weights := 0.0, 0.0
			for i := range images.Len() {
				x, exps := logits(i), 0.0
				for _, v := range x {
					exps += math.Exp(v)
				}
				for c, share := range target(i) {
					sum += share * (math.Log(exps) - x[c])
				}
				weights += w[images.Label(i)]
			}
			return sum / weights
		}
		logs := func(v []float64) (x []float64) {
			for _, p := range v {
				x = append(x, max(-50, math.Log(p)))
			}
			return x
		}
		average := make([]float64, 3)
		for i := range images.Len() {
			for c, share := range target(i) {
				average[c] += share
			}
		}
		got := lossesOf(3, images, loss)
		assert.InDelta(t, mean(func(int) []float64 { return make([]float64, 3) }), got.equal, 1e-12)
		assert.InDelta(t, mean(func(int) []float64 { return logs(average) }), got.guess, 1e-12)
		assert.InDelta(t, mean(func(i int) []float64 { return logs(target(i)) }), got.least, 1e-12)
	}
}

// A loss between guessing and the least possible gives no warning, although smoothing leaves little
// between them.
func TestSmoothedLossIsNotStuck(t *testing.T) {
	images := &data.Images{Classes: make([]string, 10), C: 1, H: 1, W: 1}
	images.SetLabels(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	warned := func(learned float64) bool {
		s := newStuck(10, images, nn.CrossEntropy{LabelSmoothing: 0.9}, false)
		for range stuckChunks * chunkSteps {
			// the loss varies a little
			if s.step(s.losses.guess-learned*(s.losses.guess-s.losses.least)+1e-3*float64(s.steps%2)) != "" {
				return true
			}
		}
		return false
	}
	assert.True(t, warned(0))
	assert.False(t, warned(0.1))
}
