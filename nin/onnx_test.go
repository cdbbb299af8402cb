package nin_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
)

// onnxNetwork is a network that TestONNXRuntime exports.
type onnxNetwork struct {
	name string
	in   nn.Shape
	net  nn.Layer
	init nn.Init
}

// onnxNetworks returns the recipes' networks, and some with the layers that those lack.
func onnxNetworks() []onnxNetwork {
	all := []onnxNetwork{
		{"means", nn.Shape{C: 3, H: 13, W: 10}, nn.Sequential{
			nn.Conv2D{Out: 6, Kernel: 3, KernelW: 2, Stride: 2, StrideW: 1, Pad: nn.Padding{Top: 1, Right: 2}},
			nn.ReLU{},
			nn.AvgPool2D{Kernel: 3, Stride: 2, Pad: nn.Pad(1)},
			nn.AvgPool2D{Kernel: 2, Stride: 1, Pad: nn.Pad(1), ExcludePad: true},
			nn.MaxPool2D{Kernel: 2, KernelW: 3, Stride: 2, Pad: nn.Pad(1), Ceil: true},
			nn.Dropout{P: 0.5}, nn.Flatten{}, nn.Linear{Out: 7, NoBias: true}, nn.ReLU{}, nn.Linear{Out: 5},
		}, nn.PyTorch},
		{"same", nn.Shape{C: 1, H: 12, W: 11}, nn.Sequential{
			nn.Conv2D{Out: 8, Kernel: 4, Stride: 3, Pad: nn.Same}, nn.ReLU{}, nn.GlobalAvgPool2D{}, nn.Dropout{P: 0.5},
		}, nn.PyTorch},
	}
	all = append(all, onnxNetwork{"activations", nn.Shape{C: 2, H: 9, W: 7}, nn.Sequential{
		nn.Sigmoid{}, nn.Conv2D{Out: 5, Kernel: 3}, nn.Tanh{}, nn.Conv2D{Out: 6, Kernel: 1}, nn.SiLU{},
		nn.Conv2D{Out: 7, Kernel: 1}, nn.GELU{},
		nn.Conv2D{Out: 14, Kernel: 3, Pad: nn.Pad(2), Dilation: 2, DilationW: 3, Groups: 7},
		nn.AdaptiveAvgPool2D{H: 7, W: 1}, nn.Flatten{}, nn.Linear{Out: 5}, nn.GELU{},
	}, nn.PyTorch})
	all = append(all, onnxNetwork{"norm", nn.Shape{C: 1, H: 28, W: 28}, normLayers, nn.PyTorch})
	all = append(all, onnxNetwork{"graph", nn.Shape{C: 1, H: 28, W: 28},
		nn.Sequential{graphLayers, nn.LeakyReLU{Slope: 0.2}, unchilded{}}, nn.PyTorch})
	for _, r := range nin.Recipes {
		if !slices.Contains([]string{"d2l", "mini", "lin2013", "photos", "resnet18"}, r.Name) {
			continue // TestNamedONNX runs it
		}
		if in, ok := bookInputs[r.Name]; ok {
			r.In = in
		}
		all = append(all, onnxNetwork{r.Name, r.In, r.Net(10, r.Dropout), r.Init})
	}
	return all
}

// Every layer is in a network that TestONNXRuntime exports.
func TestONNXRuntimeHasAll(t *testing.T) {
	text := "" // add the name of a layer that has no ONNX form here, with the reason
	for _, c := range onnxNetworks() {
		text += "; " + nn.Text(c.net)
	}
	for _, l := range nn.Layers() {
		name, _, _ := strings.Cut(nn.Text(l), " ")
		assert.True(t, regexp.MustCompile(`[;(] ?`+name+`\b`).MatchString(text),
			"no network with a %T runs in onnxruntime: add it to one of onnxNetworks", l)
	}
}

