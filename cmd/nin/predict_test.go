package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/cli"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// writePNG draws a disc of one colour on another and returns the path of the file.
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
	assert.Regexp(t, `black.png  \S+ 0\.\d{3} +\S+ 0\.\d{3}  .*fashion-mnist is white on black: try -invert\n$`, out)
}

// A file that cannot be read is named in a line. The others are predicted all the same, as lines or
// as a complete JSON array.
func TestPredictGoesOnAfterABadFile(t *testing.T) {
	file := newModel(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text.png")
	require.NoError(t, os.WriteFile(text, []byte("text"), 0o644))
	paths := []string{"-model", file, dir, "https://example.org/coat.png", os.DevNull, text}
	var good []string
	for i := range 2*predictBatch + 1 {
		good = append(good, writePNG(t, fmt.Sprintf("%d.png", i), 200, uint8(i)))
	}
	says := []string{
		"nin: predict: " + dir + " is a folder; want the files in it, such as " + dir + "/*.jpg",
		"nin: predict: https://example.org/coat.png is an address on the net; want a file: download it first",
		"nin: predict: " + os.DevNull + " is a device; want a PNG, JPEG, GIF, WebP, BMP or TIFF file",
		"nin: predict: data: " + text + ": not a PNG, JPEG or GIF image",
	}
	for _, asJSON := range []bool{false, true} {
		var out, stderr bytes.Buffer
		args := append(slices.Clone(paths), good...)
		if asJSON {
			args = append(args, "-json")
		}
		err := predictFiles(&out, &stderr, args)
		assert.EqualError(t, err, fmt.Sprintf("4 of %d files could not be read", len(good)+4))
		assert.Equal(t, 1, cli.Code(err))
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		require.Len(t, lines, len(says))
		for i, line := range lines {
			assert.True(t, strings.HasPrefix(line, says[i]), line)
		}
		var files []string
		if asJSON {
			var all []prediction
			require.NoError(t, json.Unmarshal(out.Bytes(), &all))
			for _, p := range all {
				files = append(files, p.File)
			}
		} else {
			for line := range strings.Lines(out.String()) {
				files = append(files, strings.Fields(line)[0])
			}
		}
		assert.Equal(t, good, files)
	}
}

// A name with control characters is quoted.
func TestPredictQuotesNames(t *testing.T) {
	var out strings.Builder
	m := &nin.Model{Classes: []string{"\x1b[31mred", "plain"}}
	show := predictionLines(&out, m, []string{"a\nb.png", "c\u202egnp.png"})
	require.NoError(t, show(prediction{File: "a\nb.png",
		Classes: []nin.Prediction{{Class: "\x1b[31mred", Probability: 0.75}, {Class: "plain", Probability: 0.25}}}))
	require.NoError(t, show(prediction{File: "c\u202egnp.png"}))
	assert.Equal(t, `"a\nb.png"        "\x1b[31mred" 0.750  plain 0.250
"c\u202egnp.png"
`, out.String())
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
		{[]string{"-model", file, dir}, 1, "is a folder; want the files in it"},
		{[]string{"-model", file, text}, 1, "text.png: not a PNG, JPEG or GIF image"},
		{[]string{"-model", text, "x.png"}, 1, "too short for a safetensors file"},
		{[]string{"x.png", "-models", file}, 2, "not defined: -models"},
	} {
		refuses(t, append([]string{"predict"}, c.args...), c.code, c.says)
	}
}

// The state dict of a recipe that normalises by its training images is neither predicted nor
// exported before -normalise is given. The error, in one line, names the flag.
func TestPredictAsksForTheNormalisation(t *testing.T) {
	file := nintest.ModelFile(t, "photos", 3, 2, nil)
	picture := writePNG(t, "disc.png", 240, 9)
	onnx := filepath.Join(t.TempDir(), "m.onnx")
	for _, command := range [][]string{{"predict", picture}, {"export", "-o", onnx},
		{"eval", "-data", fashionDir, "-dataset", "folder"}} {
		args := slices.Insert(command, 1, "-model", file)
		if command[0] != "eval" { // eval has no images of two classes here
			refuses(t, args, 1,
				"-normalise is missing: "+file+" does not say by which mean and deviation the images of photos were normalised")
		}
		refuses(t, slices.Insert(slices.Clone(args), 1, "-normalise", "zscore"), 2,
			`-normalise is "zscore"; want unit, `)
		refuses(t, slices.Insert(slices.Clone(args), 1, "-normalise", "dataset"), 2, "-normalise is ")
	}
	predict := func(args ...string) string {
		code, out, stderr := runNin(append([]string{"predict", "-json", "-model"}, args...)...)
		require.Zero(t, code, stderr)
		return out
	}
	numbers := predict(file, "-normalise", "0.5/0.25", picture)
	assert.NotEqual(t, numbers, predict(file, "-normalise", "unit", picture))
	code, _, stderr := runNin("export", "-model", file, "-normalise", "0.5/0.25", "-o", onnx)
	require.Zero(t, code, stderr)
	assert.Equal(t, numbers, predict(onnx, picture))
	refuses(t, []string{"predict", "-model", onnx, "-normalise", "unit", picture}, 2,
		"the file says that its images are normalised by 0.5,0.5,0.5/0.25,0.25,0.25")
}

// If a network's outputs are numbers rather than logits, predict prints them, and eval refuses to
// measure the network.
func TestPredictValues(t *testing.T) {
	dir := t.TempDir()
	m := &nin.Model{
		Layers: nn.Sequential{nn.Conv2D{Out: 2, Kernel: 1}, nn.GlobalAvgPool2D{}, nn.Flatten{}},
		In:     nn.Shape{C: 1, H: 5, W: 5}, Values: true,
		Weights: []safetensors.Tensor{
			{Name: "0.weight", Shape: []int{2, 1, 1, 1}, Data: []float32{0, 0}},
			{Name: "0.bias", Shape: []int{2}, Data: []float32{0.25, -1200}},
		},
	}
	vector, picture := filepath.Join(dir, "vector.safetensors"), filepath.Join(dir, "image.safetensors")
	require.NoError(t, m.Export(vector))
	m.Layers = nn.Sequential{nn.Conv2D{Out: 2, Kernel: 1}}
	require.NoError(t, m.Export(picture))
	disc := writePNG(t, "disc.png", 240, 9)
	code, out, stderr := runNin("predict", "-model", vector, disc)
	require.Zero(t, code, stderr)
	assert.Regexp(t, `disc.png  0\.25 +-1200\n$`, out)
	refuses(t, []string{"predict", "-model", picture, disc}, 1,
		"the network outputs [2,5,5], 50 numbers for each image; -json prints them")
	for file, n := range map[string]int{vector: 2, picture: 50} {
		code, out, stderr = runNin("predict", "-json", "-model", file, disc)
		require.Zero(t, code, stderr)
		var all []map[string]any
		require.NoError(t, json.Unmarshal([]byte(out), &all))
		assert.Len(t, all[0]["values"], n)
		assert.NotContains(t, all[0], "classes")
		refuses(t, []string{"eval", "-model", file, "-data", fashionDir}, 1,
			"numbers, not the logits of classes; predict prints the numbers")
		code, out, stderr = runNin("export", "-model", file, "-o", filepath.Join(dir, "m.onnx"))
		require.Zero(t, code, stderr)
		assert.Regexp(t, ", numbers\n$", out)
	}
}
