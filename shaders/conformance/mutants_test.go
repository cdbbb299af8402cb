package conformance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
)

// The tests of each op have these mutants of every kernel: one with a changed sign, one with an
// index that is off by one, one with an element that is not written, one with an error in the
// padding if the text mentions padding, and one without a barrier if it has barriers.
func TestEveryKernelHasMutants(t *testing.T) {
	d := gputest.Device(t)
	for _, op := range Ops {
		kinds := mutants(t, filepath.Join("..", op.Name))
		want := map[string]map[string]bool{} // kinds by kernel
		for _, c := range op.Cases(d) {
			if want[c.Kernel] == nil {
				want[c.Kernel] = map[string]bool{"sign": true, "index": true, "unwritten": true}
			}
			if strings.Contains(strings.ToLower(c.WGSL), "pad") {
				want[c.Kernel]["padding"] = true
			}
			if strings.Contains(c.WGSL, "Barrier(") {
				want[c.Kernel]["barrier"] = true
			}
		}
		for kernel, wanted := range want {
			for kind := range wanted {
				assert.True(t, kinds[kernel][kind], "%s has no mutant of kind %s in shaders/%s", kernel, kind, op.Name)
			}
		}
		for kernel := range kinds {
			assert.Contains(t, want, kernel, "shaders/%s has mutants of a kernel without cases", op.Name)
		}
	}
}

// mutants returns, by kernel, the kinds of the checktest.Mutant literals in the tests of the op in
// dir.
func mutants(t *testing.T, dir string) map[string]map[string]bool {
	kinds := map[string]map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			list, ok := n.(*ast.CompositeLit)
			if !ok || !isMutants(list.Type) {
				return true
			}
			for _, e := range list.Elts {
				m := fields(t, e)
				if kinds[m["Kernel"]] == nil {
					kinds[m["Kernel"]] = map[string]bool{}
				}
				kinds[m["Kernel"]][m["Kind"]] = true
			}
			return false
		})
	}
	return kinds
}

// isMutants reports whether the type is []checktest.Mutant.
func isMutants(e ast.Expr) bool {
	array, ok := e.(*ast.ArrayType)
	if !ok {
		return false
	}
	name, ok := array.Elt.(*ast.SelectorExpr)
	return ok && name.Sel.Name == "Mutant"
}

// fields returns those named fields of a struct literal that are string literals.
func fields(t *testing.T, e ast.Expr) map[string]string {
	m := map[string]string{}
	lit, ok := e.(*ast.CompositeLit)
	require.True(t, ok, "a mutant is not a literal")
	for _, e := range lit.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		require.True(t, ok, "a mutant's fields have no names")
		name, isName := field.Key.(*ast.Ident)
		value, isText := field.Value.(*ast.BasicLit)
		if isName && isText {
			text, err := strconv.Unquote(value.Value)
			require.NoError(t, err)
			m[name.Name] = text
		}
	}
	return m
}
