package study_test

import (
	"bytes"
	"context"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/report"
	"wgnin/nin/study"
	"wgnin/nn"
)

// convs adds up the parameters of convolutions: weights and biases.
func convs(layers ...[3]int) (n int) {
	for _, l := range layers {
		in, out, kernel := l[0], l[1], l[2]
		n += out*in*kernel*kernel + out
	}
	return n
}

// TestStudies compares the parameters of every variant with the number computed from its layers,
// {in, out, kernel}.
func TestStudies(t *testing.T) {
	c := func(in, out, kernel int) [3]int { return [3]int{in, out, kernel} }
	block := func(in, out, kernel, pointwise, n int) (layers [][3]int) {
		layers = append(layers, c(in, out, kernel))
		for range n {
			layers = append(layers, c(out, out, pointwise))
		}
		return layers
	}
	mini := func(pointwise, n int, head ...[3]int) (all [][3]int) {
		all = append(all, block(1, 32, 5, pointwise, n)...)
		all = append(all, block(32, 64, 3, pointwise, n)...)
		all = append(all, block(64, 96, 3, pointwise, n)...)
		return append(all, head...)
	}
	family := func(stages ...int) (all [][3]int) {
		in := 1
		for i, n := range stages {
			out := []int{16, 32, 64, 128, 128}[i]
			all = append(all, block(in, out, 3, 1, n-1)...)
			in = out
		}
		return append(all, block(128, 10, 3, 1, 2)...)
	}
	last := block(96, 10, 3, 1, 2)
	want := map[string][][3]int{
		"1 two 1x1":         mini(1, 2, last...),
		"1 one 1x1":         mini(1, 1, block(96, 10, 3, 1, 1)...),
		"1 three 1x1":       mini(1, 3, block(96, 10, 3, 1, 3)...),
		"2 1x1":             mini(1, 2, last...),
		"2 3x3":             mini(3, 2, block(96, 10, 3, 3, 2)...),
		"3 global average":  mini(1, 2, last...),
		"3 fully connected": mini(1, 2, append(last, c(10, 10, 2))...),
		"3 like VGG":        mini(1, 2, c(96, 256, 2), c(256, 256, 1), c(256, 10, 1)),
		"5 one step":        mini(1, 2, last...),
		"5 gradual":         mini(1, 2, c(96, 48, 3), c(48, 24, 1), c(24, 10, 1)),
		"5 last":            mini(1, 2, c(96, 96, 3), c(96, 96, 1), c(96, 10, 1)),
		"6 NiN-11":          family(1, 1, 2, 2, 2),
		"6 NiN-16":          family(2, 2, 3, 3, 3),
		"6 NiN-19":          family(2, 2, 4, 4, 4),
		"6 mini":            mini(1, 2, last...),
	}
	depth := map[string]int{"6 NiN-11": 11, "6 NiN-16": 16, "6 NiN-19": 19}
	for _, s := range study.Studies {
		for _, v := range s.Networks {
			name := string(rune('0'+s.Exercise)) + " " + v.Name
			layers, ok := want[name]
			require.True(t, ok, name)
			delete(want, name)
			in := nn.Shape{C: 1, H: 28, W: 28}
			got, err := nn.Params(v.Net(10, 0.2), in)
			require.NoError(t, err)
			assert.Equal(t, convs(layers...), got, name)
			if n, ok := depth[name]; ok {
				assert.Len(t, layers, n)
			}
			out, err := nn.OutShape(v.Net(7, 0.2), in)
			require.NoError(t, err)
			assert.Equal(t, nn.Shape{C: 7, H: 1, W: 1, Flat: true}, out, name)
		}
	}
	assert.Empty(t, want)

	// This is the chapter's scale.
	out, err := nn.OutShape(nin.LikeVGG(19, 64, 10, 0.5)[:9], nn.Shape{C: 1, H: 224, W: 224})
	require.NoError(t, err)
	assert.Equal(t, nn.Shape{C: 512, H: 14, W: 14}, out)
	assert.Nil(t, nin.LikeVGG(12, 64, 10, 0.5))
	_, err = study.Find(4)
	require.ErrorContains(t, err, "go run ./cmd/nin cost")
	_, err = study.Find(7)
	assert.ErrorContains(t, err, "the chapter's are 1 to 6")
}

