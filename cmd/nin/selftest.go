package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
	"wgnin/shaders/check"
	"wgnin/shaders/conformance"
)

const selftestHelp = `Selftest runs every kernel, in each variant that the adapter has, at awkward sizes, and
compares it with its twin in float64. It runs each three times, on outputs filled with
poison, and checks that the inputs are unchanged and the three results have the same
bits. Then it compares each twin's gradient with finite differences.

It prints a table of kernels and variants with the largest error, in units of its
tolerance: the bound that follows from float32 arithmetic. If an error is above 1, it
names the kernel, the sizes and the element, and the exit code is 1.

Usage: go run ./cmd/nin selftest [flags]

Examples:
  go run ./cmd/nin selftest                       on the adapter that would train
  go run ./cmd/nin selftest -adapter cpu -run pool  pooling, on the processor

Flags:
`

func selftest(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("selftest", flag.ContinueOnError)
	adapter := cli.Adapter(fs)
	only := fs.String("run", "", "run only the cases with this `text` in their kernel or sizes")
	verbose := fs.Bool("v", false, "print a line for each case")
	if err := cli.Parse(fs, w, selftestHelp, args); err != nil {
		return err
	}
	d, err := cli.Open(gpu.Options{Adapter: *adapter}, false)
	if err != nil {
		return err
	}
	defer d.Close()
	s := tester{w: w, device: d, verbose: *verbose}
	cases := conformance.Cases(d)
	if *only == "" {
		check.CompileAhead(d, cases)
	}
	for _, c := range cases {
		s.add(*only, test{c.Kernel, c.Variant, c.Detail, func() (check.Result, error) { return c.Run(d) }})
	}
	for _, g := range conformance.Gradients() {
		s.add(*only, test{g.Op, "gradient of the twin", g.Detail, func() (check.Result, error) { return g.Run(), nil }})
	}
	if len(s.tests) == 0 {
		kernels := make([]string, len(cases))
		for i, c := range cases {
			kernels[i] = c.Kernel
		}
		slices.Sort(kernels)
		return cli.Usage(fmt.Errorf("-run is %q; want a part of the sizes or of one of %s", *only,
			strings.Join(slices.Compact(kernels), ", ")))
	}
	return s.run()
}

type test struct {
	kernel, variant, detail string
	run                     func() (check.Result, error)
}

func (t test) String() string {
	s := t.kernel + " " + t.detail
	if t.variant != "" {
		s += " (" + t.variant + ")"
	}
	return s
}

// tester runs tests and shows their results.
type tester struct {
	w       io.Writer
	device  *gpu.Device
	verbose bool
	tests   []test
}

// row is the line of the table for a variant of a kernel.
type row struct {
	kernel, variant string
	sizes           map[string]bool
	failed          int
	worst           float64
	where           string
}

func (s *tester) add(only string, t test) {
	if strings.Contains(t.String(), only) {
		s.tests = append(s.tests, t)
	}
}

func (s *tester) run() error {
	start := time.Now()
	out, ok := s.w.(*cli.Output)
	terminal := ok && out.Terminal()
	fmt.Fprintf(s.w, "adapter  %s\n", s.device.Adapter())
	var rows []*row
	byName := map[[2]string]*row{}
	var failures []string
	for i, t := range s.tests {
		if terminal {
			fmt.Fprintf(s.w, "\r\x1b[K%d of %d, %s: %.60s", i+1, len(s.tests), secondsSince(start), t)
		}
		res, err := t.run()
		if terminal {
			fmt.Fprint(s.w, "\r\x1b[K")
		}
		key := [2]string{t.kernel, t.variant}
		r := byName[key]
		if r == nil {
			r = &row{kernel: t.kernel, variant: t.variant, sizes: map[string]bool{}}
			byName[key], rows = r, append(rows, r)
		}
		r.sizes[t.detail] = true
		ok := err == nil && res.Worst <= 1
		switch {
		case err != nil:
			failures = append(failures, fmt.Sprintf("%s: %v", t, err))
		case !ok:
			failures = append(failures, fmt.Sprintf("%s: %s, %.3g times its tolerance", t, res.Where, res.Worst))
		}
		if !ok {
			r.failed++
		}
		if err == nil && res.Worst > r.worst {
			element, _, ok := strings.Cut(res.Where, "] is ")
			r.worst, r.where = res.Worst, t.detail
			if ok {
				r.where += " " + element + "]"
			}
		}
		if s.verbose {
			fmt.Fprintf(s.w, "%-4s  %8s  %s\n", map[bool]string{true: "ok", false: "FAIL"}[ok],
				units(res.Worst, err), t)
		}
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.kernel, b.kernel), cmp.Compare(a.variant, b.variant))
	})
	if err := s.table(rows); err != nil {
		return err
	}
	for _, f := range failures {
		fmt.Fprintln(s.w, "FAIL", f)
	}
	if len(failures) > 0 {
		return fmt.Errorf("%d of %d cases on %s fail; the first is %s", len(failures), len(s.tests), s.device.Adapter(),
			failures[0])
	}
	fmt.Fprintf(s.w, "%d cases on %s: all within tolerance, %s\n", len(s.tests), s.device.Adapter(),
		secondsSince(start))
	return nil
}

func (s *tester) table(rows []*row) error {
	t := tabwriter.NewWriter(s.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "kernel\tvariant\tsizes\tworst\twhere")
	for _, r := range rows {
		worst := units(r.worst, nil)
		if r.failed > 0 {
			worst = fmt.Sprintf("%d FAIL", r.failed)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", r.kernel, orText(r.variant, "-"), len(r.sizes), worst,
			orText(r.where, "-"))
	}
	return t.Flush()
}

// units formats an error in units of its tolerance.
func units(worst float64, err error) string {
	switch {
	case err != nil:
		return "error"
	case worst == 0:
		return "exact"
	}
	return fmt.Sprintf("%.2g", worst)
}

func orText(s, ifEmpty string) string {
	if s == "" {
		return ifEmpty
	}
	return s
}

func secondsSince(t time.Time) time.Duration { return time.Since(t).Round(time.Second) }
