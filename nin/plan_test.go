package nin_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/data"
)

var update = flag.Bool("update", false, "write the golden plans of TestPlans anew")

// dryTrainer plans the training of a network on as many images as Fashion-MNIST has, on an adapter
// that is not there.
func dryTrainer(t *testing.T, a gpu.Adapter, layers nn.Layer, in nn.Shape, h nn.Hyper) *nn.Trainer {
	dev := gpu.Dry(a, false)
	train, _, err := data.Blank("fashion-mnist")
	require.NoError(t, err)
	images, err := nn.Upload(dev, train)
	require.NoError(t, err)
	t.Cleanup(images.Close)
	net, err := nn.NewNet(dev, layers, in)
	require.NoError(t, err)
	t.Cleanup(net.Close)
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: h})
	require.NoError(t, err)
	t.Cleanup(trainer.Close)
	return trainer
}

// The dispatches of a training step of the chapter's network, and of one of residuals and
// branches, planned for an adapter that has what every WebGPU adapter has. A change of the data
// flow shows here, in review: go test ./nin -run Plans -update writes the files.
func TestPlans(t *testing.T) {
	r, err := nin.Find("d2l")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		net nn.Layer
		in  nn.Shape
	}{
		"chapter": {r.Net(10, r.Dropout), r.In},
		"graph":   {graphLayers, nn.Shape{C: 1, H: 28, W: 28}},
	} {
		t.Run(name, func(t *testing.T) {
			trainer := dryTrainer(t, gpu.Guaranteed, c.net, c.in, nn.Hyper{Batch: 64, Epochs: 1, Rate: r.Rate})
			path := filepath.Join("testdata", "plans", name+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(trainer.String()), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), trainer.String())
		})
	}
}
