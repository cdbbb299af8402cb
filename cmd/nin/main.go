// Command nin is the tools around a Network in Network, one sub-command each.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// command is a sub-command. Its run writes to w, and returns a [usageError] for
// wrong arguments.
type command struct {
	name, help string
	run        func(w io.Writer, args []string) error
}

var commands = []command{
	{"adapters", "list the adapters that can run kernels, and their limits", adapters},
	{"summary", "print the layers of a network with their shapes", summary},
	{"selftest", "compare every kernel with its float64 twin on an adapter", selftest},
	{"bench", "measure a network on an adapter, whole and kernel by kernel", bench},
}

func main() { os.Exit(run(os.Stdout, os.Stderr, os.Args[1:])) }

// run is the program; it returns the exit code.
func run(w, stderr io.Writer, args []string) int {
	err := dispatch(w, args)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, new(usageError)):
		fmt.Fprintln(stderr, "nin:", err)
		return 2
	}
	fmt.Fprintln(stderr, "nin:", err)
	return 1
}

// usageError is a wrong argument.
type usageError struct{ error }

func dispatch(w io.Writer, args []string) error {
	if len(args) == 0 {
		return usageError{fmt.Errorf("want a sub-command: %s (see go run ./cmd/nin help)", strings.Join(names(), ", "))}
	}
	name, args := args[0], args[1:]
	if name == "-h" || name == "-help" || name == "--help" {
		name = "help"
	}
	if name == "help" {
		if len(args) == 0 {
			help(w)
			return nil
		}
		name, args = args[0], []string{"-help"}
	}
	for _, c := range commands {
		if c.name == name {
			return c.run(w, args)
		}
	}
	return usageError{fmt.Errorf("there is no sub-command %q; the nearest is %s (see go run ./cmd/nin help)", name, nearest(name, names()))}
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

// parse parses the flags of a sub-command that takes no other arguments. For
// -help it prints text and the flags, and returns [flag.ErrHelp].
func parse(fs *flag.FlagSet, w io.Writer, text string, args []string) error {
	fs.SetOutput(io.Discard) // errors are printed once, by run
	fs.Usage = func() {}
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(w, text)
		fs.SetOutput(w)
		fs.PrintDefaults()
		return err
	case err != nil:
		return usageError{fmt.Errorf("%s: %w (see -help)", fs.Name(), err)}
	case fs.NArg() > 0:
		return usageError{fmt.Errorf("%s: unexpected argument %q; all settings are flags (see -help)", fs.Name(), fs.Arg(0))}
	}
	return nil
}

// nearest is the word that the fewest insertions, deletions and replacements of
// letters make of name.
func nearest(name string, words []string) string {
	best, least := "", 0
	for _, w := range words {
		if d := distance(name, w); best == "" || d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the table for the start of a
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
