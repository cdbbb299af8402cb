package nin_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/data"
)

var update = flag.Bool("update", false, "write the golden files of plans anew")

// dryTrainer plans the training of a network on as many images as Fashion-MNIST has, on an adapter
// that does not exist.
func dryTrainer(t *testing.T, a gpu.Adapter, layers nn.Layer, in nn.Shape, h nn.Hyper) *nn.Trainer {
	dev := gpu.Dry(a, a.Class == gpu.Software)
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

// TestPlans compares the dispatches of a training step with golden files: for the chapter's network
// and for one with residuals and branches, on an adapter with the limits that every WebGPU adapter
// guarantees, and for mini on a software adapter with these limits. A change of the data flow shows
// in the diff of these files; go test ./nin -run Plans -update writes them.
func TestPlans(t *testing.T) {
	r, err := nin.Find("d2l")
	require.NoError(t, err)
	mini, err := nin.Find("mini")
	require.NoError(t, err)
	software := gpu.Guaranteed
	software.Class, software.Backend = gpu.Software, "vulkan"
	small := nn.Shape{C: 1, H: 28, W: 28}
	for name, c := range map[string]struct {
		on  gpu.Adapter
		net nn.Layer
		in  nn.Shape
		h   nn.Hyper
	}{
		"chapter": {gpu.Guaranteed, r.Net(10, r.Dropout), r.In, nn.Hyper{Batch: 64, Epochs: 1, Rate: r.Rate}},
		"graph":   {gpu.Guaranteed, graphLayers, small, nn.Hyper{Batch: 64, Epochs: 1, Rate: r.Rate}},
		"mini":    {software, mini.Net(10, mini.Dropout), mini.In, mini.Hyper},
	} {
		t.Run(name, func(t *testing.T) {
			trainer := dryTrainer(t, c.on, c.net, c.in, c.h)
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

// TestChoices compares the kernels that the chapter's convolutions choose on a GPU of each backend
// with a golden file. On Metal one lane clears the workgroup memory of a tile, so a workgroup takes
// several tiles. On Direct3D 12, FXC would take too long to compile kernels with tiles. go test
// ./nin -run Choices -update writes the file.
func TestChoices(t *testing.T) {
	r, err := nin.Find("d2l")
	require.NoError(t, err)
	var table strings.Builder
	for _, backend := range []string{"vulkan", "metal", "d3d12"} {
		a := amdGPU
		a.Name, a.Driver, a.Backend = "a GPU", "", backend
		if backend == "d3d12" {
			a.Compiler, a.Limits.MaxSharedBytes = "FXC", 0
		}
		net, err := nn.NewNet(gpu.Dry(a, false), r.Net(10, r.Dropout), r.In)
		require.NoError(t, err)
		t.Cleanup(net.Close)
		choices, err := net.Choices(r.Batch)
		require.NoError(t, err)
		fmt.Fprintln(&table, a)
		for _, c := range choices {
			fmt.Fprintf(&table, "  %-4s %-8s %-34s %s\n", c.Layer, c.Pass, c.Shape, c.Variant)
		}
	}
	path := "testdata/plans/choices.txt"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(table.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), table.String())
}
