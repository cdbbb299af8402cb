package activation

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, Gradients()) }

func TestCheck(t *testing.T) {
	assert.ErrorContains(t, Shape{"swish", 1, 1, 4}.Check(), "want sigmoid, tanh, silu or gelu")
	assert.ErrorContains(t, Shape{GELU, 0, 1, 4}.Check(), "want at least 1")
	assert.ErrorContains(t, Shape{GELU, 1, 5, 4}.Check(), "want at least the 5 channels")
}

// mutants lists, for each kernel, a changed sign, an index that is off by one, an element that is
// not written and padding that is not zero, and mistakes in each function.
var mutants = []checktest.Mutant{
	{Kernel: "activation/forward", Kind: "sign", Right: "exp(-abs(x))", Wrong: "exp(-x)"},
	{Kernel: "activation/forward", Kind: "sign", Right: "select(far, -far, x <", Wrong: "select(far, -far, x >"},
	{Kernel: "activation/forward", Kind: "index", Right: "value(x[i])", Wrong: "value(x[i + 1u])"},
	{Kernel: "activation/forward", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
	{Kernel: "activation/forward", Kind: "padding", Right: "channel < vec4<u32>(C)",
		Wrong: "channel < vec4<u32>(Stride)"},
	{Kernel: "activation/forward", Kind: "silu", Right: "return x * logistic(x)", Wrong: "return logistic(x)"},
	{Kernel: "activation/forward", Kind: "overflow", Right: "abs(x) < vec4<f32>(0.625)",
		Wrong: "abs(x) < vec4<f32>(2.0)"},
	{Kernel: "activation/forward", Kind: "gelu", Right: "0.1396227777004242", Wrong: "0.1397237777004242"},
	{Kernel: "activation/forward", Kind: "nan", Right: "return select(v, x, (",
		Wrong: "return select(v, vec4<f32>(), ("},
	{Kernel: "activation/backward", Kind: "sign", Right: "dY[i] * pass", Wrong: "-dY[i] * pass"},
	{Kernel: "activation/backward", Kind: "index", Right: "slope(x[i])", Wrong: "slope(x[i + 1u])"},
	{Kernel: "activation/backward", Kind: "unwritten", Right: "i < Count", Wrong: "i + 1u < Count"},
	{Kernel: "activation/backward", Kind: "padding", Right: "dX[i] = dY[i] *", Wrong: "dX[i] = (dY[i] + 1.0) *"},
	{Kernel: "activation/backward", Kind: "tanh", Right: "return 4.0 * z", Wrong: "return 2.0 * z"},
	{Kernel: "activation/backward", Kind: "silu", Right: "1.0 + x * logistic(-x)", Wrong: "1.0 + x * logistic(x)"},
	{Kernel: "activation/backward", Kind: "gelu", Right: "n.integral + x * n.density",
		Wrong: "n.integral - x * n.density"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
