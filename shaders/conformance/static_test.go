package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
)

// Every text of every variant is WGSL to two compilers that share no code: naga
// (wgpu, Firefox) and tint (Chromium). A compiler that is not there is skipped,
// or a failure if REQUIRE_WGSL_TOOLS is 1.
func TestCompilersAccept(t *testing.T) {
	dir := t.TempDir()
	files := texts(t, dir)
	t.Logf("%d texts", len(files))
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	broken := filepath.Join(dir, "broken.wgsl")
	require.NoError(t, os.WriteFile(broken, append(text, "fn broken() -> f32 { return 1i; }\n"...), 0o644))

	for name, find := range map[string]func() (compiler, error){"naga": naga, "tint": tint} {
		t.Run(name, func(t *testing.T) {
			check, err := find()
			if err != nil {
				if os.Getenv("REQUIRE_WGSL_TOOLS") == "1" {
					t.Fatalf("REQUIRE_WGSL_TOOLS=1: %v", err)
				}
				t.Skip(err)
			}
			out, err := check(files)
			require.NoError(t, err, out)
			out, err = check([]string{files[1], broken})
			require.Error(t, err, "accepts a float function that returns an integer")
			require.Contains(t, out, "broken.wgsl")
			require.NotContains(t, out, filepath.Base(files[1]))
		})
	}
}

// texts writes each text once, its first line, a comment, aside.
func texts(t *testing.T, dir string) []string {
	d := gputest.Device(t)
	seen := map[string]bool{}
	var files []string
	for _, c := range Cases(d) {
		_, body, _ := strings.Cut(c.WGSL, "\n")
		if seen[body] {
			continue
		}
		seen[body] = true
		kernel := strings.ReplaceAll(strings.Fields(c.WGSL)[1], "/", "-")
		file := filepath.Join(dir, fmt.Sprintf("%s-%d.wgsl", kernel, len(files)))
		// Push constants are an extension of wgpu's, which only its own
		// compilers of the time knew.
		text := strings.ReplaceAll(c.WGSL, "var<push_constant>", "var<private>")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		files = append(files, file)
	}
	return files
}

// A compiler says what is wrong with the files, and errs if anything is.
type compiler func(files []string) (string, error)

func command(name string, args ...string) compiler {
	return func(files []string) (string, error) {
		out, err := exec.Command(name, append(args[:len(args):len(args)], files...)...).CombinedOutput()
		return string(out), err
	}
}

func naga() (compiler, error) {
	path, err := exec.LookPath("naga")
	return command(path, "--bulk-validate"), err
}

// tint is the command of that name or else the one in Dawn, for node.
func tint() (compiler, error) {
	path, err := exec.LookPath("tint")
	if err == nil {
		return oneByOne(path), nil
	}
	if _, err := os.Stat("testdata/node_modules/webgpu"); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("tint is not on PATH, nor installed by npm ci in shaders/conformance/testdata")
	}
	node, err := exec.LookPath("node")
	return command(node, "testdata/tint.mjs"), err
}

// oneByOne is for the tint command, which takes one file at a time.
func oneByOne(tint string) compiler {
	return func(files []string) (string, error) {
		outs, errs := make([]string, len(files)), make([]error, len(files))
		cores := make(chan struct{}, runtime.NumCPU())
		var all sync.WaitGroup
		for i, file := range files {
			all.Add(1)
			cores <- struct{}{}
			go func() {
				defer all.Done()
				// Without output it has nothing to do, and says nothing.
				outs[i], errs[i] = command(tint, "--format", "wgsl", "-o", file+".tint")([]string{file})
				<-cores
			}()
		}
		all.Wait()
		return strings.Join(outs, ""), errors.Join(errs...)
	}
}