// TestONNXRuntime runs exported networks in onnxruntime. Its logits agree with ours to 1e-5 of the
// largest: both add up at most 4,609 products in float32, in different orders, and the errors of at
// most 20 convolutions add up at random.
func TestONNXRuntime(t *testing.T) {
	py := python(t, "onnxruntime, numpy")
	dev := gputest.Device(t)
	for _, c := range onnxNetworks() {
		t.Run(c.name, func(t *testing.T) {
			const n = 8 // as in the golden files, whose kernels may be compiled already
			set := &data.Images{C: c.in.C, H: c.in.H, W: c.in.W, Labels: make([]uint8, n),
				Pixels: make([]uint8, n*c.in.Len())}
			for i := range set.Pixels {
				set.Pixels[i] = uint8(i * i * 31 / (i%7 + 1))
			}
			net, err := nn.NewNet(dev, c.net, c.in)
			require.NoError(t, err)
			defer net.Close()
			require.NoError(t, net.Init(c.init, 1))
			weights, err := net.Weights()
			require.NoError(t, err)
			for _, w := range weights {
				if _, state, ok := strings.Cut(w.Name, ".running_"); ok { // as after training
					for i := range w.Data {
						w.Data[i] = map[string]float32{"mean": -0.25, "var": 0.5}[state] + float32(i*7%5)/8
					}
				}
			}
			require.NoError(t, net.SetWeights(weights))
			images, err := nn.Upload(dev, set)
			require.NoError(t, err)
			defer images.Close()
			eval, err := nn.NewEvaluator(net, images, n)
			require.NoError(t, err)
			defer eval.Close()
			want, err := eval.Logits(0, n)
			require.NoError(t, err)

			m, err := nn.ONNX(c.net, c.in, weights)
			require.NoError(t, err)
			got := onnxRuntime(t, py, m, c.in, set.Pixels)
			require.Len(t, got, n)
			largest, worst := 0.0, 0.0
			for i, row := range want {
				require.Len(t, got[i], len(row))
				for k, v := range row {
					largest = max(largest, math.Abs(float64(v)))
					worst = max(worst, math.Abs(got[i][k]-float64(v)))
				}
			}
			assert.LessOrEqual(t, worst, 1e-5*largest)
			t.Logf("logits up to %.3g differ by at most %.2g of that", largest, worst/largest)
		})
	}
}

// onnxRuntime returns onnxruntime's logits of images [N,C,H,W] in one batch. It checks that the
// first image alone has the same logits.
func onnxRuntime(t *testing.T, py string, m onnx.ModelProto, in nn.Shape, pixels []byte) [][]float64 {
	dir := t.TempDir()
	model, images := filepath.Join(dir, "model.onnx"), filepath.Join(dir, "pixels")
	require.NoError(t, m.Write(model))
	require.NoError(t, os.WriteFile(images, pixels, 0o600))
	cmd := exec.Command(py, "../nn/onnx/testdata/run.py", model, images,
		fmt.Sprint(len(pixels)/in.Len()), fmt.Sprint(in.C), fmt.Sprint(in.H), fmt.Sprint(in.W))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, &stderr)
	var got struct{ All, First [][]float64 }
	require.NoError(t, json.Unmarshal(out, &got))
	largest := 0.0
	for _, v := range got.All[0] {
		largest = max(largest, math.Abs(v))
	}
	for k, v := range got.First[0] {
		assert.InDelta(t, got.All[0][k], v, 1e-5*largest)
	}
	return got.All
}

// TestONNXRuntimeOpset runs an operator that opset 14 added: onnxruntime rejects it in a file with
// an earlier opset. The values are float32, and 1e-6 allows several roundings.
func TestONNXRuntimeOpset(t *testing.T) {
	py := python(t, "onnxruntime, numpy")
	in := nn.Shape{C: 1, H: 1, W: 3}
	m := onnx.ModelProto{
		Nodes:  []onnx.Node{{Op: "HardSwish", Inputs: []string{"images"}, Output: "logits"}},
		Input:  onnx.Value{Name: "images", Shape: []int{0, 1, 1, 3}},
		Output: onnx.Value{Name: "logits", Shape: []int{0, 1, 1, 3}},
	}
	pixels := []byte{0, 100, 255}
	got := onnxRuntime(t, py, m, in, pixels)
	for i, p := range pixels {
		x := float64(p) / 255
		assert.InDelta(t, x*(x+3)/6, got[0][i], 1e-6)
	}
}

