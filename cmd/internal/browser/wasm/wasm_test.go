package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/browser"
)

// Packages that use the device pass their tests in a browser, on navigator.gpu.
func TestInBrowser(t *testing.T) {
	browser.Find(t)
	program := filepath.Join(t.TempDir(), "wasm")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	for _, pkg := range []string{"gpu/internal/webgpu", "gpu", "shaders/softmaxxent"} {
		t.Run(pkg, func(t *testing.T) {
			// The skipped tests run other programs.
			test := exec.Command("go", "test", "-exec", program, "-skip", "Compilers|Translates|Mutants|Example",
				"wgnin/"+pkg)
			test.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "REQUIRE_GPU=1", "NIN_ADAPTER=")
			out, err := test.CombinedOutput()
			require.NoError(t, err, string(out))
			require.True(t, strings.Contains(string(out), "ok"), string(out))
		})
	}
}

// Wasm passes on the exit code and the output of the program.
func TestOutput(t *testing.T) {
	browser.Find(t)
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "main.wasm")
	text := "package main\nimport (\"fmt\"; \"os\")\nfunc main() { fmt.Println(os.Args[1:], \"100% ö\"); os.Exit(3) }\n"
	require.NoError(t, os.WriteFile(source, []byte(text), 0o644))
	build := exec.Command("go", "build", "-o", program, source)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	var written strings.Builder
	code, err := run(program, []string{"a", "b"}, &written)
	require.NoError(t, err)
	require.Equal(t, 3, code)
	require.Equal(t, "[a b] 100% ö\n", written.String())
}
