package checktest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
)

// Mutant is a kernel with one mistake, which a case of the kernel must catch:
// the kernel; the start of the variant; the kind, which is sign, index,
// unwritten, padding, barrier or another mistake; and in the kernel's text what
// is right, and what is put in its place.
type Mutant [5]string

// Mutants runs each as a sub-test, with the cheap cases first.
func Mutants(t *testing.T, cases []check.Case, mutants []Mutant) {
	d := gputest.Device(t)
	cases = slices.Clone(cases)
	slices.SortStableFunc(cases, func(a, b check.Case) int { return int(a.Flops - b.Flops) })
	for _, m := range mutants {
		kernel, variant, kind, right, wrong := m[0], m[1], m[2], m[3], m[4]
		t.Run(strings.Join([]string{kernel, variant, kind, wrong}, " "), func(t *testing.T) {
			if strings.HasPrefix(variant, "broadcast") && !d.Broadcast() {
				t.Skip("the adapter has no broadcast")
			}
			tried := 0
			for _, c := range cases {
				if c.Kernel != kernel || !strings.HasPrefix(c.Variant, variant) || !strings.Contains(c.WGSL, right) {
					continue
				}
				tried++
				res, err := c.RunPatched(d, func(source string) string { return strings.ReplaceAll(source, right, wrong) })
				if errors.Is(err, check.ErrBuild) {
					t.Fatalf("%s: %v", c.Detail, err)
				}
				if err != nil || res.Worst > 1 {
					t.Logf("caught at size %d by %s: %v %s", tried, c.Detail, err, res.Where)
					return
				}
			}
			if tried == 0 {
				t.Fatalf("no case of the kernel has the text %q", right)
			}
			t.Errorf("%d cases did not catch it", tried)
		})
	}
}
