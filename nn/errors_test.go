package nn_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
)

// assertOneLine checks that err is one line that contains all the given texts.
func assertOneLine(t *testing.T, err error, says ...string) {
	t.Helper()
	if !assert.Error(t, err, says) {
		return
	}
	for _, s := range says {
		assert.ErrorContains(t, err, s)
	}
	assert.NotContains(t, err.Error(), "\n")
}

// TestNetRefuses checks impossible networks: one line names the layer and says what would be right,
// and nothing is allocated.
func TestNetRefuses(t *testing.T) {
	dev := gputest.Device(t)
	before, _ := dev.Usage()
	const huge = 1 << 40
	image := nn.Shape{C: 1, H: 7, W: 6}
	head := func(ls ...nn.Layer) nn.Sequential {
		return append(append(nn.Sequential{}, ls...), nn.Flatten{}, nn.Linear{Out: 10})
	}
	for _, c := range []struct {
		name  string
		layer nn.Layer
		in    nn.Shape
		says  []string
	}{
		{"kernel larger than the image", head(nn.Conv2D{Out: 4, Kernel: 8}), image,
			[]string{"layer 0 (conv 4 8) on [1,7,6]", "does not fit the padded image of 7x6"}},
		{"the same, inside", head(nn.Sequential{nn.ReLU{}, nn.MaxPool2D{Kernel: 9}}), image,
			[]string{"layer 0.1 (maxpool 9", "7x6"}},
		{"conv after flatten", nn.Sequential{nn.Flatten{}, nn.Conv2D{Out: 4, Kernel: 1}}, image,
			[]string{"layer 1 (conv 4 1) on [42]", "before Flatten"}},
		{"pool after flatten", nn.Sequential{nn.Flatten{}, nn.MaxPool2D{Kernel: 1}}, image,
			[]string{"layer 1 (maxpool", "before Flatten"}},
		{"global pool after flatten", nn.Sequential{nn.Flatten{}, nn.GlobalAvgPool2D{}}, image,
			[]string{"layer 1 (globalavgpool", "before Flatten"}},
		{"adaptive pool after flatten", nn.Sequential{nn.Flatten{}, nn.AdaptiveAvgPool2D{H: 1}}, image,
			[]string{"layer 1 (adaptiveavgpool 1", "before Flatten"}},
		{"adaptive pool to nothing", head(nn.AdaptiveAvgPool2D{}), image,
			[]string{"layer 0 (adaptiveavgpool)", "want at least 1 of each"}},
		{"adaptive pool to many", head(nn.AdaptiveAvgPool2D{H: 2, W: huge}), image,
			[]string{"layer 0 (adaptiveavgpool 2 1099511627776)", "want at most 32768"}},
		{"linear before flatten", nn.Sequential{nn.Linear{Out: 10}}, image,
			[]string{"layer 0 (linear 10) on [1,7,6]", "put Flatten before; flatten in a text"}},
		{"groups that do not divide", head(nn.Conv2D{Out: 4, Kernel: 1, Groups: 2}), image,
			[]string{"layer 0 (conv 4 1 groups 2)", "want groups of equal size"}},
		{"negative groups", head(nn.Conv2D{Out: 4, Kernel: 1, Groups: -1}), image,
			[]string{"layer 0", "groups is -1; want 1 to 65536"}},
		{"huge dilation", head(nn.Conv2D{Out: 4, Kernel: 2, Dilation: huge}), image,
			[]string{"layer 0", "dilation is 1099511627776; want 1 to 65536"}},
		{"dilation past the image", head(nn.Conv2D{Out: 4, Kernel: 3, Dilation: 4}), image,
			[]string{"layer 0 (conv 4 3 dilation 4)", "kernel 9x9", "7x6"}},
		{"no kernel, dilated", head(nn.Conv2D{Out: 4, Dilation: 2}), image,
			[]string{"layer 0", "kernel is 0; want 1 to 65536"}},
		{"no output channels", head(nn.Conv2D{Kernel: 1}), image,
			[]string{"layer 0", "0 output channels; want 1 to 65536"}},
		{"negative output channels", head(nn.Conv2D{Out: -4, Kernel: 1}), image,
			[]string{"layer 0", "-4 output channels; want 1 to 65536"}},
		{"huge output channels", head(nn.Conv2D{Out: huge, Kernel: 1}), image,
			[]string{"layer 0", "1099511627776 output channels; want 1 to 65536"}},
		{"no outputs", nn.Sequential{nn.Flatten{}, nn.Linear{}}, image,
			[]string{"layer 1 (linear)", "want 1 to 65536"}},
		{"huge outputs", nn.Sequential{nn.Flatten{}, nn.Linear{Out: huge}}, image,
			[]string{"layer 1", "want 1 to 65536"}},
		{"no kernel", head(nn.Conv2D{Out: 1}), image, []string{"layer 0", "kernel is 0; want 1 to 65536"}},
		{"negative kernel", head(nn.Conv2D{Out: 1, Kernel: -3}), image,
			[]string{"layer 0", "kernel is -3; want 1 to 65536"}},
		{"negative second kernel", head(nn.MaxPool2D{Kernel: 3, KernelW: -3}), image,
			[]string{"layer 0", "kernel is -3; want 1 to 65536"}},
		{"huge kernel", head(nn.AvgPool2D{Kernel: huge}), image,
			[]string{"layer 0", "kernel is 1099511627776; want 1 to 65536"}},
		{"no kernel of a pool", head(nn.MaxPool2D{}), image, []string{"layer 0", "kernel is 0; want 1 to 65536"}},
		{"negative stride", head(nn.Conv2D{Out: 1, Kernel: 1, Stride: -1}), image,
			[]string{"layer 0", "stride is -1; want 1 to 65536"}},
		{"huge stride", head(nn.Conv2D{Out: 1, Kernel: 1, StrideW: huge}), image,
			[]string{"layer 0", "stride is 1099511627776; want 1 to 65536"}},
		{"negative padding", head(nn.Conv2D{Out: 1, Kernel: 1, Pad: nn.Pad(-1)}), image,
			[]string{"layer 0", "padding is -1; want 0 to 65536"}},
		{"huge padding", head(nn.Conv2D{Out: 1, Kernel: 1, Pad: nn.Padding{Left: huge}}), image,
			[]string{"layer 0", "padding is 1099511627776; want 0 to 65536"}},
		{"padding of a whole kernel", head(nn.MaxPool2D{Kernel: 2, Pad: nn.Pad(2)}), image,
			[]string{"layer 0", "padding is 2,2,2,2; want less than the kernel, 2x2"}},
		{"dropout of everything", head(nn.Dropout{P: 1}), image, []string{"layer 0 (dropout 1)", "want 0 <= P"}},
		{"dropout of almost everything", head(nn.Dropout{P: math.Nextafter(1, 0)}), image,
			[]string{"layer 0", "want 0 <= P"}},
		{"negative dropout", head(nn.Dropout{P: -0.1}), image, []string{"layer 0", "probability is -0.1; want 0 <= P"}},
		{"dropout of NaN", head(nn.Dropout{P: math.NaN()}), image,
			[]string{"layer 0", "probability is NaN; want 0 <= P"}},
		{"many channels of many pixels", head(nn.Conv2D{Out: 1 << 16, Kernel: 1}), nn.Shape{C: 1, H: 224, W: 224},
			[]string{"layer 0", "output: 65536 channels of 224x224", "at most 1073741824 values"}},
		{"many channels to many", head(nn.Conv2D{Out: 1 << 16, Kernel: 1}), nn.Shape{C: 1 << 16, H: 1, W: 1},
			[]string{"layer 0", "weight is [65536,65536,1,1]; want at most"}},
		{"large kernel in padding", head(nn.Conv2D{Out: 1 << 16, Kernel: 1 << 16, Pad: nn.Pad(1 << 15)}), image,
			[]string{"layer 0", "weight is [65536,1,65536,65536]; want at most"}},
		{"padding to more than fits", head(nn.Conv2D{Out: 1, Kernel: 1, Pad: nn.Pad(1 << 16)}), image,
			[]string{"layer 0", "output: 1 channels of 131079x131078; want 1 to 65536"}},
		{"linear of too much", nn.Sequential{nn.Flatten{}, nn.Linear{Out: 1 << 16}},
			nn.Shape{C: 1, H: 1 << 10, W: 1 << 10}, []string{"layer 1", "weight is [65536,1,1024,1024]; want at most"}},
		{"no channels", head(), nn.Shape{H: 7, W: 6}, []string{"input: 0 channels of 7x6"}},
		{"negative size", head(), nn.Shape{C: 1, H: -7, W: -6}, []string{"input: 1 channels of -7x-6"}},
		{"huge size", head(), nn.Shape{C: 1, H: huge, W: huge}, []string{"input", "want 1 to 65536"}},
		{"size whose product is zero", head(), nn.Shape{C: 1 << 16, H: 1 << 16, W: 1 << 16},
			[]string{"input", "at most 1073741824 values"}},
		{"nil", nn.Sequential{nn.ReLU{}, nil}, image, []string{"layer 1 is nil"}},
		{"nothing", nil, image, []string{"nil"}},
		{"no weights", nn.Sequential{nn.Flatten{}}, image, []string{"no weights"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := nn.NewNet(dev, c.layer, c.in)
			assertOneLine(t, err, c.says...)
			after, _ := dev.Usage()
			assert.Equal(t, before, after, "buffers")
		})
	}
}

