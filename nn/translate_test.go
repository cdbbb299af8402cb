package nn_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// foreignLayers is a network with each kind of layer. Its image is not square before Flatten.
var (
	foreignLayers = nn.Sequential{
		nn.Conv2D{Out: 3, Kernel: 3, KernelW: 2}, nn.BatchNorm2D{},
		nn.Sequential{nn.Conv2D{Out: 3, Kernel: 1}, nn.ReLU{}, nn.Conv2D{Out: 3, Kernel: 1}},
		nn.Flatten{}, nn.Linear{Out: 4}, nn.ReLU{}, nn.Linear{Out: 4},
	}
	foreignIn    = nn.Shape{C: 2, H: 4, W: 6}
	foreignNames = []string{ // Flax's names
		"params.Conv_0.kernel", "params.Conv_0.bias", "params.BatchNorm_0.scale", "params.BatchNorm_0.bias",
		"batch_stats.BatchNorm_0.mean", "batch_stats.BatchNorm_0.var",
		"params.Conv_2.kernel", "params.Conv_2.bias", "params.Conv_10.kernel", "params.Conv_10.bias",
		"params.Dense_0.kernel", "params.Dense_0.bias", "params.Dense_1.kernel", "params.Dense_1.bias",
	}
)

// ramp returns a tensor whose values are all different.
func ramp(name string, shape ...int) safetensors.Tensor {
	t := safetensors.Tensor{Name: name, Shape: shape, Data: make([]float32, nn.WeightTensor{Shape: shape}.Len())}
	for i := range t.Data {
		t.Data[i] = float32(i + 1)
	}
	return t
}

// saved returns the network's weights in PyTorch's layouts, and in those of Flax and Keras.
func saved(t *testing.T) (pytorch, last []safetensors.Tensor) {
	d, err := nn.Describe(foreignLayers, foreignIn)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	for _, l := range d.Layers {
		for _, w := range l.Weights {
			p := ramp(l.Path+"."+w.Name, w.Shape...)
			for i := range p.Data {
				p.Data[i] = r.Float32()
			}
			k := safetensors.Tensor{Shape: w.Shape, Data: slices.Clone(p.Data)}
			switch rows, columns := l.In.H, l.In.W; len(w.Shape) {
			case 4:
				rows, columns = w.Shape[2], w.Shape[3]
				k.Shape = []int{rows, columns, w.Shape[1], w.Shape[0]}
				transpose(k.Data, p.Data, w.Shape[0], w.Shape[1], rows, columns)
			case 2:
				k.Shape = []int{w.Shape[1], w.Shape[0]}
				transpose(k.Data, p.Data, w.Shape[0], w.Shape[1]/rows/columns, rows, columns)
			}
			k.Name = foreignNames[len(last)]
			pytorch, last = append(pytorch, p), append(last, k)
		}
	}
	return pytorch, last
}

func transpose(last, first []float32, out, in, rows, columns int) {
	for o := range out {
		for c := range in {
			for y := range rows {
				for x := range columns {
					last[((y*columns+x)*in+c)*out+o] = first[((o*in+c)*rows+y)*columns+x]
				}
			}
		}
	}
}

// renamed returns the tensors with other names, in the same order.
func renamed(ts []safetensors.Tensor, rename func(string) string) []safetensors.Tensor {
	ts = slices.Clone(ts)
	for i := range ts {
		ts[i].Name = rename(ts[i].Name)
	}
	return ts
}

