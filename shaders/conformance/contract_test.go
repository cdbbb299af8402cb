package conformance

import (
	"go/ast"
	"go/types"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestContract checks that ops keep their contract (see package shaders). Kernels are methods of a
// type with a Check method, and cannot fail. Each has a twin of its name in ref.go. Only cases and
// tests use declarations of ref.go.
func TestContract(t *testing.T) {
	names := map[string]bool{} // of all twins
	for _, op := range Ops {
		files := parse(t, filepath.Join("..", op.Name), 0)
		type method struct{ on, name string }
		checks, twins, kernels := map[string]bool{}, map[method]bool{}, map[method]bool{}
		inRef := map[string]bool{}
		for name, f := range files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if name == "ref.go" {
					for _, n := range declared(d) {
						inRef[n] = true
					}
				}
				if !ok {
					continue
				}
				m := method{receiver(fn), fn.Name.Name}
				switch {
				case m.name == "Check" && m.on != "" && strings.Join(results(fn), ",") == "error":
					checks[m.on] = true
				case name == "ref.go" && fn.Name.IsExported():
					assert.True(t, m.on != "" && strings.HasSuffix(m.name, "Ref"),
						"%s: ref.go exports %s; want methods named ...Ref", op.Name, m.name)
					twins[m], names[m.name] = true, true
				case fn.Name.IsExported() && strings.HasPrefix(strings.Join(results(fn), ","), "gpu.Kernel["):
					assert.Len(t, results(fn), 1, "%s: %s may fail", op.Name, m.name)
					assert.NotEmpty(t, m.on, "%s: %s is a function; want a method of a type that has Check",
						op.Name, m.name)
					kernels[m] = true
				}
			}
		}
		assert.NotEmpty(t, kernels, op.Name)
		for k := range kernels {
			assert.True(t, checks[k.on], "%s: %s makes kernels and has no Check() error", op.Name, k.on)
			assert.True(t, twins[method{k.on, strings.TrimPrefix(k.name, "Kernel") + "Ref"}],
				"%s: %s.%s has no twin in ref.go", op.Name, k.on, k.name)
		}
		for name, f := range files {
			if name == "ref.go" || name == "cases.go" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					assert.False(t, inRef[id.Name], "%s/%s uses %s, which ref.go declares; only twins, cases and tests may use it",
						op.Name, name, id.Name)
				}
				return true
			})
		}
	}
	for _, top := range []string{"nn", "nin", "viz", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", "..", top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.IsDir() {
				return err
			}
			if e.Name() == "testdata" { // separate modules
				return filepath.SkipDir
			}
			for name, f := range parse(t, path, 0) {
				ast.Inspect(f, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						assert.False(t, names[s.Sel.Name], "%s/%s uses the twin %s", path, name, s.Sel.Name)
					}
					return true
				})
			}
			return nil
		})
		require.NoError(t, err)
	}
}

// declared returns the names that d declares at the top level, including methods.
func declared(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		names = append(names, d.Name.Name)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// receiver returns the type of fn's receiver, or an empty string for a function.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	return strings.TrimPrefix(types.ExprString(fn.Recv.List[0].Type), "*")
}

// results returns the types of fn's results.
func results(fn *ast.FuncDecl) (all []string) {
	if fn.Type.Results == nil {
		return nil
	}
	for _, f := range fn.Type.Results.List {
		for range max(1, len(f.Names)) {
			all = append(all, types.ExprString(f.Type))
		}
	}
	return all
}
