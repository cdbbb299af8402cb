package add

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestCheck(t *testing.T) {
	assert.NoError(t, Shape{1, 3, 3, 4, 4}.Check())
	assert.ErrorContains(t, Shape{0, 3, 4, 4, 4}.Check(), "want at least 1 of each")
	assert.ErrorContains(t, Shape{1, 0, 4, 4, 4}.Check(), "want at least 1 of each")
	assert.NoError(t, Tree{4, 8}.Check())
	assert.ErrorContains(t, Tree{0, 8}.Check(), "want at least 1 of each")
	assert.ErrorContains(t, Tree{3, 8}.Check(), "want a power of two")
	assert.ErrorContains(t, Tree{4, 6}.Check(), "a multiple of 4")
	for _, s := range []Shape{{1, 3, 2, 4, 4}, {1, 3, 4, 2, 4}, {1, 3, 4, 4, 2}} {
		assert.ErrorContains(t, s.Check(), "want strides of at least that")
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, and padding that is not zero.
var mutants = []checktest.Mutant{
	{Kernel: "add/forward", Kind: "sign", Right: "+ b[", Wrong: "- b["},
	{Kernel: "add/forward", Kind: "index", Right: "a[p * AElems + e]", Wrong: "a[p * AElems + e + 1u]"},
	{Kernel: "add/forward", Kind: "index", Right: "p * BElems", Wrong: "p * YElems"},
	{Kernel: "add/forward", Kind: "unwritten", Right: "i >= Pixels", Wrong: "i + 1u >= Pixels"},
	{Kernel: "add/forward", Variant: "vec4", Kind: "padding", Right: "channels(c) < UElem(C)",
		Wrong: "channels(c) <= UElem(C)"},
	{Kernel: "add/forward", Variant: "vec4", Kind: "padding", Right: "c < C)", Wrong: "c + 4u < C)"},
	{Kernel: "add/forward", Variant: "scalar", Kind: "padding", Right: "c < C)", Wrong: "c + 1u < C)"},
	{Kernel: "add/accumulate", Kind: "sign", Right: "acc[i] + ", Wrong: "acc[i] - "},
	{Kernel: "add/accumulate", Kind: "index", Right: "+ x[i]", Wrong: "+ x[i + 1u]"},
	{Kernel: "add/accumulate", Kind: "unwritten", Right: "i < Count", Wrong: "i + 1u < Count"},
	{Kernel: "add/tree", Kind: "sign", Right: "+ v;", Wrong: "- v;"},
	{Kernel: "add/tree", Kind: "index", Right: "i * Count + j", Wrong: "i * Count"},
	{Kernel: "add/tree", Kind: "a part missing", Right: "i < Parts", Wrong: "i + 1u < Parts"},
	{Kernel: "add/tree", Kind: "unwritten", Right: "j >= Count", Wrong: "j + 1u >= Count"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
