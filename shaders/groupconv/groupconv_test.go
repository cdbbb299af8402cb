package groupconv

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

func TestCheck(t *testing.T) {
	change := func(f func(*Shape)) error {
		s := shapes[3]
		f(&s)
		return s.Check()
	}
	assert.ErrorContains(t, change(func(s *Shape) { s.Groups = 2 }), "want groups of equal size")
	assert.ErrorContains(t, change(func(s *Shape) { s.DilationW = 4 }), "multiple of the dilation 2x4")
	assert.ErrorContains(t, change(func(s *Shape) { s.InStride = 4 }), "want at least the 6 channels")
	assert.ErrorContains(t, change(func(s *Shape) { s.DilationH = 0 }), "want at least 1")
}

// mutants have a changed sign, an index that is off by one and an element that is not written
// in each kernel, a padding error where there is padding, and mistakes of groups, dilation and
// shares.
var mutants = []checktest.Mutant{
	{Kernel: "groupconv/forward", Kind: "sign", Right: "sum + x", Wrong: "sum - x"},
	{Kernel: "groupconv/forward", Kind: "index", Right: "(row + ci)", Wrong: "(row + ci + 1u)"},
	{Kernel: "groupconv/forward", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "groupconv/forward", Kind: "padding", Right: "h >= PadTop + InH", Wrong: "h >= InH"},
	{Kernel: "groupconv/forward", Kind: "group", Right: "co / GroupOut * GroupIn", Wrong: "0u"},
	{Kernel: "groupconv/forward", Kind: "dilation", Right: "s * DilationW", Wrong: "s"},
	{Kernel: "groupconv/forward", Kind: "bias", Right: "if (Bias)", Wrong: "if (true)"},
	{Kernel: "groupconv/dx", Kind: "sign", Right: "sum + dY", Wrong: "sum - dY"},
	{Kernel: "groupconv/dx", Kind: "index", Right: "GroupIn + ci)", Wrong: "GroupIn + ci + 1u)"},
	{Kernel: "groupconv/dx", Kind: "unwritten", Right: "i >= N *", Wrong: "i + 1u >= N *"},
	{Kernel: "groupconv/dx", Kind: "padding", Right: "% InH + PadTop", Wrong: "% InH"},
	{Kernel: "groupconv/dx", Kind: "group", Right: "c / GroupIn * GroupOut", Wrong: "0u"},
	{Kernel: "groupconv/dx", Kind: "stride", Right: "(h - r * DilationH) % StrideH != 0u || ", Wrong: ""},
	{Kernel: "groupconv/dw", Kind: "sign", Right: "sum + d *", Wrong: "sum - d *"},
	{Kernel: "groupconv/dw", Kind: "index", Right: "+ row % GroupIn", Wrong: "+ row % GroupIn + 1u"},
	{Kernel: "groupconv/dw", Kind: "unwritten", Right: "i >= Shares *", Wrong: "i + 1u >= Shares *"},
	{Kernel: "groupconv/dw", Kind: "padding", Right: "v >= PadLeft && v", Wrong: "v"},
	{Kernel: "groupconv/dw", Kind: "bias", Right: "!bias && ", Wrong: ""},
	{Kernel: "groupconv/dw", Kind: "share", Right: "n = n + Shares", Wrong: "n = n + 1u"},
	{Kernel: "groupconv/dw", Kind: "bias", Right: "Bias && ", Wrong: ""},
	{Kernel: "groupconv/sum", Kind: "sign", Right: "sum + part", Wrong: "sum - part"},
	{Kernel: "groupconv/sum", Kind: "index", Right: "share * Size + i", Wrong: "share * Size + i + 1u"},
	{Kernel: "groupconv/sum", Kind: "unwritten", Right: "i >= Size", Wrong: "i + 1u >= Size"},
	{Kernel: "groupconv/sum", Kind: "first", Right: "batch.first == 1u", Wrong: "true"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