// TestTranslate checks that the network gets the same weights from every framework's names, and
// from every order of the tensors in the file.
func TestTranslate(t *testing.T) {
	d, err := nn.Describe(foreignLayers, foreignIn)
	require.NoError(t, err)
	pytorch, last := saved(t)
	replace := func(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
	keras := replace("params.", "", "batch_stats.", "", ".scale", "/gamma", "Norm_0.bias", "Norm_0/beta", ".mean",
		"/moving_mean",
		".var", "/moving_variance", "BatchNorm_0", "batch_normalization", "Conv_0", "conv2d", "Conv_", "conv2d_",
		"Dense_0", "dense_7", "Dense_1", "dense_12", ".", "/")
	mxnet := replace("0.", "conv0_", "1.weight", "batchnorm0_gamma", "1.bias", "batchnorm0_beta", "1.", "batchnorm0_",
		"2.0.", "conv2_", "2.2.", "conv10_", "4.", "dense0_", "6.", "dense1_")
	for name, c := range map[string]struct {
		ts     []safetensors.Tensor
		rename func(string) string
	}{
		"PyTorch":           {pytorch, func(s string) string { return "net." + s }},
		"PyTorch's wrapper": {pytorch, func(s string) string { return "module.net." + s }},
		"Flax":              {last, func(s string) string { return s }},
		"Flax, commas":      {last, replace(".", ",")},
		"Flax, setup":       {last, replace("Conv_0", "conv1", "Conv_", "conv", "Dense_", "fc", "BatchNorm_0", "bn")},
		"Flax, Sequential": {last, replace("Conv_0", "layers_0", "BatchNorm_0", "layers_1", "Conv_2",
			"layers_2.layers_0",
			"Conv_10", "layers_2.layers_2", "Dense_0", "layers_4", "Dense_1", "layers_10")},
		"nnx": {last, replace("params.", "", "batch_stats.", "", "Conv_0", "layers.0", "BatchNorm_0", "layers.1",
			"Conv_2", "layers.2.layers.0", "Conv_10", "layers.2.layers.2", "Dense_0", "layers.4", "Dense_1",
			"layers.10")},
		"Keras": {last, func(s string) string { return "sequential_3/" + keras(s) }},
		"Keras, nested": {last, func(s string) string {
			return replace("conv2d_2", "sequential_1/conv2d_2", "conv2d_10", "sequential_1/conv2d_10")(keras(s))
		}},
		"Keras, deeper first": {last, func(s string) string {
			return "nin/" + strings.Replace(keras(s), "conv2d/", "block/deep/conv2d/", 1)
		}},
		"tf.keras":           {last, func(s string) string { return keras(s) + ":0" }},
		"MXNet":              {pytorch, mxnet},
		"MXNet, with scopes": {pytorch, func(s string) string { return "nin0_" + mxnet(s) }},
	} {
		t.Run(name, func(t *testing.T) {
			seed := safetensors.Tensor{Name: "seed_generator/seed_generator_state", Shape: []int{2},
				Data: []float32{1, 2}, Integer: true}
			ts := append(renamed(c.ts, c.rename), seed)
			for range 5 {
				got, err := d.Translate(ts)
				require.NoError(t, err)
				require.Len(t, got, len(ts))
				for i, g := range got {
					if !g.Integer {
						at := slices.IndexFunc(pytorch, func(p safetensors.Tensor) bool { return p.Name == g.Name })
						require.GreaterOrEqual(t, at, 0, "%s became %s", ts[i].Name, g.Name)
						require.Equal(t, pytorch[at], g, "%s became %s", ts[i].Name, g.Name)
					}
				}
				taken, err := nn.TakeWeights(foreignLayers, foreignIn, ts)
				require.NoError(t, err)
				assert.Equal(t, renamed(pytorch, func(s string) string { return "net." + s }), taken)
				rand.Shuffle(len(ts), func(i, j int) { ts[i], ts[j] = ts[j], ts[i] })
			}
		})
	}
}

// TestTranslateRefuses checks that errors say in one line what is wrong.
func TestTranslateRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(ts []safetensors.Tensor) []safetensors.Tensor
		says   string
	}{
		{"a layer too few", func(ts []safetensors.Tensor) []safetensors.Tensor { return slices.Delete(ts, 8, 10) },
			"of Flax or Keras, has 2 convolutions; the network has 3"},
		{"a layer too many", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, ramp("params.Dense_2.kernel", 4, 4), ramp("params.Dense_2.bias", 4))
		}, "has 3 dense layers; the network has 2"},
		{"no bias", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return slices.Delete(ts, 1, 2)
		}, "net.0.bias is missing"},
		{"no running mean", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return slices.Delete(ts, 4, 6)
		}, "net.1.running_mean is missing"},
		{"a bias alone", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, ramp("params.Dense_2.bias", 4))
		},
			"layer Dense_2, of Flax or Keras, has no kernel or scale"},
		{"twice", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, ramp("Conv_0.kernel", 3, 2, 2, 3))
		}, "Conv_0.kernel, of Flax or Keras, occurs twice"},
		{"names without numbers", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return renamed(ts, strings.NewReplacer("Dense_0", "hidden", "Dense_1", "logits").Replace)
		}, "the names do not say which of the layers"},
		{"blocks of different names", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return renamed(ts, strings.NewReplacer("Conv_0", "stem.layers_0", "Conv_2", "body.layers_1", "Conv_10",
				"body.layers_2").Replace)
		}, "the names do not say which of the layers"},
		{"transposed", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return renamed(ts, strings.NewReplacer("Conv_2", "ConvTranspose_0").Replace)
		}, "params.ConvTranspose_0.kernel, of Flax or Keras, belongs to none of the layers"},
		{"depthwise", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return renamed(ts, strings.NewReplacer("Conv_2", "depthwise_conv2d").Replace)
		}, "depthwise_conv2d.kernel, of Flax or Keras, belongs to none of the layers"},
		{"another layer", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, ramp("params.LSTM_0.recurrent_kernel", 4, 4))
		}, "params.LSTM_0.recurrent_kernel, of Flax or Keras, belongs to none of the layers"},
		{"three dimensions", func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, ramp("params.Conv_3.kernel", 3, 4, 4))
		}, "params.Conv_3.kernel, of Flax or Keras, has shape [3 4 4]"},
		{"another size", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[0] = ramp(ts[0].Name, 3, 2, 1, 3)
			return ts
		}, "net.0.weight has shape [3 1 3 2]; the network's is [3 2 3 2]"},
		{"another image", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[10] = ramp(ts[10].Name, 33, 4)
			return ts
		}, "net.4.weight has shape [4 33]; the network's is [4 30]"},
		{"shape without data", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[0].Data = ts[0].Data[1:]
			return ts
		}, "net.0.weight has shape"},
		{"no values", func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[0] = safetensors.Tensor{Name: ts[0].Name, Shape: []int{3, 0, 2, 3}}
			return ts
		}, "net.0.weight has shape"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, last := saved(t)
			_, err := nn.TakeWeights(foreignLayers, foreignIn, c.change(last))
			assertOneLine(t, err, c.says)
		})
	}
}

