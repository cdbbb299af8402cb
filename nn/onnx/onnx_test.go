package onnx_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn/onnx"
	"wgnin/nn/safetensors"
)

// tiny is a convolution followed by a mean.
var tiny = onnx.ModelProto{
	Name: "tiny", Doc: "a test",
	Nodes: []onnx.Node{
		{
			Op: "Conv", Name: "0", Inputs: []string{"images", "net.0.weight", "net.0.bias"}, Output: "y 0",
			Ints: map[string][]int{"kernel_shape": {1, 2}, "strides": {1, 1}, "pads": {0, 1, 0, 0}},
		},
		{Op: "GlobalAveragePool", Name: "1", Inputs: []string{"y 0"}, Output: "y 1"},
		{Op: "Flatten", Name: "2", Inputs: []string{"y 1"}, Output: "logits", Int: map[string]int{"axis": 1}},
	},
	Input: onnx.Value{Name: "images", Shape: []int{0, 1, 2, 2}}, Output: onnx.Value{Name: "logits", Shape: []int{0, 3}},
	Weights: []safetensors.Tensor{
		{Name: "net.0.weight", Shape: []int{3, 1, 1, 2}, Data: []float32{1, 2, 3, 4, 5, -6}},
		{Name: "net.0.bias", Shape: []int{3}, Data: []float32{0.5, 0, 1}},
	},
	Metadata: map[string]string{"recipe": "tiny", "classes": `["a"]`},
}

// TestWrite compares the output with a file that onnx.checker has checked and onnxruntime has run
// (see run.py).
func TestWrite(t *testing.T) {
	want, err := os.ReadFile("testdata/tiny.onnx")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "tiny.onnx")
	require.NoError(t, tiny.Write(path))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// TestReadWeights reads two files. This package wrote the first, and packs weights as
// torch.onnx.export does. onnx.helper.make_tensor made the second, and stores values in float_data.
func TestReadWeights(t *testing.T) {
	weights, metadata, err := onnx.ReadWeights("testdata/tiny.onnx")
	require.NoError(t, err)
	assert.Equal(t, tiny.Weights, weights)
	assert.Equal(t, tiny.Metadata, metadata)

	weights, _, err = onnx.ReadWeights("testdata/helper.onnx")
	require.NoError(t, err)
	assert.Equal(t, []safetensors.Tensor{{Name: "w", Shape: []int{2, 1}, Data: []float32{1, -2}}}, weights)
}

// Decoding a truncated or changed file may succeed or fail, but never panics.
func TestReadWeightsDamaged(t *testing.T) {
	file, err := os.ReadFile("testdata/tiny.onnx")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "bad.onnx")
	for cut := range len(file) {
		require.NoError(t, os.WriteFile(path, file[:cut], 0o600))
		weights, _, err := onnx.ReadWeights(path)
		if err == nil { // truncated between two fields after the graph
			assert.Equal(t, tiny.Weights, weights)
		}
		changed := append([]byte{}, file...)
		changed[cut] ^= 0xff
		require.NoError(t, os.WriteFile(path, changed, 0o600))
		_, _, _ = onnx.ReadWeights(path)
	}
	require.NoError(t, os.WriteFile(path, []byte("plain text"), 0o600))
	_, _, err = onnx.ReadWeights(path)
	require.ErrorContains(t, err, "bad.onnx: not an ONNX file, or cut short")
	_, _, err = onnx.ReadWeights("testdata/double.onnx")
	require.ErrorContains(t, err, `tensor "w" has data type 11: only 1, float32, can be read`)
	_, _, err = onnx.ReadWeights("testdata/outside.onnx")
	assert.ErrorContains(t, err, `tensor "w" is stored in another file`)
}

// A file states the lowest opset that has its operators, because other programs require that. Write
// refuses an operator that no opset has, and suggests the nearest name.
func TestOpset(t *testing.T) {
	for operator, want := range map[string]int{"Conv": 13, "LeakyRelu": 13, "HardSwish": 14, "LayerNormalization": 17} {
		got, err := onnx.Opset(operator)
		require.NoError(t, err)
		assert.Equal(t, want, got, operator)
	}
	m := tiny
	m.Nodes = append(slices.Clone(m.Nodes),
		onnx.Node{Op: "HardSwish", Name: "3", Inputs: []string{"y 1"}, Output: "y 3"})
	opset, err := m.Opset()
	require.NoError(t, err)
	assert.Equal(t, 14, opset)

	m.Nodes[3].Op = "Hardswish"
	path := filepath.Join(t.TempDir(), "m.onnx")
	require.EqualError(t, m.Write(path),
		`onnx: node 3: ONNX has no operator "Hardswish" up to opset 17; it has HardSwish`)
	assert.NoFileExists(t, path)
	_, err = onnx.Opset("Mish")
	require.ErrorContains(t, err, `ONNX has no operator "Mish" up to opset 17`)
	_, err = onnx.Opset("")
	assert.ErrorContains(t, err, `ONNX has no operator ""`)
}
