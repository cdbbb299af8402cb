package checktest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
)

// Mutant is a kernel with one mistake, which a case of the kernel must catch.
type Mutant struct {
	Kernel  string // such as pool/max_forward
	Variant string // the start of the case's; empty for any
	Kind    string // sign, index, unwritten, padding, barrier or another mistake
	Right   string // in the kernel's text
	Wrong   string // what is put in its place, everywhere
}

// Mutants runs each as a sub-test, on the cases from that of middling cost to the dearest, then on
// the cheapest: those are too small to show much, and take as long to compile.
func Mutants(t *testing.T, cases []check.Case, mutants []Mutant) {
	d := gputest.Device(t)
	cases = slices.Clone(cases)
	slices.SortStableFunc(cases, func(a, b check.Case) int { return int(a.Flops - b.Flops) })
	middle := len(cases) / 2
	cases = slices.Concat(cases[middle:], cases[:middle])
	for _, m := range mutants {
		t.Run(strings.Join([]string{m.Kernel, m.Variant, m.Kind, m.Wrong}, " "), func(t *testing.T) {
			if strings.HasPrefix(m.Variant, "broadcast") && !d.Broadcast() {
				t.Skip("the adapter has no broadcast")
			}
			tried := 0
			for _, c := range cases {
				if c.Kernel != m.Kernel || !strings.HasPrefix(c.Variant, m.Variant) ||
					!strings.Contains(c.WGSL, m.Right) {
					continue
				}
				tried++
				res, err := c.RunPatched(d, func(source string) string {
					return strings.ReplaceAll(source, m.Right, m.Wrong)
				})
				if errors.Is(err, check.ErrBuild) {
					t.Fatalf("%s: %v", c.Detail, err)
				}
				if err != nil || res.Worst > 1 {
					t.Logf("caught at size %d by %s: %v %s", tried, c.Detail, err, res.Where)
					return
				}
			}
			if tried == 0 {
				t.Fatalf("no case of the kernel has the text %q", m.Right)
			}
			t.Errorf("%d cases did not catch it", tried)
		})
	}
}