// small returns a study that takes a second. It has a network, the same network again, one that
// diverges, because nothing bounds the outputs of a chain of convolutions, and one that cannot
// learn.
func small() study.Study {
	net := func(n int) func(int, float64) nn.Sequential {
		return func(classes int, _ float64) (s nn.Sequential) {
			s = append(s, nn.MaxPool2D{Kernel: 7})
			for range n {
				s = append(s, nn.Conv2D{Out: 16, Kernel: 3, Pad: nn.Pad(1)})
			}
			return append(s, nn.Flatten{}, nn.Linear{Out: classes})
		}
	}
	// Twenty ReLUs of one channel let nothing through, so all images look the same.
	dead := func(classes int, _ float64) (s nn.Sequential) {
		s = append(s, nn.MaxPool2D{Kernel: 14})
		for range 20 {
			s = append(s, nn.Conv2D{Out: 1, Kernel: 1}, nn.ReLU{})
		}
		return append(s, nn.Flatten{}, nn.Linear{Out: classes})
	}
	return study.Study{Exercise: 9, Title: "T", Question: "Q?", Networks: []study.Network{
		{Name: "a", Net: net(1)}, {Name: "b", Net: net(1)}, {Name: "deep", Net: net(40)}, {Name: "dead", Net: dead},
	}}
}

// TestAnswer trains for the steps of the recipe, five epochs, because the budget is large enough.
func TestAnswer(t *testing.T) {
	dev := gputest.Device(t)
	set := nintest.Fashion(t)
	var log strings.Builder
	o := study.Conditions{Budget: time.Hour, Seeds: 2, Train: set.First(320), Test: set.First(40), Log: &log}
	r, err := study.Answer(context.Background(), dev, small(), o)
	require.NoError(t, err)
	assert.Equal(t, 2, r.Seeds)
	assert.Equal(t, 15, r.Steps)
	assert.Equal(t, 128, r.Batch)
	assert.Equal(t, 40, r.TestImages)
	assert.Len(t, r.Results[0].Accuracy, 2)
	assert.Equal(t, r.Results[0].Accuracy, r.Results[1].Accuracy, "same network, seeds and images")
	assert.Equal(t, r.Results[0].Loss, r.Results[1].Loss)
	assert.Len(t, r.Results[0].Loss, 15)
	assert.Equal(t, 2, r.Results[2].Diverged, log.String())
	assert.Empty(t, r.Results[2].Accuracy)
	assert.Positive(t, r.Results[0].Rate)
	assert.Zero(t, r.Results[0].Guessing, r.Results[0].Loss)
	assert.Equal(t, 2, r.Results[3].Guessing)
	const notLearned = "dead: did not learn at the learning rate 0.025. After 15 steps the training loss was still about that of a guess, ln 10 = 2.30. "
	assert.Contains(t, log.String(), notLearned)
	assert.Regexp(t, `dead +seed 1  test accuracy 0.\d+, did not learn, `, log.String())
	assert.Contains(t, log.String(), "deep             seed 1  diverged at step")

	dir := t.TempDir()
	path, err := r.WriteFiles(dir)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "study-9.md"), path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(text), "| deep | diverged | - |")
	assert.Regexp(t, `\| dead \| 0\.\d+ \(.*\), did not learn \| 2\.`, string(text))
	assert.Contains(t, string(text), "**"+notLearned)
	assert.Contains(t, string(text),
		"- **dead** against a: not every training learned, so the accuracies cannot be compared, ")
	assert.Equal(t, image.Pt(1440, 600), nintest.Plot(t, filepath.Join(dir, "study-9.png")))

	o.Budget = time.Nanosecond // over before the first measurement
	_, err = study.Answer(context.Background(), dev, small(), o)
	require.ErrorContains(t, err, "Budget is 1ns; want at least ")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = study.Answer(ctx, dev, small(), o)
	assert.ErrorIs(t, err, context.Canceled)
}

