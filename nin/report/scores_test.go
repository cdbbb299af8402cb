package report_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/report"
	"wgnin/nn"
)

// TestEvaluate compares loss and accuracy, which are computed from logits on the host, with what
// the kernels add up on the device.
func TestEvaluate(t *testing.T) {
	dev := gputest.Device(t)
	set := nintest.Fashion(t).First(50)
	m, err := nin.ReadModel(nintest.ModelFile(t, "mini", 1, 10, nil), "")
	require.NoError(t, err)
	done := 0
	e, err := report.Evaluate(context.Background(), dev, m, set, 8, func(n int) { done = n })
	require.NoError(t, err)
	assert.Equal(t, 50, done)

	net, err := m.Net(dev)
	require.NoError(t, err)
	defer net.Close()
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, 8)
	require.NoError(t, err)
	defer eval.Close()
	want, err := eval.Run(context.Background())
	require.NoError(t, err)
	assert.InEpsilon(t, want.Loss, e.Loss, 1e-5) // a sum of 50 in float32
	assert.InDelta(t, want.Accuracy, e.Accuracy, 1e-9)
	assert.Greater(t, e.Accuracy, 0.0)

	logits, err := eval.Logits(0, 50)
	require.NoError(t, err)
	taken := make([]int, 50)
	for i, row := range logits {
		taken[i] = slices.Index(row, slices.Max(row))
	}
	for c, r := range e.Classes {
		hits, of, as := 0, 0, 0
		for i, label := range set.Labels {
			isLabel, isTaken := int(label) == c, taken[i] == c
			hits += ones(isLabel && isTaken)
			of += ones(isLabel)
			as += ones(isTaken)
		}
		assert.Equal(t, of, r.Images)
		assert.InDelta(t, float64(hits)/float64(max(1, as)), r.Precision, 1e-9)
		assert.InDelta(t, float64(hits)/float64(max(1, of)), r.Recall, 1e-9)
		assert.Equal(t, hits, e.Confusion[c][c])
	}
	assert.Equal(t, "mini", e.Recipe)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = report.Evaluate(ctx, dev, m, set, 8, nil)
	require.ErrorIs(t, err, context.Canceled)
	set.C, set.H = 2, set.H/2
	_, err = report.Evaluate(context.Background(), dev, m, set, 8, nil)
	assert.ErrorContains(t, err, "the images have 2 channels; the network takes 1")
}

func ones(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestEvaluationWrite(t *testing.T) {
	e := report.Scores{
		Recipe: "mini", Dataset: "pets", Images: 10, Accuracy: 0.6, Loss: 0.5,
		Classes: []report.ClassScore{{Name: "cat", Images: 6, Precision: 0.667, Recall: 0.667},
			{Name: "dog", Images: 4, Precision: 0.5, Recall: 0.5}},
		Confusion: [][]int{{4, 2}, {2, 2}},
	}
	var out strings.Builder
	require.NoError(t, e.Write(&out))
	assert.Equal(t, `mini on 10 images of pets: accuracy 0.6000, loss 0.5000

class  images  precision  recall  most often taken for
cat    6       0.667      0.667   dog (2)
dog    4       0.500      0.500   cat (2)

confusion: rows are the labels, columns are the predictions
       0 1
 0 cat 4 2
 1 dog 2 2
`, out.String())

	// For a matrix that is too wide for text, Write refers to the picture.
	for len(e.Classes) < 30 {
		e.Classes = append(e.Classes, report.ClassScore{Name: "more"})
	}
	e.Confusion = make([][]int, 30)
	for i := range e.Confusion {
		e.Confusion[i] = make([]int, 30)
	}
	out.Reset()
	require.NoError(t, e.Write(&out))
	assert.Contains(t, out.String(), "a picture has room for it")
}
