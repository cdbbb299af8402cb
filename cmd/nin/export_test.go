package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nin/nintest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// Exported and read back, the weights are the same.
func TestExport(t *testing.T) {
	file := newModel(t)
	dir := t.TempDir()
	there, back := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "m.safetensors")
	code, out, stderr := runNin("export", "-model", file, "-o", there)
	require.Zero(t, code, stderr)
	assert.Equal(t, there+": the network of mini, 112646 parameters, images [1,1,28,28], 10 classes\n", out)
	code, _, stderr = runNin("export", "-model", there, "-o", back)
	require.Zero(t, code, stderr)
	want, _, err := safetensors.Read(file)
	require.NoError(t, err)
	got, meta, err := safetensors.Read(back)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, "mini", meta["recipe"])
}

func TestExportRefuses(t *testing.T) {
	file := newModel(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text.onnx")
	require.NoError(t, os.WriteFile(text, []byte("text"), 0o644))
	folder := filepath.Join(dir, "folder.onnx")
	require.NoError(t, os.Mkdir(folder, 0o755))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "want -o FILE"},
		{[]string{"-o", "m.pt", "-model", file}, 2, "ends in .onnx or .safetensors"},
		{[]string{"-o", "m.onnx"}, 2, "want -model FILE"},
		{[]string{"-o", filepath.Join(dir, "none", "m.onnx"), "-model", file}, 1, "there is no folder"},
		{[]string{"-o", filepath.Join(dir, "m.onnx"), "-model", text}, 1, "not an ONNX file"},
		{[]string{"-o", folder, "-model", file}, 1, "folder.onnx is a folder"},
	} {
		refuses(t, append([]string{"export"}, c.args...), c.code, c.says)
	}
	assert.NoFileExists(t, filepath.Join(dir, "m.onnx"))
}

// The commands take the file of a network that is not a recipe's.
func TestAnyNetwork(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "m.safetensors")
	m := nintest.Branched(t)
	require.NoError(t, m.Export(file))
	run := func(args ...string) string {
		code, out, stderr := runNin(args...)
		require.Zero(t, code, stderr)
		return out
	}
	onnx := filepath.Join(dir, "m.onnx")
	assert.Equal(t, onnx+": a network of no recipe, 830 parameters, images [1,1,12,10], 10 classes\n",
		run("export", "-model", file, "-o", onnx))
	text := nn.Text(m.Layers)
	for _, f := range []string{file, onnx} {
		assert.Regexp(t, "^"+regexp.QuoteMeta(text)+"\n\n(.*output shape.*\n){7}830 parameters",
			run("summary", "-model", f))
		assert.Contains(t, run("eval", "-model", f, "-data", fashionDir, "-test-images", "20"), "accuracy")
		assert.Contains(t, run("predict", "-model", f, "../../viz/window/testdata/window.png"), "sneaker")
	}
	meta := m.Metadata()
	meta["network"] = strings.Replace(text, "leakyrelu", "prelu", 1)
	require.NoError(t, safetensors.Write(file, m.Weights, meta))
	for _, command := range [][]string{{"eval"}, {"predict", "x.png"}, {"export", "-o", onnx}, {"summary"}} {
		refuses(t, slices.Insert(command, 1, "-model", file), 1, `there is no layer "prelu"; the nearest is relu`)
	}
}
