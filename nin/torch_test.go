package nin_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// python is an interpreter that has PyTorch: $PYTHON, python3, or the system's.
func python(t *testing.T) string {
	for _, p := range []string{os.Getenv("PYTHON"), "python3", "/usr/bin/python3"} {
		if p != "" && exec.Command(p, "-c", "import torch, numpy, PIL").Run() == nil {
			return p
		}
	}
	t.Skip("no python3 with torch, numpy and Pillow")
	return ""
}

// Weights go to PyTorch (load_state_dict with strict=True) and come from it,
// and give the same logits there and here.
func TestPyTorchReadsAndWritesWeights(t *testing.T) {
	py, dev := python(t), gputest.Device(t)
	recipe, err := nin.Find("mini")
	require.NoError(t, err)
	net, err := nn.NewNet(dev, recipe.Net(10, 0), recipe.In)
	require.NoError(t, err)
	defer net.Close()
	images, err := nn.Upload(dev, fashion(t))
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, 16)
	require.NoError(t, err)
	defer eval.Close()

	ours, theirs := filepath.Join(t.TempDir(), "ours.safetensors"), filepath.Join(t.TempDir(), "theirs.safetensors")
	require.NoError(t, net.Init(nn.He, 9))
	weights, err := net.Weights()
	require.NoError(t, err)
	require.NoError(t, safetensors.Write(ours, weights, nil))
	require.NoError(t, exec.Command(py, "testdata/parity.py", "init", "--net", "mini", "--seed", "4", theirs).Run())

	for _, path := range []string{ours, theirs} {
		weights, _, err := safetensors.Read(path)
		require.NoError(t, err)
		require.NoError(t, net.SetWeights(weights))
		got, err := eval.Logits(0, 20)
		require.NoError(t, err)
		out, err := exec.Command(py, "testdata/parity.py", "check", path, "--net", "mini",
			"--data", "../nn/data/testdata/fashion-mnist", "--images", "20").Output()
		require.NoError(t, err)
		var want struct{ Logits [][]float64 }
		require.NoError(t, json.Unmarshal(out, &want))
		require.Len(t, want.Logits, 20)
		for i := range got {
			for c := range got[i] {
				// Both sides round twelve layers in float32.
				assert.InDelta(t, want.Logits[i][c], got[i][c], 1e-5*max(1, math.Abs(want.Logits[i][c])))
			}
		}
	}
}
