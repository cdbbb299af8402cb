package nn_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
	"wgnin/shaders/augment"
)

// TestNormalise checks that a net whose logits are its input returns the normalised image. The loss
// of a training step with a crop must be that of images that were first moved, with a black gap,
// and then normalised.
func TestNormalise(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 5, 3, 4, 6)
	in := nn.Shape{C: 3, H: 4, W: 6}
	n := in.Len()
	numbers := data.ImageNet()
	net, err := nn.NewNet(dev, nn.Sequential{nn.Flatten{}, nn.Linear{Out: n}}, in, nn.Normalise(numbers))
	require.NoError(t, err)
	defer net.Close()
	identity := make([]float32, n*n)
	for i := range n {
		identity[i*n+i] = 1
	}
	require.NoError(t, net.SetWeights([]safetensors.Tensor{
		{Name: "net.1.weight", Shape: []int{n, n}, Data: identity},
		{Name: "net.1.bias", Shape: []int{n}, Data: make([]float32, n)},
	}))
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, 2)
	require.NoError(t, err)
	defer eval.Close()
	logits, err := eval.Logits(0, 5)
	require.NoError(t, err)
	normal := func(x float64, i int) float64 { // of value i of [C,H,W]
		c := i / (in.H * in.W)
		return (x - float64(numbers.Mean[c])) / float64(numbers.Deviation[c])
	}
	// Three roundings of values up to 1 / 0.224; the products with zero are exact.
	const tolerance = 8.0 / (1 << 24) / 0.224
	for i := range 5 {
		for e, v := range set.Pixels[i*n:][:n] {
			assert.InDelta(t, normal(float64(v)/255, e), logits[i][e], tolerance, "value %d of image %d", e, i)
		}
	}

	a := augment.Shape{N: 5, H: in.H, W: in.W, C: 3, Pad: 2, Mirror: true}
	x, moved := make([]float64, 5*n), make([]float64, 5*n)
	at := func(i, e int) int { return i*n + e%(in.H*in.W)*3 + e/(in.H*in.W) } // index in [N,H,W,C]
	for i := range 5 {
		for e, v := range set.Pixels[i*n:][:n] {
			x[at(i, e)] = float64(v) / 255
		}
	}
	a.Ref(augment.Args[[]float64, shaders.Batch]{Batch: shaders.Batch{Step: 1, Seed: 3}, X: x, Y: moved})
	want, gap := 0.0, false
	for i := range 5 {
		sum := 0.0
		for e := range n {
			gap = gap || moved[at(i, e)] == 0
			sum += math.Exp(normal(moved[at(i, e)], e))
		}
		want += (math.Log(sum) - normal(moved[at(i, set.Label(i))], set.Label(i))) / 5
	}
	require.True(t, gap)
	losses := steps(t, net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 5, Epochs: 1, Seed: 3}, Augment: nn.Augment{Pad: 2, Mirror: true}})
	assert.InEpsilon(t, want, losses[0], 1e-5) // a sum of exponentials in float32

	_, err = nn.NewNet(dev, net.Layer, in,
		nn.Normalise(&data.Normalisation{Mean: []float32{0, 0}, Deviation: []float32{1, 1}}))
	assertOneLine(t, err,
		"the normalisation 0,0/1,1 has 2 means and 2 deviations; want 1 or 3 of each, for images of 3 channels")
}
