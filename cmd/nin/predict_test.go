package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writePNG draws a disc of one colour on another and gives the file.
func writePNG(t *testing.T, name string, disc, background uint8) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 40, 30))
	for y := range 30 {
		for x := range 40 {
			v := background
			if (x-20)*(x-20)+(y-15)*(y-15) < 100 {
				v = disc
			}
			img.SetGray(x, y, color.Gray{Y: v})
		}
	}
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, png.Encode(f, img))
	return path
}

func TestPredict(t *testing.T) {
	file := newModel(t)
	white, black := writePNG(t, "white.png", 240, 0), writePNG(t, "black.png", 15, 255)
	type prediction struct {
		File     string
		Inverted bool `json:"looks_inverted"`
		Classes  []struct {
			Class       string
			Probability float64
		}
	}
	run := func(args ...string) (all []prediction) {
		code, out, stderr := runNin(append([]string{"predict", "-model", file, "-json"}, args...)...)
		require.Zero(t, code, stderr)
		require.NoError(t, json.Unmarshal([]byte(out), &all))
		return all
	}
	both := run(white, black, "-top", "10")
	require.Len(t, both, 2)
	assert.Equal(t, white, both[0].File)
	assert.Len(t, both[0].Classes, 10)
	assert.False(t, both[0].Inverted)
	assert.True(t, both[1].Inverted)
	turned := run("-invert", "-top", "10", black)
	assert.Equal(t, both[0].Classes, turned[0].Classes)
	assert.False(t, turned[0].Inverted)

	code, out, stderr := runNin("predict", "-model", file, black)
	require.Zero(t, code, stderr)
	assert.Regexp(t, `black.png  \S+ 0\.\d{3}  \S+ 0\.\d{3}  .*fashion-mnist is white on black: try -invert\n$`, out)
}

func TestPredictRefuses(t *testing.T) {
	file := newModel(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text.png")
	require.NoError(t, os.WriteFile(text, []byte("text"), 0o644))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "want the files of one or more images"},
		{[]string{"x.png"}, 2, "want -model FILE"},
		{[]string{"-model", file, "-top", "0", "x.png"}, 2, "want at least 1"},
		{[]string{"-model", file, filepath.Join(dir, "none.png")}, 1, "none.png: no such file"},
		{[]string{"-model", file, text}, 1, "text.png: not a PNG, JPEG or GIF image"},
		{[]string{"-model", text, "x.png"}, 1, "too short for a safetensors file"},
		{[]string{"x.png", "-models", file}, 2, "not defined: -models"},
	} {
		refuses(t, append([]string{"predict"}, c.args...), c.code, c.says)
	}
}
