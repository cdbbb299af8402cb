package main

import (
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/clitest"
	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
	"wgnin/shaders/relu"
)

func runNin(args ...string) (code int, out, stderr string) {
	var o, e strings.Builder
	code = execute(&o, &e, args)
	return code, o.String(), e.String()
}

func TestHelp(t *testing.T) {
	code, out, stderr := runNin("help")
	assert.Zero(t, code)
	assert.Empty(t, stderr)
	for _, c := range commands {
		assert.Contains(t, out, c.name)
		_, a, _ := runNin(c.name, "-help")
		code, b, _ := runNin("help", c.name)
		assert.Zero(t, code)
		assert.Equal(t, a, b)
		assert.Contains(t, a, "Example", c.name)
		assert.Contains(t, a, "go run ./cmd/nin "+c.name)
	}
	for _, args := range [][]string{{"-help"}, {"help", "help"}, {"help", "-help"}} {
		_, same, _ := runNin(args...)
		assert.Equal(t, out, same, args)
	}
}

func TestWrongArguments(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "want a sub-command: help, adapters"},
		{[]string{"selftst"}, `no sub-command "selftst"; the nearest is selftest`},
		{[]string{"adaptor"}, "the nearest is adapters"},
		{[]string{"help", "hlp"}, "the nearest is help"},
		{[]string{"adapters", "x"}, `adapters: unexpected argument "x"`},
		{[]string{"selftest", "-x"}, "selftest: flag provided but not defined: -x"},
	} {
		code, out, stderr := runNin(c.args...)
		assert.Equal(t, 2, code, c.args)
		assert.Empty(t, out)
		assert.Contains(t, stderr, c.says)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	}
}

// Every sub-command returns an error if its results cannot be printed.
func TestLostOutput(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	defer w.Close()
	for _, args := range []string{"help", "summary", "cost"} {
		var stderr strings.Builder
		assert.Equal(t, 1, execute(w, &stderr, strings.Fields(args)), args)
		assert.Regexp(t, `^nin: (\w+: )?write [^\n]*\n$`, stderr.String(), args)
	}
}

// The error for a filter that matches nothing lists the names. bench returns it before measuring.
func TestFiltersThatMatchNothing(t *testing.T) {
	gputest.Device(t)
	for filter, says := range map[string]string{
		"-layer 99":                  `nin: bench: -layer is "99"; want the beginning of one of input, 0.0, `,
		"-kernel nonsense":           `nin: bench: -kernel is "nonsense"; want a part of one of `,
		"-variant nonsense":          `nin: bench: -variant is "nonsense"; want one that a convolution of mini has on `,
		"-layer update -kernel relu": `nin: bench: -kernel is "relu"; want a part of one of those in the layer update: sgd/momentum`,
	} {
		refuses(t, append([]string{"bench", "-recipe", "mini", "-batch", "1", "-steps", "1"},
			strings.Fields(filter)...), 2, says)
	}
}

// Errors begin with the name of the sub-command, and a wrong value of a flag gives exit code 2.
func TestWrongValues(t *testing.T) {
	model := newModel(t)
	for _, args := range []string{
		"cost -batch 100000", "cost -batch -1", "cost -recipe d2l,", "cost -freeze nothing", "cost -input 9,9",
		"cost -recipe lenet,mini -batch 100000",
		"summary -recipe none", "summary -net none", "summary -input 0", "summary -model x -recipe none",
		"eval -model x -recipe none", "eval -test-images -1 -model " + model, "eval -dataset none -model " + model,
		"predict -model x -recipe none y", "predict -top 0 y", "export -o x.onnx -model x -recipe none", "export -o x",
		"study 4", "study 9", "study 1 -dataset none", "study 1 -skip-bad", "study 1 -seeds 0", "study 1 -budget 0s",
		"kernels -recipe none", "kernels -batch -1", "bench -recipe none", "bench -steps 0", "selftest -nonsense",
		"adapters nonsense",
	} {
		command, _, _ := strings.Cut(args, " ")
		refuses(t, strings.Fields(args), 2, "nin: "+command+": ")
	}
}

func TestUnknownAdapter(t *testing.T) {
	code, _, stderr := runNin("selftest", "-adapter", "no such adapter")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "no GPU adapter")
}

// Without a driver, commands that need one say what to install, and the others work.
func TestNoDriver(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the driver is part of the system")
	}
	model := newModel(t)
	for _, name := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES"} {
		t.Setenv(name, "/nonexistent")
	}
	for _, args := range []string{
		"adapters", "selftest", "bench", "kernels -recipe mini", "study 1 -data " + fashionDir,
		"eval -data " + fashionDir + " -model " + model,
		"predict -model " + model + " ../../viz/window/testdata/window.png",
	} {
		refuses(t, strings.Fields(args), 1,
			": no GPU adapter: no Vulkan driver was found; install the GPU's, or Mesa's, which needs no GPU: mesa-vulkan-drivers")
	}
	for _, args := range []string{"summary", "cost"} {
		code, _, stderr := runNin(args)
		assert.Zero(t, code, stderr)
	}
}

func TestAdapters(t *testing.T) {
	d := gputest.Device(t)
	code, out, _ := runNin("adapters")
	assert.Zero(t, code)
	assert.Contains(t, out, d.Adapter().Name)
}

func TestSelftest(t *testing.T) {
	gputest.Device(t)
	code, out, stderr := runNin("selftest", "-run", "ceiling/copy", "-v")
	assert.Zero(t, code, stderr)
	assert.Contains(t, out, "ceiling/copy  -        3      exact")
	assert.Contains(t, out, "3 cases on ")
	assert.Contains(t, out, ": all within tolerance, ")
	code, _, stderr = runNin("selftest", "-run", "no such kernel")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, `"no such kernel"`)
}

// The selftest names a kernel with a changed sign, and one that leaves an element unwritten, with
// its size and an element.
func TestSelftestFails(t *testing.T) {
	d := gputest.Device(t)
	var out strings.Builder
	s := tester{w: &out, device: d}
	for i, c := range relu.Cases() {
		change := []string{"rectify(x[i]", "rectify(-x[i]"}
		if i > 0 {
			change = []string{"i < Count", "i != 5u && i < Count"}
		}
		s.add("", test{c.Kernel, c.Variant, c.Detail, func() (check.Result, error) {
			return c.Patched(func(source string) string {
				return strings.ReplaceAll(source, change[0], change[1])
			}).Run(d)
		}})
	}
	err := s.run()
	require.ErrorContains(t, err, "of 10 cases on "+d.Adapter().String()+" fail; the first is relu/forward 4: Y[")
	assert.Contains(t, out.String(), "FAIL relu/backward 52: output DX[20] was not written")
	assert.NotContains(t, out.String(), "all within tolerance")
}

func TestAbsurdFlags(t *testing.T) {
	model := newModel(t)
	for _, c := range commands {
		t.Run(c.name, func(t *testing.T) {
			_, help, _ := runNin("help", c.name)
			var base []string
			for _, f := range []struct{ flag, value string }{
				{"model", model}, {"data", "/nowhere"}, {"adapter", "nowhere"}, {"batch", "2"}, {"steps", "1"},
			} {
				if strings.Contains(help, "\n  -"+f.flag+" ") {
					base = append(base, "-"+f.flag, f.value)
				}
			}
			switch c.name {
			case "adapters":
				return // it has no flags
			case "predict":
				base = append(base, "/nowhere/image.png")
			case "study":
				base = append(base, "1")
			}
			clitest.Absurd(t, "nin", help, func(args []string) error { return c.run(io.Discard, args) }, base...)
		})
	}
}
