package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"wgnin/gpu"
)

const adaptersHelp = `Adapters lists the processors that can run kernels, the preferred one first,
with the limits that decide which network and batch fit:
  buffer     largest buffer, and so the largest tensor
  binding    largest part of a buffer that a kernel can see
  groups     workgroups in one dimension of a dispatch
  lanes      invocations in a workgroup
  bindings   buffers of one kernel
For Direct3D 12 the driver column names the shader compiler. FXC, which is part of
Windows, takes minutes for kernels with workgroup memory, so the tile kernels are left
out. DXC would compile them in a second, but this program's build of wgpu has no DXC.
Where a GPU has a Vulkan driver too, that one has the tiles, and is chosen first.

Usage: go run ./cmd/nin adapters

Example:
  go run ./cmd/nin adapters
`

func adapters(w io.Writer, args []string) error {
	if err := parse(flag.NewFlagSet("adapters", flag.ContinueOnError), w, adaptersHelp, args); err != nil {
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
		buffer := size(l.MaxBufferBytes)
		if l.MaxBufferBytes > 1<<50 {
			buffer = "any"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", a.Name, a.Class, a.Backend, strings.TrimSpace(a.Driver+" "+a.Compiler),
			buffer, size(l.MaxBindingBytes), l.MaxGroupsPerDim, l.MaxGroupSize, l.MaxStorageBuffers)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(a gpu.Adapter) bool { return a.Compiler == "FXC" }) {
		fmt.Fprintln(w, "FXC takes minutes for tile kernels, which are left out on d3d12; a Vulkan driver of the same GPU has them (see -help)")
	}
	return nil
}

// size is bytes in the largest unit that leaves at least 1.
func size(bytes int64) string {
	v, unit := float64(bytes), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	return fmt.Sprintf("%.4g %s", v, unit)
}