// TestNetTooLargeForAdapter checks that a network that exceeds the adapter's limits is refused
// before anything is allocated, and that the error names the limit.
func TestNetTooLargeForAdapter(t *testing.T) {
	dev := gputest.Device(t)
	limit := dev.Adapter().Limits.MaxBindingBytes
	_, before := dev.Usage()
	for name, l := range map[string]nn.Sequential{
		"layer 1 (conv 32768 1) on [32768,1,1]: weights take": {nn.Conv2D{Out: 1 << 15, Kernel: 1},
			nn.Conv2D{Out: 1 << 15, Kernel: 1}},
		"layer 0 (conv 65536 1 pad 63) on [1,1,1]: output of one image takes": {nn.Conv2D{Out: 1 << 16, Kernel: 1,
			Pad: nn.Pad(63)}},
	} {
		if limit >= 1<<32 {
			t.Skip("the adapter binds 4 GiB")
		}
		_, err := nn.NewNet(dev, l, nn.Shape{C: 1, H: 1, W: 1})
		assertOneLine(t, err, name, "bytes", fmt.Sprintf("binds at most %d", limit))
		_, after := dev.Usage()
		assert.Equal(t, before, after)
	}
}

// TestAbsurdLayers describes networks of layers with random numbers, many of them near the limits
// of an int. Each has possible sizes or an error of one line. Nothing overflows and nothing panics.
func TestAbsurdLayers(t *testing.T) {
	numbers := []int{
		0, 1, 2, 3, 5, 6, 7, 64, 1<<15 - 1, 1 << 15, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 31, 1 << 32, 1 << 40,
		math.MaxInt, math.MaxInt - 1, -1, -2, math.MinInt, math.MinInt + 1,
	}
	r := rand.New(rand.NewPCG(1, 2))
	const small = 8 // half of the numbers are small, so that some layers are possible
	n := func() int {
		if r.IntN(8) > 0 {
			return numbers[r.IntN(small)]
		}
		return numbers[r.IntN(len(numbers))]
	}
	pad := func() nn.Padding {
		switch r.IntN(4) {
		case 0:
			return nn.Same
		case 1:
			return nn.Padding{Top: n(), Bottom: n(), Left: n(), Right: n()}
		}
		return nn.Valid
	}
	floats := []float64{0, 0.5, 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64,
		math.MaxFloat64}
	layer := func() nn.Layer {
		switch r.IntN(8) {
		case 0, 1:
			return nn.Conv2D{Out: n(), Kernel: n(), KernelW: n(), Stride: n(), StrideW: n(), Pad: pad()}
		case 2:
			return nn.MaxPool2D{Kernel: n(), KernelW: n(), Stride: n(), StrideW: n(), Pad: pad(), Ceil: r.IntN(2) == 0}
		case 3:
			return nn.AvgPool2D{Kernel: n(), KernelW: n(), Stride: n(), StrideW: n(), Pad: pad(), Ceil: r.IntN(2) == 0}
		case 4:
			return nn.GlobalAvgPool2D{}
		case 5:
			return nn.Dropout{P: floats[r.IntN(len(floats))]}
		case 6:
			return nn.Flatten{}
		}
		return nn.Linear{Out: n()}
	}
	good, bad := 0, 0
	for range 100_000 {
		var l nn.Sequential
		for range 1 + r.IntN(3) {
			l = append(l, layer())
		}
		in := nn.Shape{C: n(), H: n(), W: n()}
		d, err := nn.Describe(l, in)
		if err != nil {
			bad++
			require.NotContains(t, err.Error(), "\n")
			require.True(t, strings.HasPrefix(err.Error(), "layer ") || strings.HasPrefix(err.Error(), "input: "), err)
			continue
		}
		good++
		require.GreaterOrEqual(t, d.Params(), 0, "%v on %v", l, in)
		require.GreaterOrEqual(t, d.MACs(), int64(0), "%v on %v", l, in)
		for _, l := range d.Layers {
			require.Positive(t, min(l.Out.C, l.Out.H, l.Out.W), "%v on %v", l.Layer, in)
			require.LessOrEqual(t, l.Out.Len(), 1<<30, "%v on %v", l.Layer, in)
		}
	}
	assert.Greater(t, good, 1000)
	assert.Greater(t, bad, 1000)
}

