package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn/safetensors"
)

// Out and back, the weights are the same.
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
