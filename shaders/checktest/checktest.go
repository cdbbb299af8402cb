// Package checktest runs conformance cases and gradient checks as Go tests.
package checktest

import (
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
