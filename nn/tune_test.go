package nn_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
)

// tuned returns a network with each kind of convolution for which the variants differ.
func tuned(t *testing.T, dev *gpu.Device) *nn.Net {
	net, err := nn.NewNet(dev, nn.Sequential{
		nn.Conv2D{Out: 28, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{},
		nn.Conv2D{Out: 24, Kernel: 1}, nn.ReLU{},
		nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
	}, nn.Shape{C: 1, H: 9, W: 9})
	require.NoError(t, err)
	t.Cleanup(net.Close)
	return net
}

// TestTuneMeasuresWhatIsNoVariantAnyMore checks that Tune measures a pass again if the cached
// variant no longer exists.
func TestTuneMeasuresWhatIsNoVariantAnyMore(t *testing.T) {
	net := tuned(t, gputest.Device(t))
	measured := 0
	kernels, err := net.Tune(context.Background(), 8, nn.Kernels{"forward [8,1->28] 9x9 3x3 s1 p1 input": "tile 1x1"},
		func(nn.Choice) { measured++ })
	require.NoError(t, err)
	assert.Equal(t, 8, measured)
	net.Use(kernels)
	_, err = net.Choices(8)
	assert.NoError(t, err)
}

// TestTuneGivesUpSlowCompilers checks that a family is skipped after one of its variants took long
// to compile, unless it is the default.
func TestTuneGivesUpSlowCompilers(t *testing.T) {
	defer nn.SetPatience(-time.Hour)()
	net := tuned(t, gputest.Device(t))
	slow := map[string]bool{}
	kernels, err := net.Tune(context.Background(), 8, nil, func(c nn.Choice) {
		for i, m := range c.Candidates {
			family, _, _ := strings.Cut(m.Variant, " ")
			if tried := i == 0 || !slow[family]; tried {
				assert.Empty(t, m.Error, "%s %s", c.Key, m.Variant)
				assert.Positive(t, m.Ms, "%s %s", c.Key, m.Variant)
			} else {
				assert.Contains(t, m.Error, "to compile", "%s %s", c.Key, m.Variant)
				assert.NotEqual(t, m.Variant, c.Variant)
			}
			slow[family] = true
		}
	})
	require.NoError(t, err)
	assert.Len(t, kernels, 8)
}

func TestTuneTakesTheFastestAndMeasuresOnce(t *testing.T) {
	net := tuned(t, gputest.Device(t))
	choices := map[string]nn.Choice{}
	kernels, err := net.Tune(context.Background(), 8, nil, func(c nn.Choice) { choices[c.Key] = c })
	require.NoError(t, err)
	require.Len(t, choices, 8, "three passes of three layers, but no gradient of the input")
	require.Len(t, kernels, len(choices))
	for key, c := range choices {
		assert.Equal(t, c.Variant, kernels[key])
		best := c.Candidates[0]
		for _, m := range c.Candidates {
			assert.Empty(t, m.Error, "%s %s", key, m.Variant)
			if m.Ms < best.Ms {
				best = m
			}
		}
		assert.Equal(t, best.Variant, c.Variant, key)
		assert.Positive(t, best.Ms, key)
	}
	again, err := net.Tune(context.Background(), 8, kernels, func(c nn.Choice) {
		t.Errorf("%s was measured again", c.Shape)
	})
	require.NoError(t, err)
	assert.Equal(t, kernels, again)
}

func TestTuneStopsWithWhatItHas(t *testing.T) {
	net := tuned(t, gputest.Device(t))
	ctx, cancel := context.WithCancel(context.Background())
	kernels, err := net.Tune(ctx, 8, nil, func(nn.Choice) { cancel() })
	assert.ErrorIs(t, err, context.Canceled)
	assert.Len(t, kernels, 1)
}

func TestUse(t *testing.T) {
	net := tuned(t, gputest.Device(t))
	before, err := net.Choices(8)
	require.NoError(t, err)
	kernels := nn.Kernels{}
	for _, c := range before {
		kernels[c.Key] = c.Candidates[len(c.Candidates)-1].Variant
	}
	net.Use(kernels)
	after, err := net.Choices(8)
	require.NoError(t, err)
	for _, c := range after {
		assert.Equal(t, c.Candidates[len(c.Candidates)-1].Variant, c.Variant)
	}
	net.Use(nn.Kernels{"forward [8,1->28] 9x9 3x3 s1 p1 input": "tile 1x1"})
	_, err = net.Choices(8)
	require.Error(t, err)
	assert.Contains(t, err.Error(),
		`layer 0 (conv 28 3 pad 1) on [1,9,9]: forward [8,1->28] 9x9 3x3 s1 p1 input: there is no variant "tile 1x1" on `)
}

// TestChoicesOnGPU checks the variants that a GPU gets for the chapter's layers, which need not be
// in any test machine. It also checks those for FXC, which takes a minute to compile a kernel with
// workgroup memory.
func TestChoicesOnGPU(t *testing.T) {
	a := gpu.Guaranteed
	a.Limits.MaxBufferBytes, a.Limits.MaxBindingBytes = 1<<30, 1<<30
	assert.Equal(t, map[string]string{
		"0 forward": "tile 128x96x16", "0 dw": "tile 128x96x16",
		"3 forward": "winograd 8 tile 128x128x16", "3 dx": "winograd 8 tile 128x96x16",
		"3 dw": "winograd 8 tile 128x128x16",
		// With direct kernels, 144 x 3 tiles of 128x128 would not fill the GPU.
		"6 forward": "winograd 8 tile 128x96x16", "6 dx": "winograd 8 tile 128x64x16",
		"6 dw":      "winograd 8 tile 128x96x16",
		"9 forward": "tile 256x16x8", "9 dx": "tile 64x32x16", "9 dw": "tile 256x16x8",
	}, chapterChoices(t, a))
	a.Compiler, a.Limits.MaxSharedBytes = "FXC", 0
	for pass, variant := range chapterChoices(t, a) {
		assert.True(t, strings.HasSuffix(variant, "block 64"), "%s: %s", pass, variant)
	}
}

// chapterChoices returns the variants that an adapter gets for the chapter's layers, by layer and
// pass.
func chapterChoices(t *testing.T, a gpu.Adapter) map[string]string {
	net, err := nn.NewNet(gpu.Dry(a, false), nn.Sequential{
		nn.Conv2D{Out: 96, Kernel: 11, Stride: 4}, nn.ReLU{}, nn.MaxPool2D{Kernel: 3, Stride: 2},
		nn.Conv2D{Out: 256, Kernel: 5, Pad: nn.Pad(2)}, nn.ReLU{}, nn.MaxPool2D{Kernel: 3, Stride: 2},
		nn.Conv2D{Out: 384, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}, nn.MaxPool2D{Kernel: 3, Stride: 2},
		nn.Conv2D{Out: 10, Kernel: 3, Pad: nn.Pad(1)},
	}, nn.Shape{C: 1, H: 224, W: 224})
	require.NoError(t, err)
	defer net.Close()
	choices, err := net.Choices(128)
	require.NoError(t, err)
	got := map[string]string{}
	for _, c := range choices {
		got[c.Layer+" "+c.Pass] = c.Variant
	}
	return got
}

// TestFamiliesTrainAlike checks that every family trains the same network. The kernels that a GPU
// gets run on any device.
func TestFamiliesTrainAlike(t *testing.T) {
	dev := gputest.Device(t)
	set := &data.Images{C: 1, H: 9, W: 9, Pixels: make([]uint8, 21*81), Labels: make([]uint8, 21),
		Classes: make([]string, 10)}
	for i := range set.Pixels {
		set.Pixels[i] = uint8(i * i % 251)
	}
	for i := range set.Labels {
		set.Labels[i] = uint8(i % 10)
	}
	var want []float64
	for _, variant := range []string{"block 8", "tile 64x64x16", "broadcast", "winograd 6 block 8",
		"winograd 8 tile 64x64x16"} {
		net := tuned(t, dev)
		net.Use(nn.Kernels{"": variant})
		require.NoError(t, net.Init(nn.He, 1))
		images, err := nn.Upload(dev, set)
		require.NoError(t, err)
		trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
			Hyper:      nn.Hyper{Batch: 8, Epochs: 2, Shuffle: true, Rate: 0.05, Momentum: 0.9},
			MicroBatch: 5,
		})
		require.NoError(t, err)
		var losses []float64
		for s, err := range trainer.Steps(context.Background()) {
			require.NoError(t, err)
			losses = append(losses, s.Loss)
		}
		trainer.Close()
		images.Close()
		if want == nil {
			want = losses
		}
		// The losses differ only by the order of additions: six steps of sums of at most 2,000
		// terms.
		require.InDeltaSlice(t, want, losses, 1e-5, variant)
	}
}
