package report_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/report"
	"wgnin/nin/session"
	"wgnin/nn"
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

// A file gives the network the same input, to the bit, whether it is predicted, dropped
// on the window (a probe is what that has), or one of a folder dataset: with alpha,
// in grey, of any shape.
func TestAnImageHasOneWay(t *testing.T) {
	dev := gputest.Device(t)
	dir := t.TempDir()
	see := func(x, y int) color.NRGBA {
		return color.NRGBA{uint8(x * 7), uint8(y * 11), uint8(x * y), uint8(50 + 3*x)}
	}
	clear, wide, grey := image.NewNRGBA(image.Rect(0, 0, 28, 28)), image.NewRGBA(image.Rect(0, 0, 90, 31)), image.NewGray(image.Rect(0, 0, 40, 28))
	for y := range 31 {
		for x := range 90 {
			c := see(x, y)
			clear.Set(x, y, c)
			grey.Set(x, y, c)
			c.A = 255
			wide.Set(x, y, c)
		}
	}
	for class, pictures := range map[string][]image.Image{"a": {clear, wide}, "b": {grey}} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, class), 0o755))
		for i, im := range pictures {
			f, err := os.Create(filepath.Join(dir, class, fmt.Sprintf("%d.png", i)))
			require.NoError(t, err)
			require.NoError(t, png.Encode(f, im))
			require.NoError(t, f.Close())
		}
	}
	for _, split := range []string{"train", "test"} { // all of them in each
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "all", split), 0o755))
		for _, class := range []string{"a", "b"} {
			require.NoError(t, os.Symlink(filepath.Join(dir, class), filepath.Join(dir, "all", split, class)))
		}
	}
	m, err := nin.ReadModel(nintest.ModelFile(t, "mini", 3, 2, nil), "")
	require.NoError(t, err)
	_, set, err := data.Load(t.Context(), "folder", data.Options{Dir: filepath.Join(dir, "all"), H: m.In.H, W: m.In.W})
	require.NoError(t, err)
	require.Equal(t, 3, set.Len())

	on, err := session.OfModel(dev, m)
	require.NoError(t, err)
	defer on.Close()
	probe, err := nn.NewProbe(on.Net)
	require.NoError(t, err)
	defer probe.Close()
	seen := func() string {
		x := make([]float32, 28*28*probe.Input.Stride)
		require.NoError(t, gpu.Read(probe.Input.Data, x))
		return fmt.Sprint(x)
	}
	inputs, logits := map[string]bool{}, map[string]bool{}
	for i := range set.Len() {
		require.NoError(t, probe.SetImage(set, i))
		inputs[seen()] = true
		one := data.Images{C: 3, H: set.H, W: set.W, Pixels: set.Pixels[i*3*set.H*set.W:][:3*set.H*set.W], Labels: []uint8{0}}
		g, err := report.Predict(dev, m, []*data.Images{&one})
		require.NoError(t, err)
		logits[fmt.Sprint(g)] = true
	}
	require.Len(t, inputs, 3)
	for _, path := range []string{"a/0.png", "a/1.png", "b/0.png"} {
		im, err := data.ReadImage(filepath.Join(dir, path), 3)
		require.NoError(t, err)
		require.NoError(t, probe.SetPixels(im.Pixels, im.H, im.W, 0))
		assert.True(t, inputs[seen()], "%s is seen as in the folder", path)
		g, err := report.Predict(dev, m, []*data.Images{im})
		require.NoError(t, err)
		assert.True(t, logits[fmt.Sprint(g)], "%s is predicted as in the folder", path)
	}
}
