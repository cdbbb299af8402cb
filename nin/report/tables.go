package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"wgnin/gpu"
	"wgnin/nn"
)

// WriteChoices prints the variant that each convolution of a net runs on, and the alternatives with
// their times or errors.
func WriteChoices(w io.Writer, choices []nn.Choice) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\tpass\tshape\tvariant\tinstead of")
	for _, c := range choices {
		variant, others := c.Variant, []string{}
		for _, m := range c.Candidates {
			text := m.Variant
			switch {
			case m.Error != "":
				text += " (" + m.Error + ")"
			case m.Ms > 0:
				text += fmt.Sprintf(" (%.3f ms)", m.Ms)
			}
			if m.Variant == c.Variant {
				variant = text
			} else {
				others = append(others, text)
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", c.Layer, c.Pass, c.Shape, variant, strings.Join(others, ", "))
	}
	return t.Flush()
}

// WriteProfile prints the time that the device spent in each kernel of each layer, from the
// timestamps since [gpu.Device.Profile].
func WriteProfile(w io.Writer, dev *gpu.Device) {
	ts := dev.Timings()
	var total time.Duration
	for _, t := range ts {
		total += t.Total
	}
	fmt.Fprintf(w, "%-10s %-22s %-38s %6s %12s %6s %8s\n", "layer", "kernel", "shape", "runs", "ms a run",
		"share", "GFLOP/s")
	for _, t := range ts {
		fmt.Fprintf(w, "%-10s %-22s %-38s %6d %12.3f %5.1f%% %8.2f\n", t.Layer, t.Kernel, t.Detail, t.Count,
			float64(t.Total.Microseconds())/1000/float64(t.Count), 100*float64(t.Total)/float64(total),
			float64(t.Flops)*float64(t.Count)/float64(t.Total))
	}
	fmt.Fprintf(w, "all dispatches: %v\n", total.Round(time.Millisecond))
}
