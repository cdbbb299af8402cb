package nin_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/run"
	"wgnin/nn"
	"wgnin/nn/data"
)

// python returns an interpreter that has the modules, such as "torch, numpy, PIL". It tries
// $PYTHON, python3 and /usr/bin/python3; the last is Debian's if another is first on PATH.
func python(t *testing.T, modules string) string {
	tries := []string{"python3", "/usr/bin/python3"}
	if p := os.Getenv("PYTHON"); p != "" {
		tries = append([]string{p}, tries...)
	}
	for _, p := range tries {
		if exec.Command(p, "-c", "import "+modules).Run() == nil {
			return p
		}
	}
	t.Skipf("none of %q has %s", tries, modules)
	return ""
}

const torch = "torch, numpy, PIL"

// parity runs the PyTorch reference.
func parity(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(python(t, torch), append([]string{"testdata/parity.py"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%v: %s", cmd.Args, &stderr)
	return out
}

// TestPyTorchReads trains mini for three steps and lets PyTorch load the run's model.safetensors
// with strict names. Then PyTorch writes weights, with the names of the chapter's class and with
// those of a bare Sequential, and runs start from them. The logits of the same images are the same
// both ways.
func TestPyTorchReads(t *testing.T) {
	python(t, torch)
	dev := gputest.Device(t)
	dir := t.TempDir()

	t.Run("our weights", func(t *testing.T) {
		r := start(t, dev, filepath.Join(dir, "run"), "")
		for _, err := range r.Events(context.Background()) {
			require.NoError(t, err)
		}
		compareLogits(t, dev, r.Net, filepath.Join(dir, "run", "model.safetensors"))
	})
	for name, prefix := range map[string]string{"its weights": "net.", "its weights of a bare Sequential": ""} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "init.safetensors")
			parity(t, "init", "--net", "mini", "--seed", "1", "--prefix="+prefix, file)
			r := start(t, dev, filepath.Join(t.TempDir(), "run"), file)
			compareLogits(t, dev, r.Net, file)
		})
	}
}

// start prepares a short run of mini.
func start(t *testing.T, dev *gpu.Device, dir, init string) *run.Run {
	recipe, err := nin.Find("mini")
	require.NoError(t, err)
	train, test, err := data.Load(context.Background(), "fashion-mnist", data.LoadOptions{Dir: nintest.FashionDir(t)})
	require.NoError(t, err)
	s := recipe.Settings()
	// With batches of the golden's size, the kernels are already compiled.
	s.Batch, s.Steps, s.Seed, s.TrainImages, s.TestImages, s.Init = 8, 3, 1, 24, 8, init
	r, err := run.New(context.Background(), dev, s, nil, train, test, dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// compareLogits compares the net's logits of the first eight images with PyTorch's from a file of
// weights. Both sides compute in float32. The tolerance is 1e-4 of the largest logit, which the
// project promises for losses and gradients.
func compareLogits(t *testing.T, dev *gpu.Device, net *nn.Net, file string) {
	const n = 8
	set := nintest.Fashion(t).First(n)
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, n)
	require.NoError(t, err)
	defer eval.Close()
	got, err := eval.Logits(0, n)
	require.NoError(t, err)

	var want struct {
		Accuracy float64
		Labels   []int
		Logits   [][]float64
	}
	require.NoError(t, json.Unmarshal(parity(t, "check", file, "--net", "mini", "--data", nintest.FashionDir(t),
		"--images", "8"), &want))
	require.Len(t, want.Logits, n)
	worst, largest := 0.0, 0.0
	for _, row := range want.Logits {
		for _, v := range row {
			largest = max(largest, math.Abs(v))
		}
	}
	for i, row := range want.Logits {
		assert.Equal(t, int(set.Labels[i]), want.Labels[i])
		for c, v := range row {
			e := math.Abs(v-float64(got[i][c])) / largest
			assert.LessOrEqual(t, e, 1e-4, "logit %d of image %d is %g; PyTorch's is %g", c, i, got[i][c], v)
			worst = max(worst, e)
		}
	}
	result, err := eval.Run(context.Background())
	require.NoError(t, err)
	assert.InDelta(t, want.Accuracy, result.Accuracy, 1e-9)
	t.Logf("logits up to %.3g differ by at most %.2g of that", largest, worst)
}
