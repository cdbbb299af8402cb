package clip

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }

// The expected values are PyTorch's:
//
//	for most in 1, 100:
//	    w = torch.zeros(4); w.grad = torch.tensor([3., -4., 12., 84.])
//	    torch.nn.utils.clip_grad_norm_([w], most); print(w.grad)
func TestRefIsPyTorchs(t *testing.T) {
	for most, want := range map[float32][]float64{1: {0.03529412, -0.04705882, 0.14117647, 0.98823529},
		100: {3, -4, 12, 84}} {
		s := Shape{4, most}
		g, part, factor := []float64{3, -4, 12, 84}, make([]float64, 2), make([]float64, 1)
		s.NormsRef(normsArgs{g, part}, 0)
		s.FactorRef(factorArgs{part, factor})
		s.ScaleRef(scaleArgs{g, factor})
		assert.InDeltaSlice(t, want, g, 1e-6)
	}
}

// mutants lists, for each kernel, a changed sign, an index that is off by one and an element that
// is not written, an error in the padding if its text mentions padding, and mistakes particular to
// the op.
var mutants = []checktest.Mutant{
	{Kernel: "clip/norms", Kind: "sign", Right: "small + select", Wrong: "small - select"},
	{Kernel: "clip/norms", Kind: "index", Right: "let v = g[j]", Wrong: "let v = g[j + 1u]"},
	{Kernel: "clip/norms", Kind: "unwritten", Right: "i >= Parts", Wrong: "i + 1u >= Parts"},
	{Kernel: "clip/norms", Kind: "first", Right: "part[First + i]", Wrong: "part[i]"},
	{Kernel: "clip/norms", Kind: "turns", Right: "j < Count", Wrong: "j + Parts < Count"},
	{Kernel: "clip/norms", Kind: "overflow", Right: "abs(v) >= vec4<f32>(Large)", Wrong: "vec4<bool>()"},
	{Kernel: "clip/norms", Kind: "overflow", Right: "down * down", Wrong: "v * v"},
	{Kernel: "clip/factor", Kind: "sign", Right: "sum + part", Wrong: "sum - part"},
	{Kernel: "clip/factor", Kind: "index", Right: "part[i]", Wrong: "part[i + 1u]"},
	{Kernel: "clip/factor", Kind: "unwritten", Right: "factor[0] = select", Wrong: "let none = select"},
	{Kernel: "clip/factor", Kind: "eps", Right: "sqrt(sum.x) + Eps", Wrong: "sqrt(sum.x) + 1.0"},
	{Kernel: "clip/factor", Kind: "overflow", Right: "sum.y > 0.0", Wrong: "false"},
	{Kernel: "clip/factor", Kind: "bound", Right: "min(1.0, f)", Wrong: "f"},
	{Kernel: "clip/factor", Kind: "diverged", Right: "overflows(sum.xyxy)", Wrong: "overflows(sum.xxxx)"},
	{Kernel: "clip/factor", Kind: "diverged", Right: "overflows(sum.xyxy)", Wrong: "overflows(sum.yyyy)"},
	{Kernel: "clip/scale", Kind: "sign", Right: "g[i] * factor", Wrong: "-g[i] * factor"},
	{Kernel: "clip/scale", Kind: "index", Right: "= g[i] *", Wrong: "= g[i + 1u] *"},
	{Kernel: "clip/scale", Kind: "unwritten", Right: "i >= Count", Wrong: "i + 1u >= Count"},
}

func TestMutants(t *testing.T) { checktest.Mutants(t, Cases(), mutants) }
