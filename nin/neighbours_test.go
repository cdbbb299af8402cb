package nin_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/torchvision"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
	"wgnin/shaders/input"
)

// bookInputs are the inputs in the goldens of the book's other networks, which have the book's
// width. Images of the recipes' size would take too long here, and VGG-11 would have a weight that
// is too large for a binding of software adapters.
var bookInputs = map[string]nn.Shape{
	"lenet": {C: 1, H: 28, W: 28}, "alexnet": {C: 1, H: 96, W: 96}, "vgg11": {C: 1, H: 32, W: 32},
	"googlenet": {C: 1, H: 64, W: 64}, "resnet18": {C: 1, H: 64, W: 64}, "densenet": {C: 1, H: 64, W: 64},
}

// namedGolden is a golden of one of the book's other networks, or of torchvision's.
type namedGolden struct {
	golden
	Names       map[string][]int
	Norms       map[string]float64
	LogitsAfter [][]float64 `json:"logits_after"`
}

// namedNetwork is the network of a golden.
type namedNetwork struct {
	layers nn.Layer
	in     nn.Shape
	set    *data.Images
}

// namedNetworks returns the book's other networks and torchvision's. Torchvision's fully connected
// layers have 512 outputs here in place of 4,096, because software adapters cannot bind weights of
// that size.
func namedNetworks(t *testing.T) map[string]namedNetwork {
	all := map[string]namedNetwork{}
	for name, in := range bookInputs {
		recipe, err := nin.Find(name)
		require.NoError(t, err)
		all[name] = namedNetwork{recipe.Net(10, 0), in, nintest.Fashion(t)}
	}
	for name, side := range map[string]int{"alexnet": 64, "vgg11": 32, "vgg11_bn": 32, "resnet18": 64} {
		recipe, err := nin.Find("torchvision-" + name)
		require.NoError(t, err)
		narrow, err := nn.Parse(strings.ReplaceAll(nn.Text(recipe.Net(10, 0)), "linear 4096", "linear 512"),
			torchvision.Layers()...)
		require.NoError(t, err)
		all[recipe.Name] = namedNetwork{narrow, nn.Shape{C: 3, H: side, W: side}, hashedImages(40)}
	}
	return all
}

// TestNamedWeights compares names and shapes of the weights with those of the book's classes and of
// torchvision's networks, which have their full width here.
func TestNamedWeights(t *testing.T) {
	for name, c := range namedNetworks(t) {
		if strings.HasPrefix(name, "torchvision-") {
			recipe, err := nin.Find(name)
			require.NoError(t, err)
			c.layers, c.in = recipe.Net(1000, 0), recipe.In
		}
		d, err := nn.Describe(c.layers, c.in)
		require.NoError(t, err)
		shapes := map[string][]int{}
		for _, w := range blankWeights(d) {
			shapes["net."+w.Name] = w.Shape
		}
		assert.Equal(t, readNamed(t, name).Names, shapes, name)
	}
}

// A network that is read from a state dict of torchvision normalises images as torchvision does.
func TestTorchvisionFileIsNormalised(t *testing.T) {
	recipe, err := nin.Find("torchvision-resnet18")
	require.NoError(t, err)
	d, err := nn.Describe(recipe.Net(1000, 0), recipe.In)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "resnet18.safetensors")
	require.NoError(t, safetensors.Write(path, blankWeights(d), nil))
	m, err := nin.ReadModel(path, "")
	require.NoError(t, err)
	assert.Equal(t, "torchvision-resnet18", m.Recipe)
	assert.Equal(t, data.ImageNet(), m.Normalisation)
}

// blankWeights returns zero weights for a network, with the names of its state dict.
func blankWeights(d *nn.Description) (all []safetensors.Tensor) {
	for _, l := range d.Layers {
		for _, w := range l.Weights {
			all = append(all, safetensors.Tensor{Name: strings.TrimPrefix(l.Path+"."+w.Name, "."), Shape: w.Shape,
				Data: make([]float32, w.Len())})
		}
	}
	return all
}

// TestNamedONNX exports the same networks and runs them in onnxruntime. The logits agree with
// PyTorch's in float64 to 1e-5 of the largest. No kernel runs, so the test compares the networks
// with PyTorch on any machine.
func TestNamedONNX(t *testing.T) {
	py := python(t, "onnxruntime, numpy")
	for name, c := range namedNetworks(t) {
		if strings.Contains(nn.Text(c.layers), "adaptiveavgpool") {
			continue // it pools to more pixels than these small images leave, which ONNX cannot express
		}
		t.Run(name, func(t *testing.T) {
			g := readNamed(t, name)
			d, err := nn.Describe(c.layers, c.in)
			require.NoError(t, err)
			weights := blankWeights(d)
			hashedWeights(weights, g.Gain)
			m, err := nn.ONNX(c.layers, c.in, weights)
			require.NoError(t, err)
			got := onnxRuntime(t, py, m, c.in, resized(c.set.First(len(g.Logits)), c.in))
			largest, worst := 0.0, 0.0
			for i, row := range g.Logits {
				for k, want := range row {
					largest, worst = max(largest, math.Abs(want)), max(worst, math.Abs(want-got[i][k]))
				}
			}
			assert.LessOrEqual(t, worst, 1e-5*largest)
			t.Logf("logits up to %.3g differ by at most %.2g of that", largest, worst/largest)
		})
	}
}

