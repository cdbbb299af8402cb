// Package checktest runs conformance cases as Go tests.
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
	for _, c := range cases {
		t.Run(c.Kernel+" "+c.Detail, func(t *testing.T) {
			r, err := c.Run(d)
			switch {
			case err != nil:
				t.Fatal(err)
			case r.Worst > 1:
				t.Fatalf("error is %.3g of its tolerance: %s", r.Worst, r.Where)
			}
			t.Logf("largest error %.3g of its tolerance", r.Worst)
		})
	}
}
