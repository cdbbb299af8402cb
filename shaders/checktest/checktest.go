// Package checktest runs conformance cases and gradient checks as Go tests.
package checktest

import (
	"regexp"
	"slices"
	"testing"

	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
)

// Run runs each case as a sub-test.
func Run(t *testing.T, cases []check.Case) {
	d := gputest.Device(t)
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	check.CompileAhead(d, cases)
	for _, c := range cases {
		t.Run(c.Kernel+" "+c.Detail, func(t *testing.T) {
			r, err := c.Run(d)
			if err != nil {
				t.Fatal(err)
			}
			report(t, r)
		})
	}
}

// constants matches those lines of a kernel's text that differ between cases of the same code path.
var constants = regexp.MustCompile(`(?m)^(const |//).*\n`)

// Sample returns the last case for each text, where texts that differ only in constants count as
// one. It is for ops with so many cases that drivers compile for minutes, and whose list begins
// with usual sizes and ends with odd ones. With NIN_LONG=1 it returns all cases, which selftest
// runs too.
func Sample(cases []check.Case) (sample []check.Case) {
	if gputest.Long() {
		return cases
	}
	met := map[string]bool{}
	for _, c := range slices.Backward(cases) {
		if text := constants.ReplaceAllString(c.WGSL, ""); !met[text] {
			met[text] = true
			sample = append(sample, c)
		}
	}
	return sample
}

// Gradients runs each check as a sub-test.
func Gradients(t *testing.T, gradients []check.Gradient) {
	if len(gradients) == 0 {
		t.Fatal("no gradients")
	}
	for _, g := range gradients {
		t.Run(g.Op+" "+g.Detail, func(t *testing.T) { report(t, g.Run()) })
	}
}

func report(t *testing.T, r check.Result) {
	if !(r.Worst <= 1) {
		t.Fatalf("error is %.3g of its tolerance: %s", r.Worst, r.Where)
	}
	t.Logf("largest error %.3g of its tolerance", r.Worst)
}