// resized returns the pixels of a set, [N,C,H,W], at a network's input size.
func resized(set *data.Images, in nn.Shape) []byte {
	n := set.Len()
	s := input.Shape{N: n, C: set.C, InH: set.H, InW: set.W, OutH: in.H, OutW: in.W, Count: n}
	order, labels, x := make([]uint32, n), make([]uint32, n), make([]float64, n*in.Len())
	for i := range order {
		order[i] = uint32(i)
	}
	s.Ref(input.Args[[]float64, []uint32, []int32, shaders.Batch]{
		Batch: shaders.Batch{Rows: uint32(n)}, Pixels: input.Pack(set.Pixels), Labels: labels, Order: order,
		Taps: s.Taps(), X: x, Target_: make([]uint32, n),
	})
	pixels := make([]byte, len(x))
	for i, v := range x { // [N,H,W,C]
		c, p, image := i%in.C, i/in.C%(in.H*in.W), i/in.Len()
		pixels[(image*in.C+c)*in.H*in.W+p] = byte(math.Round(v * 255))
	}
	return pixels
}

func readNamed(t *testing.T, name string) (g namedGolden) {
	raw, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &g))
	return g
}

// TestNamedParity compares each network with PyTorch in float64: the logits before and after
// training, the norms of the first step's gradients, and the losses. Logits and losses have the
// tolerances of TestPyTorchParity. Without NIN_LONG=1 only LeNet trains; of the others, those with
// few kernels predict.
func TestNamedParity(t *testing.T) {
	for name, c := range namedNetworks(t) {
		t.Run(name, func(t *testing.T) {
			if many := name == "googlenet" || name == "densenet" || strings.HasPrefix(name, "torchvision-"); many &&
				!gputest.Long() {
				t.Skip("compiles hundreds of kernels, in minutes: NIN_LONG=1 runs it")
			}
			namedParity(t, readNamed(t, name), c, name == "lenet" || gputest.Long())
		})
	}
}

func namedParity(t *testing.T, g namedGolden, c namedNetwork, trains bool) {
	set := c.set.First(g.Images)
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, c.layers, c.in)
	require.NoError(t, err)
	defer net.Close()
	// The networks are under test here, not the kernels. They run on the direct kernels, because
	// training amplifies the rounding of Winograd's algorithm. TestPyTorchParity tests the default
	// kernels.
	net.Use(nn.Kernels{"": "block 8"})
	start, err := net.Weights()
	require.NoError(t, err)
	hashedWeights(start, g.Gain)
	require.NoError(t, net.SetWeights(start))

	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, g.Batch)
	require.NoError(t, err)
	defer eval.Close()
	logitsNear(t, eval, g.Logits)
	if !trains {
		return
	}
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
		Hyper: nn.Hyper{Batch: g.Batch, Epochs: g.Steps, Steps: g.Steps, Rate: g.LR, Momentum: g.Momentum,
			WeightDecay: g.WeightDecay},
	})
	require.NoError(t, err)
	defer trainer.Close()
	worst := 0.0
	for step, err := range trainer.Steps(context.Background()) {
		require.NoError(t, err)
		want := g.Losses[step.Step-1]
		e := math.Abs(step.Loss-want) / want
		assert.LessOrEqual(t, e, 1e-4, "loss of step %d is %.7f; PyTorch's is %.7f", step.Step, step.Loss, want)
		worst = max(worst, e)
	}
	t.Logf("largest relative difference of a loss over %d steps: %.2g", g.Steps, worst)
	logitsNear(t, eval, g.LogitsAfter)

	require.NoError(t, net.SetWeights(start))
	total := 0.0
	for _, norm := range g.Norms {
		total = math.Hypot(total, norm)
	}
	grads := gradients(t, net, set.First(g.Batch), nil)
	require.Len(t, grads, len(g.Norms))
	// Rounding decides which of two pixels a pooling takes, and whether a ReLU passes the gradient
	// of a value near zero. There are many such values behind a normalisation. The norms differ by
	// up to 1e-3 on llvmpipe.
	const ties = 2e-3
	for _, w := range grads {
		squares := 0.0
		for _, v := range w.Data {
			squares += float64(v) * float64(v)
		}
		want, tolerance := g.Norms[w.Name], 1e-6*total
		if want < 1e-12*total { // a bias before a normalisation: its gradient is rounding only
			tolerance = 1e-5 * total
		}
		assert.InDelta(t, want, math.Sqrt(squares), ties*want+tolerance, "norm of the gradient of %s", w.Name)
	}
}