// TestExport writes a model as ONNX and back. The tensors, their names and the metadata stay the
// same.
func TestExport(t *testing.T) {
	m, err := nin.ReadModel(nintest.ModelFile(t, "mini", 1, 3,
		map[string]string{"dataset": "folder", "classes": `["a","b","c"]`}), "")
	require.NoError(t, err)
	dir := t.TempDir()
	there, back := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "m.safetensors")
	require.NoError(t, m.Export(there))
	again, err := nin.ReadModel(there, "")
	require.NoError(t, err)
	require.NoError(t, again.Export(back))
	last, err := nin.ReadModel(back, "")
	require.NoError(t, err)
	for _, got := range []*nin.Model{again, last} {
		assert.Equal(t, m.Weights, got.Weights)
		assert.Equal(t, m.Classes, got.Classes)
		assert.Equal(t, "folder", got.Dataset)
		assert.Equal(t, "mini", got.Recipe)
	}
	assert.ErrorContains(t, m.Export(filepath.Join(dir, "m.pt")), ".onnx or .safetensors")
}

// The nodes of the chapter's network, as PyTorch exports them.
func TestONNXNodes(t *testing.T) {
	r, err := nin.Find("d2l")
	require.NoError(t, err)
	m, err := nin.ReadModel(nintest.ModelFile(t, "d2l", 1, 10, nil), "")
	require.NoError(t, err)
	o, err := nn.ONNX(m.Layers, r.In, m.Weights)
	require.NoError(t, err)
	var ops []string
	for i, n := range o.Nodes {
		ops = append(ops, n.Op)
		if i > 0 {
			assert.Equal(t, o.Nodes[i-1].Output, n.Inputs[0])
		}
	}
	block := "Conv Relu Conv Relu Conv Relu "
	assert.Equal(t, block+"MaxPool "+block+"MaxPool "+block+"MaxPool "+block+"GlobalAveragePool Flatten",
		strings.Join(ops, " "))
	assert.Equal(t, []string{"images", "net.0.0.weight", "net.0.0.bias"}, o.Nodes[0].Inputs)
	assert.Equal(t, map[string][]int{"kernel_shape": {11, 11}, "strides": {4, 4}, "pads": {0, 0, 0, 0},
		"dilations": {1, 1}}, o.Nodes[0].Ints)
	assert.Equal(t, onnx.Value{Name: "logits", Shape: []int{0, 10}}, o.Output)
	assert.Equal(t, "logits", o.Nodes[len(o.Nodes)-1].Output)

	_, err = nn.ONNX(m.Layers, r.In, m.Weights[1:])
	assert.ErrorContains(t, err, "net.0.0.weight is missing")
	net := nn.Sequential{nn.Conv2D{Out: 1, Kernel: 1}, nn.AvgPool2D{Kernel: 2, Ceil: true}}
	weights := []safetensors.Tensor{{Name: "0.weight", Shape: []int{1, 1, 1, 1}, Data: []float32{1}},
		{Name: "0.bias", Shape: []int{1}, Data: []float32{1}}}
	_, err = nn.ONNX(net, nn.Shape{C: 1, H: 4, W: 4}, weights)
	require.NoError(t, err)
	_, err = nn.ONNX(net, nn.Shape{C: 1, H: 3, W: 3}, weights)
	assert.ErrorContains(t, err, "layer 1 (avgpool 2 ceil): ONNX 1.8 does not define the mean")
}

// unchilded is a block that calls Build of its layers, so that they share its name.
type unchilded struct{}

func (unchilded) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	return nn.ReLU{}.Build(g, nn.Linear{Out: 7}.Build(g, x))
}
