package nin_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
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

// predict returns the predictions of images in batches.
func predict(t *testing.T, dev *gpu.Device, m *nin.Model, batch int, images ...*data.Images) (all [][]nin.Prediction) {
	t.Helper()
	p, err := nin.NewPredictor(dev, m, batch)
	require.NoError(t, err)
	defer p.Close()
	for some := range slices.Chunk(images, batch) {
		for _, im := range some {
			require.NoError(t, p.Add(im))
		}
		guesses, err := p.Run()
		require.NoError(t, err)
		all = append(all, guesses...)
	}
	return all
}

// TestPredict predicts images of two sizes in turn, in batches; the last batch is not full. An
// image gets the same prediction in its own batch, and the same as when the device resizes it. The
// most probable class is the one that the evaluation counts.
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
	all := predict(t, dev, m, 5, images...)
	require.Len(t, all, len(images))
	on, err := session.OfModel(dev, m)
	require.NoError(t, err)
	defer on.Close()
	for i, im := range images[:4] {
		assert.Equal(t, predict(t, dev, m, 5, im)[0], all[i], "in a batch without the others")
		// A batch of another size may run on other kernels, whose sums round differently: by some
		// units of 2^-24 of the logits, which are below 16.
		for k, g := range predict(t, dev, m, 1, im)[0] {
			assert.Equal(t, all[i][k].Class, g.Class)
			assert.InEpsilon(t, all[i][k].Probability, g.Probability, 1e-5)
		}
		require.NoError(t, on.Test(im, 1))
		logits, err := on.Evaluator.Logits(0, 1)
		require.NoError(t, err)
		best := slices.Index(logits[0], slices.Max(logits[0]))
		assert.Equal(t, m.Classes[best], all[i][0].Class)
		ratio := float64(logits[0][best]) - float64(slices.Min(logits[0]))
		assert.InEpsilon(t, math.Exp(ratio), all[i][0].Probability/all[i][9].Probability, 1e-5)
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

// A file gives the network the same input, bit for bit, whether it is predicted, dropped on the
// window (which uses a probe) or loaded as part of a folder dataset. The images have alpha, are
// grey or have another shape.
func TestAnImageHasOneWay(t *testing.T) {
	dev := gputest.Device(t)
	dir := t.TempDir()
	see := func(x, y int) color.NRGBA {
		return color.NRGBA{uint8(x * 7), uint8(y * 11), uint8(x * y), uint8(50 + 3*x)}
	}
	clear, wide, grey := image.NewNRGBA(image.Rect(0, 0, 28, 28)), image.NewRGBA(image.Rect(0, 0, 90, 31)),
		image.NewGray(image.Rect(0, 0, 40, 28))
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
	for _, split := range []string{"train", "test"} { // each split has all images
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "all", split), 0o755))
		for _, class := range []string{"a", "b"} {
			require.NoError(t, os.Symlink(filepath.Join(dir, class), filepath.Join(dir, "all", split, class)))
		}
	}
	m, err := nin.ReadModel(nintest.ModelFile(t, "mini", 3, 2, nil), "")
	require.NoError(t, err)
	_, set, err := data.Load(t.Context(), "folder",
		data.LoadOptions{Dir: filepath.Join(dir, "all"), H: m.In.H, W: m.In.W})
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
		one := data.Images{C: 3, H: set.H, W: set.W, Pixels: set.Pixels[i*3*set.H*set.W:][:3*set.H*set.W],
			Labels: []uint8{0}}
		logits[fmt.Sprint(predict(t, dev, m, 1, &one))] = true
	}
	require.Len(t, inputs, 3)
	for _, path := range []string{"a/0.png", "a/1.png", "b/0.png"} {
		im, err := data.ReadImage(filepath.Join(dir, path), 3)
		require.NoError(t, err)
		require.NoError(t, probe.SetPixels(im.Pixels, im.H, im.W, 0))
		assert.True(t, inputs[seen()], "%s is seen as in the folder", path)
		assert.True(t, logits[fmt.Sprint(predict(t, dev, m, 1, im))], "%s is predicted as in the folder", path)
	}
}

// A predictor refuses images that do not fit.
func TestPredictorRefuses(t *testing.T) {
	dev := gputest.Device(t)
	m, err := nin.ReadModel(nintest.ModelFile(t, "mini", 1, 10, nil), "")
	require.NoError(t, err)
	p, err := nin.NewPredictor(dev, m, 1)
	require.NoError(t, err)
	defer p.Close()
	image := func(c, n int) *data.Images {
		return &data.Images{C: c, H: 2, W: 2, Pixels: make([]uint8, n*c*4), Labels: make([]uint8, n)}
	}
	assert.ErrorContains(t, p.Add(image(3, 1)), "1 images of 3 channels; want one of 1")
	assert.ErrorContains(t, p.Add(image(1, 2)), "2 images of 1 channels; want one of 1")
	require.NoError(t, p.Add(image(1, 1)))
	assert.ErrorContains(t, p.Add(image(1, 1)), "takes no more")
	for _, want := range []int{1, 0} {
		guesses, err := p.Run()
		require.NoError(t, err)
		assert.Len(t, guesses, want)
	}
}

// An [image.Image] gets the same prediction as its file. After the first prediction, the driver
// creates no more buffers, bindings or kernels.
func TestPredictAnImage(t *testing.T) {
	gputest.Device(t)
	calls := map[string]int{}
	dev, err := gpu.Open(gpu.Options{Adapter: os.Getenv("NIN_ADAPTER"), Fault: func(call string) error {
		calls[call]++
		return nil
	}})
	require.NoError(t, err)
	defer dev.Close()
	m, err := nin.ReadModel(nintest.ModelFile(t, "mini", 1, 10, nil), "")
	require.NoError(t, err)
	p, err := nin.NewPredictor(dev, m, 1)
	require.NoError(t, err)
	defer p.Close()

	see := image.NewNRGBA(image.Rect(3, 5, 60, 40)) // with an origin other than (0,0), colours and alpha
	for i := range see.Pix {
		see.Pix[i] = uint8(i * i >> 3)
	}
	path := filepath.Join(t.TempDir(), "see.png")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, see))
	require.NoError(t, f.Close())
	got, err := p.Predict(see)
	require.NoError(t, err)
	im, err := data.ReadImage(path, 1)
	require.NoError(t, err)
	require.NoError(t, p.Add(im))
	_, err = p.Predict(see)
	require.EqualError(t, err, "nin: images were added to the batch; run it first")
	all, err := p.Run()
	require.NoError(t, err)
	assert.Equal(t, [][]nin.Prediction{got}, all)
	assert.Len(t, got, 10)

	first := maps.Clone(calls)
	for size := range 20 {
		_, err := p.Predict(image.NewGray(image.Rect(0, 0, 1+size, 40-size)))
		require.NoError(t, err)
	}
	for call, n := range calls {
		if call == "write" || call == "submit" || call == "map" || call == "unmap" {
			assert.Greater(t, n, first[call], call)
		} else {
			assert.Equal(t, first[call], n, call)
		}
	}
	for _, bad := range []image.Image{nil, image.NewGray(image.Rectangle{})} {
		_, err := p.Predict(bad)
		assert.ErrorContains(t, err, "data: image: ")
	}
	_, err = nin.NewPredictor(dev, m, 0)
	require.EqualError(t, err, "Batch is 0; want 1 to 1000000")
	m.Classes = m.Classes[1:]
	_, err = nin.NewPredictor(dev, m, 1)
	assert.EqualError(t, err, "there are names of 9 classes; want 10, one for each output of the network")
}