// TestTranslateLeavesPyTorch checks that a state dict of PyTorch stays unchanged, whatever the
// names of its tensors, except for a "net." before the network's names. Names of another network do
// not fit.
func TestTranslateLeavesPyTorch(t *testing.T) {
	d, err := nn.Describe(nn.Sequential{nn.Conv2D{Out: 2, Kernel: 1}, nn.Flatten{}, nn.Linear{Out: 2}},
		nn.Shape{C: 3, H: 2, W: 2})
	require.NoError(t, err)
	for _, c := range []struct {
		names []string
		net   bool
	}{
		{[]string{"0.weight", "kernel", "scale"}, false},
		{[]string{"conv1.weight", "attention.kernel", "bn.gamma"}, false},
		{[]string{"net.2.bias", "conv0_weight"}, true}, {[]string{"encoder.conv0_weight", "encoder.conv0_bias"}, false},
		{[]string{"weight", "bias"}, false}, {[]string{"net.weight", "conv0_weight"}, false},
	} {
		var ts []safetensors.Tensor
		for _, name := range c.names {
			ts = append(ts, ramp(name, 3, 2, 4, 5))
		}
		want := ts
		if c.net {
			want = renamed(ts, func(s string) string { return strings.TrimPrefix(s, "net.") })
		}
		got, err := d.Translate(ts)
		require.NoError(t, err, c.names)
		assert.Equal(t, want, got, fmt.Sprint(c.names))
	}
}

