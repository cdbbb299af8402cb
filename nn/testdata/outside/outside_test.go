package outside_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/outside"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/data"
)

// network returns a network of Stages with the given activation.
func network(act nn.Layer) nn.Sequential {
	return nn.Sequential{
		outside.NewStage(12, act), outside.NewStage(20, act),
		nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
	}
}

var in = nn.Shape{C: 1, H: 28, W: 28}

func TestDescribe(t *testing.T) {
	d, err := nn.Describe(network(outside.PReLU{}), in)
	require.NoError(t, err)
	var names []string
	params := 0
	for _, l := range d.Layers {
		for _, w := range l.Weights {
			names = append(names, l.Path+"."+w.Name)
			params += w.Len()
		}
	}
	// torch gives these names for the same classes.
	assert.Equal(t, []string{
		"0.0.conv.weight", "0.0.conv.bias", "0.0.act.weight", "0.1.conv.weight", "0.1.conv.bias", "0.1.act.weight",
		"1.0.conv.weight", "1.0.conv.bias", "1.0.act.weight", "1.1.conv.weight", "1.1.conv.bias", "1.1.act.weight",
		"4.weight", "4.bias",
	}, names)
	want := 12*9 + 12 + 12 + 12*12 + 12 + 12 + 20*12*9 + 20 + 20 + 20*20 + 20 + 20 + 20*10 + 10
	assert.Equal(t, want, params)
	assert.Equal(t, want, d.Params())
}

func train(t *testing.T, dev *gpu.Device, act nn.Layer) (*nn.Net, *nn.Images) {
	set, test, err := data.Load(context.Background(), "fashion-mnist",
		data.LoadOptions{Dir: "../../data/testdata/fashion-mnist"})
	require.NoError(t, err)
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	t.Cleanup(images.Close)
	tests, err := nn.Upload(dev, test)
	require.NoError(t, err)
	t.Cleanup(tests.Close)
	net, err := nn.NewNet(dev, network(act), in)
	require.NoError(t, err)
	t.Cleanup(net.Close)
	require.NoError(t, net.Init(nn.He, 1))
	const steps = 60
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
		Hyper:    nn.Hyper{Batch: 32, Epochs: 100, Steps: steps, Shuffle: true, Momentum: 0.9},
		Schedule: outside.Triangle{Peak: 0.1, Total: steps},
	})
	require.NoError(t, err)
	defer trainer.Close()
	var losses []float64
	for step, err := range trainer.Steps(context.Background()) {
		require.NoError(t, err)
		losses = append(losses, step.Loss)
	}
	require.Len(t, losses, steps)
	if act != (nn.ReLU{}) { // the ReLU network starts more slowly at this rate
		assert.Less(t, losses[steps-1], losses[0]-0.5, "it learns")
	}
	return net, tests
}

// TestFreezes checks that frozen layers, including those of this module, have no gradient kernels,
// and that the rest learns.
func TestFreezes(t *testing.T) {
	dev := gputest.Device(t)
	net, err := nn.NewNet(dev, network(outside.PReLU{}), in, nn.Freeze("0", "1.0.act"))
	require.NoError(t, err)
	defer net.Close()
	require.NoError(t, net.Init(nn.He, 1))
	before, err := net.Weights()
	require.NoError(t, err)
	set, _, err := data.Load(context.Background(), "fashion-mnist",
		data.LoadOptions{Dir: "../../data/testdata/fashion-mnist"})
	require.NoError(t, err)
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	trainer, err := nn.NewTrainer(net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 32, Epochs: 1, Steps: 3, Rate: 0.1, Momentum: 0.9, WeightDecay: 0.1}})
	require.NoError(t, err)
	defer trainer.Close()
	for _, err := range trainer.Steps(context.Background()) {
		require.NoError(t, err)
	}
	after, err := net.Weights()
	require.NoError(t, err)
	for i, w := range after {
		if slices.Contains(net.Frozen(), w.Name) {
			assert.Equal(t, before[i].Data, w.Data, w.Name)
		} else {
			assert.NotEqual(t, before[i].Data, w.Data, w.Name)
		}
	}
	assert.Len(t, net.Frozen(), 7)
}

// TestTrains checks that the network trains, evaluates, can be probed, and is saved and loaded with
// the same logits. It is exported if all layers have an ONNX form; otherwise the error names a
// layer without one.
func TestTrains(t *testing.T) {
	dev := gputest.Device(t)
	ctx := context.Background()
	for name, act := range map[string]nn.Layer{"PReLU": outside.PReLU{}, "ReLU": nn.ReLU{}} {
		t.Run(name, func(t *testing.T) {
			net, tests := train(t, dev, act)
			eval, err := nn.NewEvaluator(net, tests, 50)
			require.NoError(t, err)
			defer eval.Close()
			result, err := eval.Run(ctx)
			require.NoError(t, err)
			assert.Equal(t, tests.Len(), result.Images)
			logits, err := eval.Logits(0, 5)
			require.NoError(t, err)

			weights, err := net.Weights()
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "model.safetensors")
			saved := nin.Model{Layers: network(act), In: in, Weights: weights, Dataset: "fashion-mnist"}
			require.NoError(t, saved.Export(path))
			_, err = nin.ReadModel(path, "")
			require.ErrorContains(t, err, `there is no layer "outside.stage"`)
			read, err := nin.ReadModel(path, "", outside.Layers...)
			require.NoError(t, err)
			assert.Equal(t, saved.Layers, read.Layers)
			assert.Equal(t, "t-shirt/top", read.Classes[0])
			again, err := read.Net(dev)
			require.NoError(t, err)
			defer again.Close()
			predictor, err := nn.NewEvaluator(again, tests, 50)
			require.NoError(t, err)
			defer predictor.Close()
			got, err := predictor.Logits(0, 5)
			require.NoError(t, err)
			assert.Equal(t, logits, got)

			probe, err := nn.NewProbe(net)
			require.NoError(t, err)
			defer probe.Close()
			require.NoError(t, probe.SetImage(tests.Set(), 0))
			require.NoError(t, probe.Run(true))
			y := probe.Layers[0].Output
			values := make([]float32, y.H*y.W*y.Stride)
			require.NoError(t, gpu.Read(y.Data, values))
			assert.Contains(t, probe.Layers[0].Path, "0.0.conv")

			model, err := nn.ONNX(network(act), in, weights)
			if name == "PReLU" {
				assert.EqualError(t, err, "layer 0.0.act (outside.prelu): it has no ONNX form here")
				return
			}
			require.NoError(t, err)
			assert.Len(t, model.Nodes, 4+4+2+3)
			require.NoError(t, model.Write(filepath.Join(t.TempDir(), "model.onnx")))
		})
	}
}
