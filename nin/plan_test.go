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

// The dispatches of a training step of the chapter's network, and of one of residuals and
// branches, planned for an adapter that has what every WebGPU adapter has. A change of the data flow shows here, in review: go
// test ./nin -run Plans -update writes the files.
func TestPlans(t *testing.T) {
	dev := gpu.Dry(gpu.Guaranteed, false)
	r, err := nin.Find("d2l")
	require.NoError(t, err)
	train, _, err := data.Blank(r.Dataset)
	require.NoError(t, err)
	images, err := nn.Upload(dev, train)
	require.NoError(t, err)
	defer images.Close()
	for name, c := range map[string]struct {
		net nn.Layer
		in  nn.Shape
	}{
		"chapter": {r.Net(10, r.Dropout), r.In},
		"graph":   {graphLayers, nn.Shape{C: 1, H: 28, W: 28}},
	} {
		t.Run(name, func(t *testing.T) {
			net, err := nn.NewNet(dev, c.net, c.in)
			require.NoError(t, err)
			defer net.Close()
			trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 64, Epochs: 1, Rate: r.Rate}})
			require.NoError(t, err)
			defer trainer.Close()
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
