// Command nin is the tools around a Network in Network, one sub-command each.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/nn/nearest"
)

// command is a sub-command. Its run writes to w, and returns a [cli.UsageError] for
// wrong arguments. The errors of all are printed after the name.
type command struct {
	name, help string
	run        func(w io.Writer, args []string) error
}

var commands = []command{
	{"adapters", "list the adapters that can run kernels, and their limits", adapters},
	{"summary", "print the layers of a network with their shapes", summary},
	{"cost", "plan the parameters, operations and memory of a network", cost},
	{"plan", "print the dispatches of a training step", plan},
	{"eval", "measure a trained network on test images", eval},
	{"predict", "name what is in images", predict},
	{"export", "write a trained network as ONNX or safetensors", export},
	{"study", "answer an exercise of the chapter with an experiment", experiment},
	{"selftest", "compare every kernel with its float64 twin on an adapter", selftest},
	{"kernels", "list the kernels that an adapter gets, or measure which are the fastest", kernels},
	{"bench", "measure a network on an adapter, whole and kernel by kernel", bench},
}

func main() {
	cli.Guard("nin")
	os.Exit(execute(os.Stdout, os.Stderr, os.Args[1:]))
}

// execute is the program; it returns the exit code. Results that could not be printed
// are an error.
func execute(w, stderr io.Writer, args []string) int {
	out := cli.NewOutput(w)
	err := runflags.Named(dispatch(out, args))
	if err == nil {
		err = out.Err()
	}
	return cli.Report(stderr, "nin", err)
}

func dispatch(w io.Writer, args []string) error {
	if len(args) == 0 {
		return cli.Usage(fmt.Errorf("want a sub-command: %s (see go run ./cmd/nin help)", strings.Join(names(), ", ")))
	}
	name, args := args[0], args[1:]
	if asksHelp(name) {
		if len(args) == 0 || asksHelp(args[0]) {
			help(w)
			return nil
		}
		name, args = args[0], []string{"-help"}
	}
	for _, c := range commands {
		if c.name == name {
			if err := c.run(w, args); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			return nil
		}
	}
	return cli.Usage(fmt.Errorf("there is no sub-command %q; %s", name, nearest.Hint(name, names())))
}

// asksHelp reports whether an argument in place of a sub-command asks for help.
func asksHelp(arg string) bool {
	return slices.Contains([]string{"help", "-h", "-help", "--help"}, arg)
}

func names() []string {
	ns := []string{"help"}
	for _, c := range commands {
		ns = append(ns, c.name)
	}
	return ns
}

func help(w io.Writer) {
	fmt.Fprint(w, "Nin is the tools around a Network in Network.\n\nUsage: go run ./cmd/nin SUB-COMMAND [flags]\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.help)
	}
	fmt.Fprintf(w, "  %-10s %s\n", "help", "show this, or the flags of a sub-command")
	fmt.Fprint(w, "\nExamples:\n  go run ./cmd/nin adapters\n  go run ./cmd/nin help selftest\n")
}
