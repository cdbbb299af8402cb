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
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/onnx"
)

// TestONNXPreprocesses runs a network with a whitening, and one with a normalisation, in
// onnxruntime. The logits equal ours to 1e-4 of the largest, because the matrix magnifies the
// rounding of the sums by at most sqrt(10).
func TestONNXPreprocesses(t *testing.T) {
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
	for name, c := range map[string]struct {
		option nn.NetOption
		add    func(*onnx.ModelProto) error
	}{
		"whitening": {nn.Whiten(white), func(m *onnx.ModelProto) error { return nn.WhitenONNX(m, white) }},
		"normalisation": {nn.Normalise(data.ImageNet()), func(m *onnx.ModelProto) error {
			nn.NormaliseONNX(m, data.ImageNet())
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			net, err := nn.NewNet(dev, layers, in, c.option)
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
			require.NoError(t, c.add(&m))
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
		})
	}
}
