package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nin/nintest"
	"wgnin/nin/report"
)

const fashionDir = "../../nn/data/testdata/fashion-mnist"

// newModel writes a file with initial weights of mini, as PyTorch saves them.
func newModel(t *testing.T) string {
	t.Helper()
	return nintest.ModelFile(t, "mini", 1, 10, nil)
}

// refuses runs the command with arguments that it must refuse in one line.
func refuses(t *testing.T, args []string, wantCode int, says string) {
	t.Helper()
	code, out, stderr := runNin(args...)
	assert.Equal(t, wantCode, code, "%v: %s", args, stderr)
	assert.Empty(t, out, args)
	assert.Contains(t, stderr, says)
	assert.Regexp(t, "^[^\n]+\n$", stderr)
}

func TestEval(t *testing.T) {
	file := newModel(t)
	png := filepath.Join(t.TempDir(), "c.png")
	code, out, stderr := runNin("eval", "-model", file, "-data", fashionDir, "-test-images", "20", "-batch", "8",
		"-json", "-png", png)
	require.Zero(t, code, stderr)
	var e report.Scores
	require.NoError(t, json.Unmarshal([]byte(out), &e))
	assert.Equal(t, 20, e.Images)
	assert.Equal(t, "ankle boot", e.Classes[9].Name)
	assert.FileExists(t, png)
}

// Eval takes all pictures of a folder that has no split, or those that training keeps for the test,
// in the channels of the network, and reads them as predict does. It refuses pictures that cannot
// be read, or leaves them out.
func TestEvalFolder(t *testing.T) {
	file := newModel(t)
	dir := t.TempDir()
	var colours bytes.Buffer
	picture := image.NewRGBA(image.Rect(0, 0, 30, 20))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i) | 3
	}
	require.NoError(t, png.Encode(&colours, picture))
	for class := range 10 {
		name := filepath.Join(dir, strconv.Itoa(class))
		require.NoError(t, os.Mkdir(name, 0o755))
		for i := range 7 {
			require.NoError(t, os.WriteFile(filepath.Join(name, strconv.Itoa(i)+".png"), colours.Bytes(), 0o644))
		}
	}
	args := []string{"eval", "-model", file, "-dataset", "folder", "-data", dir}
	code, out, stderr := runNin(args...)
	require.Zero(t, code, stderr)
	assert.Contains(t, out, "mini on 70 images of folder")
	code, out, stderr = runNin(append(args, "-split")...) // what training keeps for the test
	require.Zero(t, code, stderr)
	assert.Contains(t, out, "mini on 10 images of folder")
	refuses(t, []string{"eval", "-model", file, "-data", fashionDir, "-split"}, 2,
		"-split is for the dataset folder; fashion-mnist has")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "3", "x.jpg"), nil, 0o644))
	refuses(t, args, 1, dir+": 1 of 71 pictures cannot be read: "+filepath.Join("3",
		"x.jpg")+": the file is empty; -skip-bad leaves them out")
	code, out, stderr = runNin(append(args, "-split")...) // it is not among those, and is not read
	require.Zero(t, code, stderr)
	assert.Contains(t, out, "mini on 10 images of folder")
	code, out, stderr = runNin(append(args, "-skip-bad")...)
	require.Zero(t, code, stderr)
	assert.Contains(t, out, "mini on 70 images of folder")

	refuses(t, []string{"eval", "-model", file, "-data", dir}, 1,
		"it holds folders of pictures, which the dataset folder reads: -dataset folder")
}

func TestEvalRefuses(t *testing.T) {
	file := newModel(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("no weights ", 10)), 0o644))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "want -model FILE"},
		{[]string{"-model", filepath.Join(dir, "none")}, 1, "no such file"},
		{[]string{"-model", text}, 1, "not a safetensors file"},
		{[]string{"-model", file, "-recipe", "d21"}, 2, "the nearest is d2l"},
		{[]string{"-model", file, "-recipe", "lin2013"}, 1, "there is no net.6.4.bias"},
		{[]string{"-model", file, "-dataset", "fashion-minst"}, 2, "the nearest is fashion-mnist"},
		{[]string{"-model", file, "-batch", "0"}, 2, "want 1 to 1000000"},
		{[]string{"-model", file, "-test-images", "-1"}, 2, "want 0 (all) or more"},
		{[]string{"-model", file, "-data", dir}, 1, "-ubyte"},
		{[]string{"-model", file, "-png", filepath.Join(dir, "none", "c.png")}, 1, "there is no folder"},
		{[]string{"-model", file, "-png", "/proc/c.png"}, 1, "-png /proc/c.png: "},
	} {
		refuses(t, append([]string{"eval"}, c.args...), c.code, c.says)
	}
}
