package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/clitest"
	"wgnin/gpu/gputest"
	"wgnin/nin/nintest"
	"wgnin/nn/files"
)

// If this variable is set, the test binary is the command itself.
const asCommand = "NIN_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const smallData = "../../nn/data/testdata/fashion-mnist"

// command returns viz on a display, or without one if display is "".
func command(display string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "DISPLAY=") || strings.HasPrefix(v, "WAYLAND_DISPLAY=")
	}), asCommand+"=1")
	if display != "" {
		cmd.Env = append(cmd.Env, "DISPLAY="+display)
	}
	return cmd
}

// runViz runs viz without a display and waits for it.
func runViz(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command("", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// steps returns the flags of a training run of n short steps.
func steps(n int, out string) []string {
	return []string{"-train", "-recipe", "mini", "-data", smallData, "-batch", "16", "-test-images", "32", "-steps",
		fmt.Sprint(n), "-out", out}
}

func readPNG(t *testing.T, path string) image.Image {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	return img
}

func TestRefuses(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "want either -model FILE"},
		{"-model x -train", 2, "want either -model FILE"},
		{"-model x -epochs 3", 2, "-epochs belongs to a training run"},
		{"-model x -data pics -skip-bad", 1, "x: no such file"},
		{"-train -screenshot a.png -record b.gif", 2, "want one of them"},
		{"-train -size 10x10", 2, "want WxH, 16 to 16384"},
		{"-train -size 640x400x3", 2, "want WxH, 16 to 16384"},
		{"-train -size 16384x16384", 2, "at most 33554432 pixels"},
		{"-train -record a.gif -frames 1000000000", 2, "-frames is 1000000000, of 1280x800; want at most 1048"},
		{"-train -sample -1", 2, "-sample is -1; want 0 or more"},
		{"-train -frames -2", 2, "-frames is -2"},
		{"-train -frames 2 -screenshot a.png", 2, "-frames with -screenshot"},
		{"-train -dataset shoes", 2, "the choices are fashion-mnist"},
		{"-model " + folder + "/a.safetensors", 1, "no such file"},
		{"-train -screenshot " + folder + "/a.png", 1, "there is no folder"},
		{"-train", 1, "-screenshot FILE.png and -record FILE.gif need no window"},
	} {
		_, stderr, code := runViz(t, strings.Fields(c.args)...)
		assert.Equal(t, c.code, code, "%s: %s", c.args, stderr)
		assert.Contains(t, stderr, c.says, c.args)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "%s: %s", c.args, stderr)
	}
}

