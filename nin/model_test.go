package nin_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/internal/nintest"
	"wgnin/nn/safetensors"
)

// The recipe is the one that the weights fit, whatever the number of classes and
// channels.
func TestReadModel(t *testing.T) {
	for _, c := range []struct {
		recipe            string
		channels, classes int
		meta              map[string]string
		dataset, class0   string
	}{
		{"d2l", 1, 10, nil, "fashion-mnist", "t-shirt/top"},
		{"mini", 3, 4, nil, "fashion-mnist", "0"},
		{"mini", 1, 10, map[string]string{"dataset": "mnist"}, "mnist", "0"},
		{"mini", 1, 2, map[string]string{"dataset": "folder", "classes": `["cat","dog"]`}, "folder", "cat"},
		{"mini", 1, 3, map[string]string{"dataset": "folder", "classes": `["cat","dog"]`}, "folder", "0"},
		{"lin2013", 3, 10, nil, "cifar10", "airplane"},
	} {
		path := nintest.ModelFile(t, c.recipe, c.channels, c.classes, c.meta)
		for _, given := range []string{"", c.recipe} {
			m, err := nin.ReadModel(path, given)
			require.NoError(t, err)
			assert.Equal(t, c.recipe, m.Recipe.Name)
			assert.Equal(t, c.channels, m.Recipe.In.C)
			assert.Equal(t, c.dataset, m.Dataset)
			assert.Len(t, m.Classes, c.classes)
			assert.Equal(t, c.class0, m.Classes[0])
		}
	}
	_, err := nin.ReadModel(nintest.ModelFile(t, "mini", 1, 10, nil), "d2l")
	assert.ErrorContains(t, err, "net.0.0.weight has shape [32 1 5 5]; the network's is [96 1 11 11]")
	path := filepath.Join(t.TempDir(), "other.safetensors")
	require.NoError(t, safetensors.Write(path, []safetensors.Tensor{{Name: "x", Shape: []int{1}, Data: []float32{1}}}, nil))
	_, err = nin.ReadModel(path, "")
	assert.ErrorContains(t, err, "no recipe's network")
}

// A checkpoint is a model too: its velocities are passed over.
func TestReadModelOfCheckpoint(t *testing.T) {
	dev := gputest.Device(t)
	dir := t.TempDir()
	start(t, dev, filepath.Join(dir, "run"), "")
	m, err := nin.ReadModel(filepath.Join(dir, "run", "checkpoint", "step-000000000.safetensors"), "")
	require.NoError(t, err)
	assert.Equal(t, "mini", m.Recipe.Name)
}

func TestLooksInverted(t *testing.T) {
	set := nintest.Fashion(t).First(1)
	turned := *set
	turned.Pixels = slices.Clone(set.Pixels)
	for i, v := range set.Pixels {
		turned.Pixels[i] = 255 - v
	}
	m := nin.Model{Dataset: "fashion-mnist"}
	assert.False(t, m.LooksInverted(set))
	assert.True(t, m.LooksInverted(&turned))
	m.Dataset = "cifar10"
	assert.False(t, m.LooksInverted(&turned))
}
