package nin_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/data"
)

// TestWhitenedRun: the whitening goes with the weights. A run that stopped goes
// on with its own, and a model read from each of the run's files measures what
// the run measured; without the whitening, or with another, it is refused.
func TestWhitenedRun(t *testing.T) {
	dev := gputest.Device(t)
	white, err := data.BlankWhitening(1, 28, 28)
	require.NoError(t, err)
	for i := range white.Mean { // each pixel less a third of the one before
		white.Matrix[i*len(white.Mean)+i] = 1
		white.Matrix[i*len(white.Mean)+max(0, i-1)] -= 1.0 / 3
		white.Mean[i] = float32(i%7) / 7
	}
	s := short(func(s *nin.Settings) { s.Whiten, s.CheckpointEvery.Steps = true, 2 })
	start := func() *nin.Run {
		train, test := images(t)
		train.Whitening = white
		r, err := nin.NewRun(context.Background(), dev, s, train, test, filepath.Join(t.TempDir(), "run"))
		require.NoError(t, err)
		t.Cleanup(r.Close)
		return r
	}
	whole := start()
	want, epochs, _, _ := finish(t, whole)

	r := start()
	for e, err := range r.Events(context.Background()) {
		require.NoError(t, err)
		if e.Step != nil && e.Step.Step == 3 {
			break
		}
	}
	r.Close()
	got, _, steps, _ := finish(t, resume(t, r.Dir))
	assert.Equal(t, 6, steps)
	assert.Equal(t, want, got)

	s.Whiten = false
	plain, _, _, _ := finish(t, begin(t, s, ""))
	assert.NotEqual(t, want.Hash, plain.Hash)

	_, test := images(t)
	last := epochs[len(epochs)-1]
	exported, network := filepath.Join(t.TempDir(), "m.safetensors"), filepath.Join(t.TempDir(), "m.onnx")
	for i, file := range []string{
		filepath.Join(whole.Dir, "model.safetensors"), filepath.Join(whole.Dir, "checkpoint", "step-000000008.safetensors"), exported, network,
	} {
		m, err := nin.ReadModel(file, "")
		require.NoError(t, err)
		e, err := m.Evaluate(context.Background(), dev, test.First(s.TestImages), 32, nil)
		require.NoError(t, err)
		assert.InEpsilon(t, last.TestLoss, e.Loss, 1e-5) // a sum in float32
		assert.InDelta(t, last.TestAccuracy, e.Accuracy, 1e-9)
		if i == 0 {
			require.NoError(t, m.Export(exported))
			require.NoError(t, m.Export(network))
		}
	}
	_, err = nin.ReadModel(filepath.Join(whole.Dir, "checkpoint", "best.safetensors"), "")
	require.NoError(t, err)

	file := filepath.Join(whole.Dir, "whitening.safetensors")
	white.Mean[3] = math.Pi
	require.NoError(t, white.Write(file))
	refused := func(says string) {
		_, err := nin.ReadModel(filepath.Join(whole.Dir, "model.safetensors"), "")
		assert.ErrorContains(t, err, says)
		c, err := nin.ReadCheckpoint(whole.Dir)
		require.NoError(t, err)
		train, test := images(t)
		_, err = nin.ResumeRun(context.Background(), dev, c, train, test, whole.Dir)
		assert.ErrorContains(t, err, says)
	}
	refused("is not the one that the network was trained with")
	require.NoError(t, os.Remove(file))
	refused("put the whitening.safetensors of its run beside it")

	d2l, err := nin.Find("d2l")
	require.NoError(t, err)
	s = d2l.Settings()
	s.Whiten = true
	assert.ErrorContains(t, s.Check(), "whitening images of [1,224,224], 50176 values; want at most 4096")
}

// TestONNXWhitens runs a network with a whitening in onnxruntime: the logits are
// ours to 1e-4 of the largest, for the matrix magnifies what the sums of both
// round differently by at most sqrt(10).
func TestONNXWhitens(t *testing.T) {
	py := python(t, "onnxruntime, numpy")
	dev := gputest.Device(t)
	const n = 8
	in := nn.Shape{C: 3, H: 6, W: 6}
	set := &data.Images{C: 3, H: 6, W: 6, Labels: make([]uint8, n), Pixels: make([]uint8, n*in.Len())}
	for i := range set.Pixels {
		set.Pixels[i] = uint8(i * i * 31 / (i%7 + 1))
		if i < in.Len() {
			set.Pixels[i] = 77 // a flat image
		}
	}
	white, err := data.FitWhitening(context.Background(), set, 6, 6, nil)
	require.NoError(t, err)
	layers := nn.Sequential{nn.Conv2D{Out: 8, Kernel: 3}, nn.ReLU{}, nn.Flatten{}, nn.Linear{Out: 5}}
	net, err := nn.NewNet(dev, layers, in, nn.Whiten(white))
	require.NoError(t, err)
	defer net.Close()
	require.NoError(t, net.Init(nn.PyTorch, 1))
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, n)
	require.NoError(t, err)
	defer eval.Close()
	want, err := eval.Logits(0, n)
	require.NoError(t, err)

	weights, err := net.Weights()
	require.NoError(t, err)
	m, err := nn.ONNX(layers, in, weights)
	require.NoError(t, err)
	require.NoError(t, nn.WhitenONNX(&m, white))
	dir := t.TempDir()
	model, pixels := filepath.Join(dir, "model.onnx"), filepath.Join(dir, "pixels")
	require.NoError(t, m.Write(model))
	require.NoError(t, os.WriteFile(pixels, set.Pixels, 0o600))
	out, err := exec.Command(py, "../nn/onnx/testdata/run.py", model, pixels, "8", "3", "6", "6").Output()
	require.NoError(t, err)
	var got struct{ All [][]float64 }
	require.NoError(t, json.Unmarshal(out, &got))
	require.Len(t, got.All, n)
	largest := 0.0
	for _, row := range want {
		largest = max(largest, math.Abs(float64(slices.Max(row))), math.Abs(float64(slices.Min(row))))
	}
	for i, row := range want {
		for k, v := range row {
			assert.InDelta(t, v, got.All[i][k], 1e-4*largest, "logit %d of image %d", k, i)
		}
	}
}
