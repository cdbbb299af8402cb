package nn_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// wide returns layers with different fans, whose tensors have enough elements for statistics.
func wide() nn.Sequential {
	return nn.Sequential{
		nn.Conv2D{Out: 24, Kernel: 3, KernelW: 5}, nn.ReLU{},
		nn.Conv2D{Out: 64, Kernel: 3}, nn.ReLU{},
		nn.Conv2D{Out: 200, Kernel: 1},
		nn.MaxPool2D{Kernel: 2},
		nn.Flatten{},
		nn.Linear{Out: 300},
	}
}

var wideIn = nn.Shape{C: 3, H: 9, W: 11}

// TestInit checks means and deviations. Those of n samples must be within five sigma of the
// distribution's. (With a fair generator, one seed in 1.5 million fails, and the seed is fixed.)
// For n samples of variance s^2 and fourth central moment m4, the mean has the deviation s/sqrt(n),
// and the mean square sqrt((m4 - s^4)/n). m4 is 9/5 s^4 for a uniform distribution and 3 s^4 for a
// normal one.
func TestInit(t *testing.T) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, wide(), wideIn)
	require.NoError(t, err)
	defer net.Close()
	// PyTorch's fans: channels times kernel, of the input and the output.
	fans := map[string][2]float64{
		"net.0": {3 * 15, 24 * 15}, "net.2": {24 * 9, 64 * 9}, "net.4": {64, 200}, "net.7": {800, 300},
	}
	type dist struct {
		deviation func(in, out float64) float64
		kurtosis  float64 // m4/s^4
	}
	root3 := math.Sqrt(3)
	zero := dist{func(_, _ float64) float64 { return 0 }, 1}
	pytorch := dist{func(in, _ float64) float64 { return 1 / math.Sqrt(in) / root3 }, 1.8}
	for _, c := range []struct {
		name         string
		init         nn.Init
		weight, bias dist
	}{
		{"xavier", nn.Xavier, dist{func(in, out float64) float64 { return math.Sqrt(2 / (in + out)) }, 1.8}, pytorch},
		{"he", nn.He, dist{func(in, _ float64) float64 { return math.Sqrt(2 / in) }, 3}, zero},
		{"he, uniform", nn.Init{Weight: nn.HeUniform, Bias: nn.Zero}, dist{func(in, _ float64) float64 {
			return math.Sqrt(2 / in)
		}, 1.8}, zero},
		{"pytorch", nn.PyTorch, pytorch, pytorch},
		{"keras", nn.Keras, dist{func(in, out float64) float64 { return math.Sqrt(2 / (in + out)) }, 1.8}, zero},
		// The kurtosis of a normal distribution truncated at two deviations
		// (scipy.stats.truncnorm).
		{"flax", nn.Flax, dist{func(in, _ float64) float64 { return 1 / math.Sqrt(in) }, 2.3655}, zero},
		{"gaussian", nn.Init{Weight: nn.Gaussian(0.05), Bias: nn.Gaussian(2)},
			dist{func(_, _ float64) float64 { return 0.05 }, 3}, dist{func(_, _ float64) float64 { return 2 }, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, net.Init(c.init, 1))
			ts, err := net.Weights()
			require.NoError(t, err)
			for _, w := range ts {
				f, ok := fans[w.Name[:5]]
				require.True(t, ok, w.Name)
				d := c.weight
				if strings.HasSuffix(w.Name, "bias") {
					d = c.bias
				}
				s := d.deviation(f[0], f[1])
				n := float64(len(w.Data))
				sum, squares, largest := 0.0, 0.0, 0.0
				for _, v := range w.Data {
					x := float64(v)
					sum += x
					squares += x * x
					largest = max(largest, math.Abs(x))
				}
				assert.InDelta(t, 0, sum/n, 5*s/math.Sqrt(n), "mean of %s", w.Name)
				assert.InDelta(t, s*s, squares/n, 5*s*s*math.Sqrt((d.kurtosis-1)/n), "mean square of %s", w.Name)
				if d.kurtosis == 1.8 {
					// The bound is rounded up to a float32.
					assert.LessOrEqual(t, largest, s*root3*(1+0x1p-24), "bound of %s", w.Name)
				}
			}
		})
	}
}