// TestTrainingRefuses checks what a trainer and an evaluator refuse.
func TestTrainingRefuses(t *testing.T) {
	dev := gputest.Device(t)
	good := nn.TrainConfig{Hyper: nn.Hyper{Batch: 4, Epochs: 1, Rate: 0.1, Momentum: 0.9}}
	set := crops(t, 4, 1, 7, 6)
	colour := crops(t, 4, 3, 7, 6)
	logits := nn.Sequential{nn.Flatten{}, nn.Linear{Out: 10}}
	for _, c := range []struct {
		name  string
		layer nn.Sequential
		set   *data.Images
		says  []string
	}{
		{"logits are an image", nn.Sequential{nn.Conv2D{Out: 10, Kernel: 3}}, set,
			[]string{"layer loss", "logits are 10 channels of 5x4; want one value a class", "GlobalAvgPool2D"}},
		{"logits are an image, flattened", nn.Sequential{nn.Conv2D{Out: 10, Kernel: 3}, nn.Flatten{}}, set,
			[]string{"layer loss", "logits are 10 channels of 5x4; want one value a class"}},
		{"fewer logits than classes", nn.Sequential{nn.Flatten{}, nn.Linear{Out: 9}}, set,
			[]string{"layer loss", "9 logits", "labels up to 9"}},
		{"images have more channels", logits, colour, []string{"images have 3 channels and the network takes 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			net, _ := build(t, dev, c.layer, set)
			images, err := nn.Upload(dev, c.set)
			require.NoError(t, err)
			defer images.Close()
			_, err = nn.NewTrainer(net, images, good)
			assertOneLine(t, err, c.says...)
			_, err = nn.NewEvaluator(net, images, 4)
			assertOneLine(t, err, c.says...)
		})
	}

	net, images := build(t, dev, tiny(), set)
	for _, c := range []struct {
		name   string
		change func(*nn.TrainConfig)
		says   []string
	}{
		{"batch 0", func(c *nn.TrainConfig) { c.Batch = 0 }, []string{"Batch is 0; want 1 to"}},
		{"three shards", func(c *nn.TrainConfig) { c.Shards = 3 },
			[]string{"Shards is 3; want a power of two up to 65536"}},
		{"shards -2", func(c *nn.TrainConfig) { c.Shards = -2 }, []string{"Shards is -2; want"}},
		{"batch -1", func(c *nn.TrainConfig) { c.Batch = -1 }, []string{"Batch is -1; want 1 to"}},
		{"epochs -1", func(c *nn.TrainConfig) { c.Epochs = -1 }, []string{"Epochs is -1; want 1 to"}},
		{"batch of a million million", func(c *nn.TrainConfig) {
			c.Batch = 1 << 40
		}, []string{"Batch is 1099511627776; want 1 to"}},
		{"rate NaN", func(c *nn.TrainConfig) { c.Rate = math.NaN() }, []string{"Rate is NaN; want a finite number"}},
		{"rate infinite", func(c *nn.TrainConfig) {
			c.Rate = math.Inf(1)
		}, []string{"Rate is +Inf; want a finite number"}},
		{"schedule NaN", func(c *nn.TrainConfig) {
			c.Schedule = nn.Constant(math.NaN())
		}, []string{"Schedule is NaN; want a finite number"}},
		{"dropout 1", func(c *nn.TrainConfig) { c.Dropout = 1 }, []string{"Dropout is 1; want 0 <= P"}},
		{"settled backwards", func(c *nn.TrainConfig) { c.SettleEvery = -1 }, []string{"SettleEvery is -1; want 0 to"}},
		{"momentum 1", func(c *nn.TrainConfig) { c.Momentum = 1 }, []string{"Momentum is 1; want 0 <= momentum < 1"}},
		{"momentum NaN", func(c *nn.TrainConfig) { c.Momentum = math.NaN() }, []string{"Momentum is NaN; want"}},
		{"decay -1", func(c *nn.TrainConfig) { c.WeightDecay = -1 }, []string{"WeightDecay is -1; want"}},
		{"decay infinite", func(c *nn.TrainConfig) {
			c.WeightDecay = math.Inf(1)
		}, []string{"WeightDecay is +Inf; want"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			_, err := nn.NewTrainer(net, images, cfg)
			assertOneLine(t, err, c.says...)
		})
	}

	// A rate that is too large shows in the loss after the first update.
	cfg := good
	cfg.Rate, cfg.Epochs = 1e38, 4
	trainer, err := nn.NewTrainer(net, images, cfg)
	require.NoError(t, err)
	var last error
	for _, err := range trainer.Steps(context.Background()) {
		last = err
	}
	trainer.Close()
	assertOneLine(t, last, "step 2: the loss is NaN", "the learning rate is likely too large")
	assert.ErrorIs(t, last, nn.ErrDiverged)
	require.NoError(t, net.Init(nn.PyTorch, 1))

	// A batch may be larger than the set.
	for _, batch := range []int{9, 1e6} {
		cfg := good
		cfg.Batch = batch
		assert.Len(t, steps(t, net, images, cfg), 1)
		eval, err := nn.NewEvaluator(net, images, batch)
		require.NoError(t, err)
		eval.Close()
	}
}

