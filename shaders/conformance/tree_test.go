package conformance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
)

// Each folder under shaders that contains WGSL is an op. It embeds every .wgsl file, and has a
// twin, an entry in Ops, and tests that run its cases.
func TestTree(t *testing.T) {
	listed := map[string]bool{}
	for _, op := range Ops {
		listed[op.Name] = true
	}
	found := 0
	err := filepath.WalkDir("..", func(path string, e os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".wgsl" {
			return err
		}
		dir, name := filepath.Split(path)
		assert.True(t, embedded(t, dir, name), "no go:embed names %s", path)
		if filepath.Clean(dir) == ".." { // shared by ops
			return nil
		}
		op := filepath.Base(dir)
		if !assert.True(t, listed[op], "%s has WGSL but is not in Ops", op) {
			return filepath.SkipDir
		}
		found++
		assert.FileExists(t, filepath.Join(dir, "ref.go"), "the float64 twin of %s", op)
		assert.True(t, anyFile(t, dir, "_test.go", "checktest.Run("), "no test of %s runs its cases", op)
		assert.True(t, anyFile(t, dir, "_test.go", "checktest.Mutants("), "no test of %s runs its broken kernels", op)
		return nil
	})
	require.NoError(t, err)
	assert.NotZero(t, found)
	for op := range listed {
		assert.DirExists(t, filepath.Join("..", op))
	}
}

// embedded reports whether the package in dir embeds the file.
func embedded(t *testing.T, dir, file string) bool {
	found := false
	for _, f := range parse(t, dir, parser.ParseComments) {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if list, ok := strings.CutPrefix(c.Text, "//go:embed "); ok {
					for _, pattern := range strings.Fields(list) {
						match, err := filepath.Match(pattern, file)
						require.NoError(t, err)
						found = found || match
					}
				}
			}
		}
	}
	return found
}

// parse returns the files of the package in dir by name, without tests.
func parse(t *testing.T, dir string, mode parser.Mode) map[string]*ast.File {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	parsed := map[string]*ast.File{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, mode)
		require.NoError(t, err)
		parsed[filepath.Base(file)] = f
	}
	return parsed
}

func anyFile(t *testing.T, dir, suffix, text string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	require.NoError(t, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}

// A kernel's name begins with its op's name, and the text of some case contains each .wgsl file of
// an op.
func TestEveryFileHasACase(t *testing.T) {
	d := gputest.Device(t)
	for _, op := range Ops {
		var all strings.Builder
		for _, c := range op.Cases(d) {
			name, _, _ := strings.Cut(c.Kernel, "/")
			assert.Equal(t, op.Name, name)
			all.WriteString(c.WGSL)
		}
		files, err := filepath.Glob(filepath.Join("..", op.Name, "*.wgsl"))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			if strings.Contains(file, "broadcast") || strings.HasSuffix(file, "step1.wgsl") ||
				strings.HasSuffix(file, "step4.wgsl") {
				if !d.Broadcast() {
					continue
				}
			}
			assert.True(t, strings.Contains(all.String(), string(text)), "no case runs %s", file)
		}
	}
}

// Every kernel of an op can be measured at a shape that the user chooses, and the shapes of the
// examples are valid.
func TestSizes(t *testing.T) {
	d := gputest.Device(t)
	sized := map[string]bool{}
	for _, s := range Sizes {
		require.NoError(t, s.Check(s.Example), s.Op)
		cases, err := s.Cases(d, s.Example)
		require.NoError(t, err, s.Op)
		for _, c := range cases {
			assert.Equal(t, strings.Split(s.Op, ".")[0], strings.Split(c.Kernel, "/")[0])
			sized[c.Kernel] = true
		}
	}
	for _, c := range Cases(d) {
		assert.True(t, sized[c.Kernel], "%s has no Sizes", c.Kernel)
	}
}

// Kernels use && and || only in statements. In an expression, Chromium's compiler turns them into
// branches, which its software driver takes 20 times as long to compile. & and | do not branch.
func TestExpressionsDoNotBranch(t *testing.T) {
	for _, op := range Ops {
		files, err := filepath.Glob(filepath.Join("..", op.Name, "*.wgsl"))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for line := range strings.Lines(string(text)) {
				code, _, _ := strings.Cut(line, "//")
				if strings.Contains(code, "&&") || strings.Contains(code, "||") {
					assert.Regexp(t, `\b(if|for|while) \(`, code, file)
				}
			}
		}
	}
}