// TestInitSeeds checks that weights depend only on the seed and on the place of the tensor, and
// that tensors are independent.
func TestInitSeeds(t *testing.T) {
	dev := gputest.Device(t)
	weights := func(l nn.Sequential, seed uint64) []safetensors.Tensor {
		net, err := nn.NewNet(dev, l, wideIn)
		require.NoError(t, err)
		defer net.Close()
		require.NoError(t, net.Init(nn.PyTorch, seed))
		ts, err := net.Weights()
		require.NoError(t, err)
		return ts
	}
	a := weights(wide(), 1)
	assert.Equal(t, a, weights(wide(), 1))
	for _, seed := range []uint64{0, 2, 1 << 40, 1<<63 + 1} {
		for k, b := range weights(wide(), seed) {
			assert.Less(t, math.Abs(correlation(a[k].Data, b.Data)), 5/math.Sqrt(float64(len(b.Data))), "%s, seed %d",
				b.Name, seed)
		}
	}
	// If the first layer has another size, the others do not change.
	other := wide()
	other[0] = nn.Conv2D{Out: 24, Kernel: 1}
	other[7] = nn.Linear{Out: 10}
	b := weights(other, 1)
	for _, k := range []int{2, 3, 4, 5} {
		assert.Equal(t, a[k], b[k])
	}
	// The correlation of two independent samples of n values has the deviation 1/sqrt(n).
	for i := range a {
		for j := range i {
			n := min(len(a[i].Data), len(a[j].Data))
			assert.Less(t, math.Abs(correlation(a[i].Data[:n], a[j].Data[:n])), 5/math.Sqrt(float64(n)), "%s and %s",
				a[i].Name, a[j].Name)
		}
	}
}

func correlation(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// TestWeightsRoundTrip writes weights to a file, with their own names and with others that PyTorch
// programs give them, and reads them into another net. The bits must be the same.
func TestWeightsRoundTrip(t *testing.T) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, wide(), wideIn)
	require.NoError(t, err)
	defer net.Close()
	ts, err := net.Weights()
	require.NoError(t, err)
	var names []string
	params := 0
	r := rand.New(rand.NewPCG(3, 4))
	for _, w := range ts {
		names = append(names, w.Name)
		params += len(w.Data)
		for i := range w.Data {
			assert.Zero(t, w.Data[i], "a new net")
			w.Data[i] = float32(r.NormFloat64())
		}
	}
	assert.Equal(t, []string{
		"net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias", "net.4.weight", "net.4.bias", "net.7.weight",
		"net.7.bias",
	}, names)
	assert.Equal(t, params, net.Params())
	require.NoError(t, net.SetWeights(ts))
	got, err := net.Weights()
	require.NoError(t, err)
	assert.Equal(t, ts, got)
	want, err := net.Hash()
	require.NoError(t, err)

	path := filepath.Join(t.TempDir(), "w.safetensors")
	for _, c := range []struct {
		name   string
		change func(i int, name string) string
	}{
		{"as it is", func(_ int, name string) string { return name }},
		{"without net.", func(_ int, name string) string { return strings.TrimPrefix(name, "net.") }},
		{"of DataParallel", func(_ int, name string) string { return "module." + name }},
		{"of torch.compile", func(_ int, name string) string {
			return "_orig_mod." + strings.TrimPrefix(name, "net.")
		}},
		{"of both, in a model", func(_ int, name string) string { return "model.module._orig_mod." + name }},
		{"some without net.", func(i int, name string) string { return strings.TrimPrefix(name, "net."[:4*(i%2)]) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := net.Weights()
			require.NoError(t, err)
			for i := range file {
				file[i].Name = c.change(i, file[i].Name)
			}
			r.Shuffle(len(file), func(i, j int) { file[i], file[j] = file[j], file[i] })
			require.NoError(t, safetensors.Write(path, file, nil))
			read, _, err := safetensors.Read(path)
			require.NoError(t, err)
			other, err := nn.NewNet(dev, wide(), wideIn)
			require.NoError(t, err)
			defer other.Close()
			require.NoError(t, other.SetWeights(read))
			hash, err := other.Hash()
			require.NoError(t, err)
			assert.Equal(t, want, hash)
		})
	}

	_, _, err = net.SetMatching(append(ts, ts[0]))
	require.ErrorContains(t, err, "occurs twice")

	// One bit changes the hash.
	ts[5].Data[199] = math.Nextafter32(ts[5].Data[199], 2)
	require.NoError(t, net.SetWeights(ts))
	hash, err := net.Hash()
	require.NoError(t, err)
	assert.NotEqual(t, want, hash)
}