// Without a display, viz trains and draws a run, and draws its weights.
func TestWithoutAWindow(t *testing.T) {
	gputest.Device(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	hash := func(out string) string {
		_, after, _ := strings.Cut(out, "hash ")
		return after[:min(16, len(after))]
	}

	out, stderr, code := runViz(t,
		append(steps(6, file("filmed")), "-record", file("run.gif"), "-frames", "4", "-size", "400x300")...)
	require.Zero(t, code, stderr)
	f, err := os.Open(file("run.gif"))
	require.NoError(t, err)
	defer f.Close()
	film, err := gif.DecodeAll(f)
	require.NoError(t, err)
	assert.Len(t, film.Image, 4)
	assert.Equal(t, image.Rect(0, 0, 400, 300), film.Image[0].Bounds())

	once, stderr, code := runViz(t, append(steps(6, file("once")), "-screenshot", file("run.png"))...)
	require.Zero(t, code, stderr)
	assert.Equal(t, image.Rect(0, 0, 1280, 800), readPNG(t, file("run.png")).Bounds())
	assert.Equal(t, hash(out), hash(once), "drawing changes no bits")

	model := []string{"-model", file("once/model.safetensors"), "-data", smallData, "-size", "500x400"}
	look := func(args ...string) image.Image {
		_, stderr, code := runViz(t, append(append(model, args...), "-screenshot", file("look.png"))...)
		require.Zero(t, code, stderr)
		return readPNG(t, file("look.png"))
	}
	first := look()
	assert.NotEqual(t, first, look("-sample", "3"))
	assert.NotEqual(t, first, look("-layer", "2.0"))
	shoe := image.NewGray(image.Rect(0, 0, 90, 60))
	for x := 30; x < 60; x++ {
		shoe.SetGray(x, 30, color.Gray{255})
	}
	require.NoError(t, files.WritePNG(file("own.png"), shoe))
	assert.NotEqual(t, first, look("-image", file("own.png")))

	branched := nintest.Branched(t)
	require.NoError(t, branched.Export(file("any.safetensors")))
	_, stderr, code = runViz(t, "-model", file("any.safetensors"), "-data", smallData, "-layer", "3", "-screenshot",
		file("any.png"))
	require.Zero(t, code, stderr)

	// A state dict that does not record its preprocessing is drawn once the preprocessing is given.
	photos := []string{"-model", nintest.ModelFile(t, "photos", 1, 10, nil), "-data", smallData, "-dataset",
		"fashion-mnist"}
	_, stderr, code = runViz(t, append(photos, "-normalise", "0.5/0.25", "-screenshot", file("photos.png"))...)
	require.Zero(t, code, stderr)
	branched.Values = true
	require.NoError(t, branched.Export(file("values.safetensors")))

	layer := []string{"-layer", "2.9"}
	for _, c := range []struct {
		args []string
		code int
	}{
		{append(model, "-sample", "80"), 2}, {append(model, layer...), 2},
		{append(model, "-image", file("run.gif.not")), 1},
		{append(model, "-image", file("once/metrics.jsonl")), 1}, {append(model, "-dataset", "shoes"), 2},
		{append(model, "-test-images", "-1"), 2},
		{append(steps(1, file("bad")), layer...), 2},
		{append([]string{"-train", "-resume", file("once")}, layer...), 2},
		{photos, 1}, {append(photos, "-normalise", "zscore"), 2}, {append(model, "-normalise", "0.5/0.5"), 2},
		{[]string{"-model", file("values.safetensors"), "-data", smallData}, 1},
	} {
		_, stderr, code := runViz(t, append(c.args[:len(c.args):len(c.args)], "-screenshot", file("bad.png"))...)
		assert.Equal(t, c.code, code, "%v: %s", c.args, stderr)
		if c.args[len(c.args)-1] == "2.9" {
			assert.Contains(t, stderr, `there is no layer "2.9"; the nearest is 2.0 (of 0.0,`)
		}
		assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
		assert.NoFileExists(t, file("bad.png"))
		assert.NoDirExists(t, file("bad"), "a run that has not begun")
	}
	assert.FileExists(t, file("once/metrics.jsonl"), "a run that was to go on")
}

// TestWindow uses the window as a person does: it presses keys, and resizes, minimises and closes
// the window.
func TestWindow(t *testing.T) {
	gputest.Device(t)
	display := startX(t)
	dir := filepath.Join(t.TempDir(), "run")
	cmd := command(display, append(steps(100000, dir), "-epochs", "100000", "-size", "700x500", "-v")...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()

	do := func(args ...string) string {
		tool := exec.Command("xdotool", args...)
		tool.Env = append(os.Environ(), "DISPLAY="+display)
		said, err := tool.CombinedOutput()
		require.NoError(t, err, "xdotool %v: %s%s", args, said, errs.String())
		return strings.TrimSpace(string(said))
	}
	id := do("search", "--sync", "--onlyvisible", "--name", "^nin$")
	// shot presses keys and then the key that saves a picture, and waits for the picture.
	shots := 0
	shot := func(keys ...string) image.Image {
		for _, k := range append(keys, "p") {
			do("key", "--window", id, k)
		}
		shots++
		var files []string
		require.Eventually(t, func() bool {
			files, _ = filepath.Glob(filepath.Join(dir, "viz-*.png"))
			return len(files) == shots
		}, time.Minute, 20*time.Millisecond, "a picture after the keys %v: %s", keys, errs.String())
		return readPNG(t, files[shots-1])
	}
	paused := shot("space")
	assert.Equal(t, image.Rect(0, 0, 700, 500), paused.Bounds())
	before := paused
	for _, k := range []string{"Down", "n", "c", "Tab", "Return", "Escape", "v", "Right", "k", "h", "Escape", "s"} {
		after := shot(k)
		assert.NotEqual(t, below(before), below(after), "key %s changes nothing", k)
		before = after
	}
	do("key", "--window", id, "space")
	for i := range 20 { // the size of the window keeps changing
		do("windowsize", id, fmt.Sprint(330+(i*397)%600), fmt.Sprint(210+(i*211)%400))
	}
	do("windowsize", "--sync", id, "640", "400")
	do("windowunmap", "--sync", id)
	do("windowmap", "--sync", id)
	require.Eventually(t, func() bool {
		return shot().Bounds() == image.Rect(0, 0, 640, 400)
	}, time.Minute, time.Millisecond)

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it goes on after an interrupt")
	}
	assert.Equal(t, 130, cmd.ProcessState.ExitCode(), errs.String())
	assert.Contains(t, out.String(), "continue with")
	assert.Contains(t, out.String(), "drawing")

	// The run resumes; -frames closes the window as its button does.
	cmd = command(display, "-train", "-resume", dir, "-frames", "2")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	assert.Contains(t, string(text), "stopped  after step")

	// These keys also close the window.
	for _, key := range []string{"q", "Escape"} {
		cmd = command(display, "-train", "-resume", dir)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		require.NoError(t, cmd.Start())
		do("key", "--window", do("search", "--sync", "--onlyvisible", "--name", "^nin$"), key)
		require.NoError(t, cmd.Wait(), "%s: %s", key, &out)
		assert.Contains(t, out.String(), "stopped  after step", key)
	}
}

// below returns the pixels below the status line, which shows the time of a picture and so always
// differs.
func below(img image.Image) []uint8 {
	const line = 40
	m := image.NewRGBA(img.Bounds())
	draw.Draw(m, m.Rect, img, image.Point{}, draw.Src)
	return m.Pix[line*m.Stride:]
}

// startX starts an X server without a screen. It skips the test if Xvfb or xdotool is missing.
func startX(t *testing.T) (display string) {
	for _, tool := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not on PATH", tool)
		}
	}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{w}
	require.NoError(t, x.Start())
	w.Close()
	t.Cleanup(func() {
		_ = x.Process.Kill()
		_ = x.Wait()
	})
	number, err := io.ReadAll(io.LimitReader(r, 1)) // it writes when it is ready
	require.NoError(t, err)
	rest := make([]byte, 16)
	n, err := r.Read(rest)
	require.NoError(t, err)
	return ":" + strings.TrimSpace(string(number)+string(rest[:n]))
}

func TestAbsurdFlags(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	help, _, _ := runViz(t, "-help")
	clitest.Absurd(t, "viz", help, execute, "-train", "-data", "/nowhere", "-adapter", "nowhere", "-steps", "1")
}
