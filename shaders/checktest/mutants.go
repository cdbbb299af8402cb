package checktest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
)

// Mutant is a kernel with one mistake, which a case of the kernel must catch.
type Mutant struct {
	Kernel  string // such as pool/max_forward
	Variant string // prefix of the case's Variant; empty for any
	Kind    string // sign, index, unwritten, padding, barrier or another mistake
	Right   string // part of the kernel's text
	Wrong   string // replaces Right everywhere
}

// in returns the cases that have the mutant's kernel and variant, and the text that it replaces.
func (m Mutant) in(cases []check.Case) (matches []check.Case) {
	for _, c := range cases {
		if c.Kernel == m.Kernel && strings.HasPrefix(c.Variant, m.Variant) && strings.Contains(c.WGSL, m.Right) {
			matches = append(matches, c)
		}
	}
	return matches
}

// of returns c with the mutant's mistake in its kernel.
func (m Mutant) of(c check.Case) check.Case {
	return c.Patched(func(source string) string { return strings.ReplaceAll(source, m.Right, m.Wrong) })
}

// Mutants runs each mutant as a sub-test. It first tries the cases from medium cost to the most
// expensive, and then the cheaper ones, which are too small to show much and take as long to
// compile.
func Mutants(t *testing.T, cases []check.Case, mutants []Mutant) {
	d := gputest.Device(t)
	cases = slices.Clone(cases)
	slices.SortStableFunc(cases, func(a, b check.Case) int { return int(a.Flops - b.Flops) })
	middle := len(cases) / 2
	cases = slices.Concat(cases[middle:], cases[:middle])
	matches := make([][]check.Case, len(mutants))
	var first []check.Case // of each mutant, because it catches most of them
	for i, m := range mutants {
		if matches[i] = m.in(cases); len(matches[i]) > 0 {
			first = append(first, m.of(matches[i][0]))
		}
	}
	check.CompileAhead(d, first)
	for i, m := range mutants {
		t.Run(strings.Join([]string{m.Kernel, m.Variant, m.Kind, m.Wrong}, " "), func(t *testing.T) {
			if strings.HasPrefix(m.Variant, "broadcast") && !d.Broadcast() {
				t.Skip("the adapter has no broadcast")
			}
			for n, c := range matches[i] {
				res, err := m.of(c).Run(d)
				if errors.Is(err, check.ErrBuild) {
					t.Fatalf("%s: %v", c.Detail, err)
				}
				if err != nil || res.Worst > 1 {
					t.Logf("caught at size %d by %s: %s", n+1, c.Detail, cmp.Or(res.Where, fmt.Sprint(err)))
					return
				}
			}
			if len(matches[i]) == 0 {
				t.Fatalf("no case of the kernel has the text %q", m.Right)
			}
			t.Errorf("%d cases did not catch it", len(matches[i]))
		})
	}
}
