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

// below are the packages at the top that a package at the top may import, its
// own folder aside: cmd -> nin -> nn -> shaders -> gpu, and viz -> gpu.
var below = map[string][]string{
	"cmd":     {"nin", "nn", "shaders", "gpu", "viz"},
	"nin":     {"nn", "shaders", "gpu"},
	"nn":      {"shaders", "gpu"},
	"shaders": {"gpu"},
	"viz":     {"gpu"},
	"gpu":     {},
}

// bridges are the packages that may import one more package at the top: netviz shows networks, so
// it knows both nn and viz, which do not know each other.
var bridges = map[string]string{"nin/netviz": "viz"}

// proof are the packages that compare kernels with their twins: of the tests,
// and of the command that runs them.
var proof = map[string]bool{"shaders/check": true, "shaders/checktest": true, "shaders/conformance": true}

// imports are what the Go files of the module import, by package (a path from the
// top). Tests are left out, or not.
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
			case top(i) == "net": // the one thing that is downloaded is a dataset, and served the page in a browser
				assert.Contains(t, []string{"nn/data/download", "cmd/web", "cmd/internal/browser/wasm"}, pkg,
					"%s imports %s", pkg, i)
			case isOwn && proof[own] && top(pkg) != "shaders":
				// their self-tests
				assert.Contains(t, []string{"cmd/nin", "cmd/web/page"}, pkg, "%s imports %s", pkg, i)
			case isOwn && top(own) != top(pkg) && bridges[pkg] != own:
				assert.Contains(t, allowed, top(own), "%s imports %s", pkg, i)
			}
		}
	}
}

// The WebGPU calls are in one room. Memory that Go does not look after is too, but for
// what ends the process well when it aborts or crashes, for the window, and for MPI.
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

// reached are the packages of the module that start reaches, itself included, and
// what they import from elsewhere, by the package that does.
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

// What trains has no window library in it, so it builds without X11.
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

// Whoever wants a network or a recipe gets no plotting library, and no run, report or
// study; these stand on each other in the order of the list.
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

// What reads and writes files needs neither GPU nor cgo. That is why downloads,
// for which the standard library's net takes cgo, have a package of their own.
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
