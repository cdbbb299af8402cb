package conformance

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
)

// Every text of every variant is WGSL to two compilers that share no code: naga
// (wgpu, Firefox) and tint (Chromium).
func TestCompilersAccept(t *testing.T) {
	dir := t.TempDir()
	files := texts(t, dir)
	t.Logf("%d texts", len(files))
	t.Run("naga", func(t *testing.T) {
		naga := tool(t, "naga")
		out, err := exec.Command(naga, append([]string{"--bulk-validate"}, files...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
	t.Run("tint", func(t *testing.T) {
		tint := tool(t, "tint")
		jobs := make(chan string)
		var all sync.WaitGroup
		for range runtime.NumCPU() {
			all.Add(1)
			go func() {
				defer all.Done()
				for file := range jobs {
					// Without output it has nothing to do, and says nothing.
					if out, err := exec.Command(tint, "--format", "wgsl", "-o", file+".tint", file).CombinedOutput(); err != nil {
						text, _ := os.ReadFile(file)
						first, _, _ := bytes.Cut(text, []byte("\n"))
						t.Errorf("%s: %v\n%s", first, err, out)
					}
				}
			}()
		}
		for _, file := range files {
			jobs <- file
		}
		close(jobs)
		all.Wait()
	})
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
		file := filepath.Join(dir, strconv.Itoa(len(files))+".wgsl")
		// Push constants are an extension of wgpu's, which only its own
		// compilers of the time knew.
		text := strings.ReplaceAll(c.WGSL, "var<push_constant>", "var<private>")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		files = append(files, file)
	}
	return files
}

// tool finds a compiler on PATH, else skips the test, or fails it if
// REQUIRE_WGSL_TOOLS is 1.
func tool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("REQUIRE_WGSL_TOOLS") == "1" {
			t.Fatalf("REQUIRE_WGSL_TOOLS=1: %v", err)
		}
		t.Skipf("%s is not on PATH", name)
	}
	return path
}