// The report says what was done. It reports a difference only if every seed agrees.
func TestStudyMarkdown(t *testing.T) {
	cost := func(params int) report.Cost {
		return report.Cost{Parameters: params, MACs: int64(params) * 100, Training: report.MemoryUse{Peak: 2e6},
			Prediction: report.MemoryUse{Peak: 1e6}}
	}
	s := small()
	s.Networks = s.Networks[:3]
	r := study.Findings{
		Study: s, Adapter: "card", Command: "do this", Took: 9 * time.Minute, Dataset: "pets", Classes: 10,
		Batch: 10, Rate: 0.05, Steps: 50, TrainImages: 1000, TestImages: 200, Seeds: 2,
		Results: []study.NetworkResult{
			{Cost: cost(1000), Accuracy: []float64{0.80, 0.82}, Loss: []float64{2, 1}, Rate: 100},
			{Cost: cost(2000), Accuracy: []float64{0.84, 0.83}, Loss: []float64{2, 0.5}, Rate: 50},
			{Cost: cost(500), Accuracy: []float64{0.81}, Diverged: 1, Loss: []float64{2, 1.5}, Rate: 200},
		},
	}
	got := r.Markdown()
	for _, want := range []string{
		"# Exercise 9: T\n\n> Q?\n",
		"trained with 2 seeds, on the same images in the same order: 50 steps of 10 of the 1000 training images of\npets (0.5 epochs), learning rate 0.05,\n",
		"| a | 0.8100 (0.8000 to 0.8200) | 1.000 | 100 | 1000 | 0.10 | 2.0 | 1.0 |",
		"| deep | 0.8100 (0.8100 to 0.8100), 1 diverged | 1.500 | 200 | 500 | 0.05 | 2.0 | 1.0 |",
		"- **b** against a: +2.5 points of accuracy (every seed agrees, as equals do by chance one time in 3), 2.00 times the parameters, 2.00 times the multiply-adds, 0.50 times the images/s.",
		"- **deep** against a: +0.0 points of accuracy (one seed: this may be chance)",
		"`do this`, which took 9m0s.",
	} {
		assert.Contains(t, got, want)
	}
	assert.NotContains(t, got, "learn at")
	r.Results[0].Guessing = 1
	some := r.Markdown()
	for _, want := range []string{
		"| a | 0.8100 (0.8000 to 0.8200), 1 of 2 did not learn | 1.000 |",
		"\n\n**a: 1 of 2 trainings did not learn at the learning rate 0.05. After 50 steps the training loss was still about that of a guess, ln 10 = 2.30. ",
		"- **b** against a: not every training learned, so the accuracies cannot be compared, 2.00 times the parameters, ",
	} {
		assert.Contains(t, some, want)
	}
	r.Results[0].Guessing, r.Results[1].Guessing, r.Results[2].Guessing = 2, 2, 1
	all := r.Markdown()
	assert.Contains(t, all,
		"\n\n**No training learned at the learning rate 0.05. After 50 steps the training loss was still about that of a guess, ln 10 = 2.30, ")
	assert.Contains(t, all, "| deep | 0.8100 (0.8100 to 0.8100), did not learn, 1 diverged |")
	r.Results[0].Guessing, r.Results[1].Guessing, r.Results[2].Guessing = 0, 0, 0
	r.Results[1].Accuracy = []float64{0.81, 0.85}
	assert.Contains(t, r.Markdown(), "+2.0 points of accuracy (less than the seeds differ)")
	assert.Equal(t, 1, bytes.Count([]byte(got), []byte("![")))
}
