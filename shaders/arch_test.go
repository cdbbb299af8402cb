package shaders_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	module  = "wgnin"
	binding = "github.com/rajveermalviya/go-webgpu"
	window  = "github.com/go-gl/glfw"

	plotting = "gonum.org/v1/plot"
)

// below lists, for each top-level package, the top-level packages that it may import besides its
// own folder: cmd -> nin -> nn -> shaders -> gpu, and viz -> gpu.
var below = map[string][]string{
	"cmd":     {"nin", "nn", "shaders", "gpu", "viz"},
	"nin":     {"nn", "shaders", "gpu"},
	"nn":      {"shaders", "gpu"},
	"shaders": {"gpu"},
	"viz":     {"gpu"},
	"gpu":     {},
}

// bridges are the packages that may import one more top-level package. netviz shows networks, so it
// imports both nn and viz, which do not import each other.
var bridges = map[string]string{"nin/netviz": "viz"}

// proof are the packages that compare kernels with their twins, for the tests and for the selftest.
var proof = map[string]bool{"shaders/check": true, "shaders/checktest": true, "shaders/conformance": true}

// imports returns the imports of the module's Go files, by package (a path from the module's root).
// It includes the imports of tests if tests is true.
func imports(t *testing.T, tests bool) map[string][]string {
	all := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (path != ".." && strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata") {
			return filepath.SkipDir
		}
		if e.IsDir() || filepath.Ext(path) != ".go" || !tests && strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			all[pkg] = append(all[pkg], name)
		}
		return nil
	})
	require.NoError(t, err)
	require.FileExists(t, "../go.mod")
	return all
}

func top(pkg string) string {
	t, _, _ := strings.Cut(pkg, "/")
	return t
}

func TestImportsGoOneWay(t *testing.T) {
	for pkg, list := range imports(t, false) {
		allowed, known := below[top(pkg)]
		if !assert.True(t, known, "package %s is not in one of the folders at the top", pkg) {
			continue
		}
		for _, i := range list {
			own, isOwn := strings.CutPrefix(i, module+"/")
			switch {
			case strings.HasPrefix(i, binding+"/wgpuext/glfw") || strings.HasPrefix(i, window):
				assert.Equal(t, "viz", top(pkg), "%s imports %s", pkg, i)
			case top(i) == "net": // only datasets are downloaded, and only the browser page is served
				assert.Contains(t, []string{"nn/data/download", "cmd/web", "cmd/internal/browser/wasm"}, pkg,
					"%s imports %s", pkg, i)
			case isOwn && proof[own] && top(pkg) != "shaders":
				// for their self-tests
				assert.Contains(t, []string{"cmd/nin", "cmd/web/page"}, pkg, "%s imports %s", pkg, i)
			case isOwn && top(own) != top(pkg) && bridges[pkg] != own:
				assert.Contains(t, allowed, top(own), "%s imports %s", pkg, i)
			}
		}
	}
}

// Only one package calls WebGPU. Only that package uses cgo and unsafe memory, except the handlers
// of aborts and crashes, the window, and MPI.
func TestWebGPUHasOneRoom(t *testing.T) {
	const room, handlers, shown, ranks = "gpu/internal/webgpu", "cmd/internal/cli", "viz/window", "nn/mpi"
	for pkg, list := range imports(t, true) {
		for _, i := range list {
			switch {
			case strings.HasPrefix(i, binding+"/wgpuext/glfw"):
				assert.Equal(t, shown, pkg, "%s imports %s", pkg, i)
			case strings.HasPrefix(i, binding):
				assert.Equal(t, room, pkg, "%s imports %s", pkg, i)
			case i == "unsafe" || i == "C":
				assert.Contains(t, []string{room, handlers, shown, ranks}, pkg, "%s imports %s", pkg, i)
			}
		}
	}
}

// reached returns the packages of the module that start imports directly or indirectly, and start
// itself. foreign maps each package that they import from elsewhere to the importing package.
func reached(all map[string][]string, start string) (own map[string]bool, foreign map[string]string) {
	own, foreign = map[string]bool{start: true}, map[string]string{}
	for queue := []string{start}; len(queue) > 0; {
		pkg := queue[0]
		queue = queue[1:]
		for _, i := range all[pkg] {
			if name, ok := strings.CutPrefix(i, module+"/"); !ok {
				foreign[i] = pkg
			} else if !own[name] {
				own[name] = true
				queue = append(queue, name)
			}
		}
	}
	return own, foreign
}

// The commands train and nin contain no window library, so that they build without X11.
func TestTrainHasNoWindow(t *testing.T) {
	all := imports(t, false)
	for _, start := range []string{"cmd/train", "cmd/nin"} {
		own, foreign := reached(all, start)
		for i, pkg := range foreign {
			assert.False(t, strings.HasPrefix(i, window), "%s reaches %s through %s", start, i, pkg)
		}
		assert.True(t, own["gpu"], "%s reaches gpu", start)
	}
}

// Packages for networks and recipes import no plotting library, and no run, report or study. The
// packages in the list import only those before them.
func TestNetworksNeedNoPlots(t *testing.T) {
	all := imports(t, false)
	rooms := []string{"nin/neighbours", "nin/torchvision", "nin", "nin/session", "nin/run", "nin/report", "nin/study"}
	for i, start := range rooms {
		own, foreign := reached(all, start)
		for _, above := range rooms[i+1:] {
			assert.False(t, own[above], "%s reaches %s", start, above)
		}
		for bridge, to := range bridges {
			assert.False(t, own[bridge] || own[to], "%s reaches %s or %s", start, bridge, to)
		}
		for name, pkg := range foreign {
			plots := i > slices.Index(rooms, "nin/session")
			assert.False(t, strings.HasPrefix(name, plotting) && !plots, "%s reaches %s through %s", start, name, pkg)
		}
	}
}

// Packages that read and write files need neither a GPU nor cgo. Downloads therefore have their own
// package, because the standard library's net uses cgo.
func TestFilesNeedNoGPU(t *testing.T) {
	for _, pkg := range []string{"nn/data", "nn/safetensors", "nn/onnx", "nn/tensorboard"} {
		list := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{len .CgoFiles}}", module+"/"+pkg)
		list.Env = append(os.Environ(), "CGO_ENABLED=1")
		out, err := list.Output()
		require.NoError(t, err)
		for line := range strings.Lines(string(out)) {
			var dep string
			var cgo int
			_, err := fmt.Sscan(line, &dep, &cgo)
			require.NoError(t, err)
			assert.NotEqual(t, module+"/gpu", dep, pkg)
			assert.Zero(t, cgo, "%s reaches %s, which needs cgo", pkg, dep)
		}
	}
}
