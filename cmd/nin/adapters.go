package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
)

const adaptersHelp = `Adapters lists the processors that can run kernels, the preferred one first, with the
limits that decide which network and batch fit. -adapter takes the name; adapters with
the same name have a number, NAME#2.
  buffer     largest buffer, and so the largest tensor
  binding    largest part of a buffer that one kernel can see
  groups     workgroups in one dimension of a dispatch
  lanes      invocations in a workgroup
  bindings   buffers of one kernel
For Direct3D 12, which does not report the driver, the driver column shows the maker and
the shader compiler. FXC, which is part of Windows, takes minutes for kernels with
workgroup memory, so the tile kernels are left out. DXC would compile them in a second,
but the wgpu library is built without it. If a GPU has a Vulkan driver too, that adapter
has the tile kernels and is listed first.

Usage: go run ./cmd/nin adapters

Example:
  go run ./cmd/nin adapters
`

func adapters(w io.Writer, args []string) error {
	if err := cli.Parse(flag.NewFlagSet("adapters", flag.ContinueOnError), w, adaptersHelp, args); err != nil {
		return err
	}
	all := gpu.Adapters()
	if len(all) == 0 {
		_, err := gpu.Open(gpu.Options{}) // says what to install
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\tclass\tbackend\tdriver\tbuffer\tbinding\tgroups\tlanes\tbindings")
	for _, a := range all {
		l := a.Limits
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", a.ID(), a.Class, a.Backend, driver(a),
			size(l.MaxBufferBytes), size(l.MaxBindingBytes), l.MaxGroupsPerDim, l.MaxGroupSize, l.MaxStorageBuffers)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if missed := gpu.MissedGPU(all); missed != "" {
		fmt.Fprintln(w, missed)
	}
	if slices.ContainsFunc(all, func(a gpu.Adapter) bool { return a.Compiler == "FXC" }) {
		fmt.Fprintln(w,
			"FXC takes minutes for tile kernels, which are left out on d3d12; a Vulkan driver of the same GPU has them (see -help)")
	}
	return nil
}

// driver returns what is known about an adapter's driver.
func driver(a gpu.Adapter) string {
	parts := []string{a.Driver}
	if a.Driver == "" {
		parts = []string{makers[a.Vendor], "version not reported"}
	}
	parts = append(parts, a.Compiler)
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// makers has the makers of adapters by PCI vendor.
var makers = map[uint32]string{
	0x1002: "AMD", 0x106b: "Apple", 0x10de: "NVIDIA", 0x13b5: "ARM", 0x1414: "Microsoft", 0x5143: "Qualcomm",
	0x8086: "Intel",
}

// size formats bytes in the largest unit that leaves at least 1. No memory has 2^50 bytes: an
// adapter that reports so many has no limit.
func size(bytes int64) string {
	if bytes > 1<<50 {
		return "no limit"
	}
	v, unit := float64(bytes), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	return fmt.Sprintf("%.4g %s", v, unit)
}