// TestTranslateKeepsASubmoduleCalledNet checks that the names of a PyTorch module that has a
// submodule called net among others stay unchanged. So do those of a file written by this package,
// with another "net." before all names, and with a wrapper's prefix. A prefix of Freeze also means
// the submodule.
func TestTranslateKeepsASubmoduleCalledNet(t *testing.T) {
	layers := nn.Sequential{
		nn.Named{Name: "net", Layer: nn.Sequential{nn.Conv2D{Out: 2, Kernel: 1}, nn.ReLU{},
			nn.Conv2D{Out: 2, Kernel: 1}}},
		nn.Flatten{}, nn.Named{Name: "head", Layer: nn.Linear{Out: 2}},
	}
	in := nn.Shape{C: 3, H: 2, W: 2}
	ts := []safetensors.Tensor{
		ramp("net.0.weight", 2, 3, 1, 1), ramp("net.0.bias", 2), ramp("net.2.weight", 2, 2, 1, 1),
		ramp("net.2.bias", 2),
		ramp("head.weight", 2, 8), ramp("head.bias", 2),
	}
	want := renamed(ts, func(s string) string { return "net." + s })
	for _, prefix := range []string{"", "net.", "module.", "module.net."} {
		got, err := nn.TakeWeights(layers, in, renamed(ts, func(s string) string { return prefix + s }))
		require.NoError(t, err, prefix)
		assert.Equal(t, want, got, prefix)
	}
	// Other tensors do not change how the network's names are read.
	d, err := nn.Describe(nn.Sequential{nn.Conv2D{Out: 2, Kernel: 1}}, in)
	require.NoError(t, err)
	got, err := d.Translate([]safetensors.Tensor{ts[0], ts[4]})
	require.NoError(t, err)
	assert.Equal(t, "0.weight head.weight", got[0].Name+" "+got[1].Name)

	for prefix, frozen := range map[string]int{"net": 4, "net.0": 2, "net.net.0.": 2, "net.head": 2, "head": 2} {
		net, err := nn.NewNet(gputest.Device(t), layers, in, nn.Freeze(prefix))
		require.NoError(t, err, prefix)
		assert.Len(t, net.Frozen(), frozen, prefix)
		net.Close()
	}
}

// threes is a layer whose weight has three dimensions. Files of Flax or Keras with such a weight
// cannot be read.
type threes struct{}

func (threes) Build(_ *nn.Graph, x *nn.Tensor) *nn.Tensor { return x }

// TestTranslateNamesALayerWithoutAForm checks that the error names a layer of the network that no
// file of another framework can contain.
func TestTranslateNamesALayerWithoutAForm(t *testing.T) {
	d := &nn.Description{Layers: []nn.Described{{Path: "3", Layer: threes{},
		Weights: []nn.WeightTensor{{Name: "weight", Shape: []int{2, 2, 2}}}}}}
	_, err := d.Translate([]safetensors.Tensor{ramp("params.Conv_0.kernel", 1, 1, 2, 2)})
	assert.EqualError(t, err, "weights: the network's layer 3 (nn_test.threes) has a weight of shape [2 2 2]; "+
		"the layers that can be read from a file of Flax or Keras are: convolution, dense, batch normalisation")
}

// TestSetMatchingTranslates checks that weights of another framework can start a network with
// another head.
func TestSetMatchingTranslates(t *testing.T) {
	layers := slices.Clone(foreignLayers)
	layers[6] = nn.Linear{Out: 5}
	net, err := nn.NewNet(gputest.Device(t), layers, foreignIn)
	require.NoError(t, err)
	defer net.Close()
	pytorch, last := saved(t)
	missing, unused, err := net.SetMatching(last)
	require.NoError(t, err)
	assert.Equal(t, []string{"net.6.weight [5 4]", "net.6.bias [5]"}, missing)
	assert.Equal(t, []string{"params.Dense_1.kernel [4 4]", "params.Dense_1.bias [4]"}, unused)
	got, err := net.Weights()
	require.NoError(t, err)
	assert.Equal(t, renamed(pytorch[:12], func(s string) string { return "net." + s }), got[:12])
}
