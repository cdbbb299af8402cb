package nn_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
)

// TestWhiten checks that a net whose logits are its input returns the image that the host whitens,
// resized and in colour, within the rounding of the matrix product's sums. The loss of a training
// step must be that of these logits.
func TestWhiten(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 5, 3, 9, 7)
	in := nn.Shape{C: 3, H: 4, W: 6}
	white, err := data.FitWhitening(context.Background(), set, in.H, in.W, nil)
	require.NoError(t, err)
	n := in.Len()
	net, err := nn.NewNet(dev, nn.Sequential{nn.Flatten{}, nn.Linear{Out: n}}, in, nn.Whiten(white))
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
	// The product has n+1 terms. The matrix has values of at most 1/sqrt(0.1). The normalised
	// pixels have the norm 55, so none is larger. They have the error of their own normalisation.
	tolerance := shaders.Tolerance(2*n+10, 10, 2*3.2*55)
	loss := 0.0
	for i := range 5 {
		want := white.Apply(set, i)
		for e, v := range want {
			assert.InDelta(t, v, logits[i][e], tolerance, "value %d of image %d", e, i)
			loss += math.Exp(v-want[set.Labels[i]]) / 5
		}
	}
	losses := steps(t, net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 1, Epochs: 1, Rate: 0}})
	mean := 0.0
	for _, l := range losses {
		mean += math.Exp(l) / 5
	}
	assert.InEpsilon(t, loss, mean, 4*tolerance)

	_, err = nn.NewNet(dev, net.Layer, in, nn.Whiten(&data.Whitening{C: 3, H: 6, W: 4}))
	assertOneLine(t, err, "a whitening of [3,6,4]; the network takes [3,4,6]")
}