// TestDescribe checks the paths, which are PyTorch's, the shapes, and the sums of parameters and
// multiply-adds of a nested network.
func TestDescribe(t *testing.T) {
	net := nn.Sequential{
		nn.Sequential{nn.Conv2D{Out: 6, Kernel: 5, Pad: nn.Pad(2)}, nn.ReLU{}, nn.Sequential{nn.MaxPool2D{Kernel: 2}}},
		nn.Dropout{P: 0.1},
		nn.Sequential{nn.Conv2D{Out: 16, Kernel: 5, Stride: 3}},
		nn.Flatten{},
		nn.Linear{Out: 10},
	}
	in := nn.Shape{C: 1, H: 28, W: 28}
	var got []string
	d, err := nn.Describe(net, in)
	require.NoError(t, err)
	for _, l := range d.Layers {
		if l.Leaf {
			got = append(got, l.Path+": "+nn.Text(l.Layer)+" "+l.In.String()+" -> "+l.Out.String())
		}
	}
	out := d.Out
	assert.Equal(t, []string{
		"0.0: conv 6 5 pad 2 [1,28,28] -> [6,28,28]",
		"0.1: relu [6,28,28] -> [6,28,28]",
		"0.2.0: maxpool 2 [6,28,28] -> [6,14,14]",
		"1: dropout 0.1 [6,14,14] -> [6,14,14]",
		"2.0: conv 16 5 stride 3 [6,14,14] -> [16,4,4]",
		"3: flatten [16,4,4] -> [256]",
		"4: linear 10 [256] -> [10]",
	}, got)
	assert.Equal(t, nn.Shape{C: 10, H: 1, W: 1, Flat: true}, out)
	assert.Equal(t, "[32,10]", out.Batch(32))
	assert.Equal(t, "[32,1,28,28]", in.Batch(32))

	params, err := nn.Params(net, in)
	require.NoError(t, err)
	assert.Equal(t, 6*25+6+16*6*25+16+10*256+10, params)
	macs, err := nn.MACs(net, in)
	require.NoError(t, err)
	assert.Equal(t, int64(6*25*28*28+16*6*25*4*4+2560), macs)

	var b bytes.Buffer
	require.NoError(t, d.Summary(&b, 2))
	assert.Equal(t, strings.Join([]string{
		"Sequential       output shape: [2,6,14,14]",
		"Dropout          output shape: [2,6,14,14]",
		"Sequential       output shape: [2,16,4,4]",
		"Flatten          output shape: [2,256]",
		"Linear           output shape: [2,10]",
		"",
	}, "\n"), b.String())
	d, err = nn.Describe(net, nn.Shape{C: 1, H: 5, W: 5})
	assertOneLine(t, err, "layer 2.0 (conv 16 5 stride 3) on [6,2,2]")
	b.Reset()
	require.NoError(t, d.Tree(&b, 2)) // of the layers that were described
	assert.Equal(t, strings.Join([]string{
		"layer                     output        parameters  M multiply-adds",
		"0 Sequential              [2,6,2,2]     156         0.00",
		"  0.0 conv 6 5 pad 2      [2,6,5,5]     156         0.00",
		"  0.1 relu                [2,6,5,5]     0           0.00",
		"  0.2 Sequential          [2,6,2,2]     0           0.00",
		"    0.2.0 maxpool 2       [2,6,2,2]     0           0.00",
		"1 dropout 0.1             [2,6,2,2]     0           0.00",
		"2 Sequential              does not fit  0           0.00",
		"  2.0 conv 16 5 stride 3  does not fit  0           0.00",
		"",
	}, "\n"), b.String())
	_, err = nn.Describe(nn.Sequential{nn.ReLU{}, nil}, in)
	assertOneLine(t, err, "layer 1 is nil")
}