// TestSetWeightsRefuses checks that refused weights leave the old ones unchanged.
func TestSetWeightsRefuses(t *testing.T) {
	dev := gputest.Device(t)
	net, _ := build(t, dev, tiny(), crops(t, 1, 1, 7, 6))
	want, err := net.Hash()
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		change func(ts []safetensors.Tensor) []safetensors.Tensor
		says   []string
	}{
		{"none", func([]safetensors.Tensor) []safetensors.Tensor {
			return nil
		}, []string{"net.0.weight is missing", "[4 1 3 3]"}},
		{"one missing", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return ts[:3]
		}, []string{"net.5.bias is missing", "[10]"}},
		{"integers for weights", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[0].Integer = true
			return ts
		}, []string{"0.weight has integers"}},
		{"one of another prefix", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[1].Name = "module." + ts[1].Name
			return ts
		}, []string{"0.bias is missing"}},
		{"twice", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, ts[0])
		}, []string{"0.weight occurs twice"}},
		{"twice, once with net.", func(ts []safetensors.Tensor) []safetensors.Tensor {
			again := ts[0]
			again.Name = "0.weight"
			return append(ts, again)
		}, []string{"0.weight occurs twice"}},
		{"unknown", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, safetensors.Tensor{Name: "net.9.weight", Shape: []int{1}, Data: []float32{1}})
		}, []string{"the network has no net.9.weight"}},
		{"wrong shape", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[2].Shape = []int{10, 4, 3, 3}
			return ts
		}, []string{"net.5.weight has shape [10 4 3 3]; the network's is [10 36]"}},
		{"shape without data", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[2].Data = ts[2].Data[1:]
			return ts
		}, []string{"net.5.weight"}},
		{"NaN", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[3].Data[7] = float32(math.NaN())
			return ts
		}, []string{"net.5.bias[7] is NaN"}},
		{"infinity", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[0].Data[5] = float32(math.Inf(-1))
			return ts
		}, []string{"net.0.weight[5] is -Inf"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts, err := net.Weights()
			require.NoError(t, err)
			assertOneLine(t, net.SetWeights(c.change(ts)), c.says...)
			got, err := net.Hash()
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

// TestUnsetWeights checks that a net whose weights were never set does not run.
func TestUnsetWeights(t *testing.T) {
	dev := gputest.Device(t)
	images, err := nn.Upload(dev, &data.Images{C: 1, H: 4, W: 4, Pixels: make([]uint8, 16), Labels: []uint8{0}})
	require.NoError(t, err)
	defer images.Close()
	net, err := nn.NewNet(dev, nn.Sequential{nn.Flatten{}, nn.Linear{Out: 2}}, nn.Shape{C: 1, H: 4, W: 4})
	require.NoError(t, err)
	defer net.Close()
	eval, err := nn.NewEvaluator(net, images, 1)
	require.NoError(t, err)
	defer eval.Close()
	const want = "nn: the weights were never set; call the net's Init or SetWeights"
	_, err = eval.Run(t.Context())
	require.EqualError(t, err, want)
	_, err = eval.Logits(0, 1)
	require.EqualError(t, err, want)
	require.EqualError(t, net.Init(nn.Init{Weight: nn.Zero}, 0),
		"nn: an Init lacks Weight or Bias; want both, as nn.He has them")
	require.NoError(t, net.Init(nn.He, 0))
	_, err = eval.Run(t.Context())
	require.NoError(t, err)
}

// misspelt is a layer with an operator that ONNX writes differently.
type misspelt struct{}

func (misspelt) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	y := g.View(x, x.Shape)
	g.ONNX(y, func() (onnx.Node, error) { return onnx.Node{Op: "Hardswish"}, nil }, x)
	return y
}

// A network with an operator that ONNX does not have is not exported, and the error names the
// layer.
func TestONNXOperators(t *testing.T) {
	_, err := nn.ONNX(nn.Sequential{nn.Conv2D{Out: 1, Kernel: 1, NoBias: true}, misspelt{}}, nn.Shape{C: 1, H: 2, W: 2},
		[]safetensors.Tensor{{Name: "0.weight", Shape: []int{1, 1, 1, 1}, Data: []float32{1}}})
	assert.EqualError(t, err,
		`layer 1 (nn_test.misspelt): ONNX has no operator "Hardswish" up to opset 17; it has HardSwish`)
}
