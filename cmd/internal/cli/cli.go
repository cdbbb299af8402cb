// Package cli holds what all commands share: parsing flags, opening the device, handling signals,
// and exiting.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"

	"wgnin/gpu"
	"wgnin/nn/files"
)

// UsageError reports a wrong flag or argument. The exit code for it is 2.
type UsageError struct{ error }

// Unwrap returns the wrapped error.
func (e UsageError) Unwrap() error { return e.error }

// Usage returns err as a UsageError, or nil for nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return UsageError{err}
}

// Parse parses the flags of a command that takes no other arguments. For -help it prints text and
// the flags to w, and returns [flag.ErrHelp]. A wrong flag is a UsageError of one line.
func Parse(fs *flag.FlagSet, w io.Writer, text string, args []string) error {
	rest, err := ParseArgs(fs, w, text, args)
	if err == nil && len(rest) > 0 {
		err = UsageError{fmt.Errorf("unexpected argument %q; all settings are flags (see -help)", rest[0])}
	}
	return err
}

// ParseArgs is [Parse] for a command that takes other arguments before, between and after the
// flags.
func ParseArgs(fs *flag.FlagSet, w io.Writer, text string, args []string) (rest []string, err error) {
	fs.SetOutput(io.Discard) // errors are printed once, by the command
	fs.Usage = func() {}
	for {
		err := fs.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			fmt.Fprint(w, text)
			fs.SetOutput(w)
			fs.PrintDefaults()
			return nil, err
		case err != nil:
			return nil, UsageError{fmt.Errorf("%w (see -help)", err)}
		case fs.NArg() == 0:
			return rest, nil
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
}

// Adapter registers the flag -adapter of a command that opens a device.
func Adapter(fs *flag.FlagSet) *string {
	return fs.String("adapter", "auto",
		"`name` of the adapter: auto, gpu, cpu, vulkan, metal, d3d12, or a name that nin adapters prints, or part of one")
}

// File checks the path of an output file that a flag names, so that a wrong path fails before long
// work. It rejects a path in a folder that does not exist or is not writable and, if ext is not
// empty, a name with another extension. An empty path means no file.
func File(flag, path, ext string) error {
	if path == "" {
		return nil
	}
	if ext != "" && !strings.EqualFold(filepath.Ext(path), ext) {
		return UsageError{fmt.Errorf("-%s %s: want a name that ends in %s", flag, path, ext)}
	}
	target, err := files.Target(path)
	if err != nil {
		return fmt.Errorf("-%s %w", flag, err)
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return fmt.Errorf("-%s %s is a folder; want the name of a file in it", flag, path)
	} else if err == nil && !info.Mode().IsRegular() {
		return nil // a device or a pipe is written to directly
	}
	dir := filepath.Dir(target)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("-%s %s: there is no folder %s", flag, path, dir)
	}
	f, err := os.CreateTemp(dir, ".nin-*") // files are first written beside their target
	if err != nil {
		return fmt.Errorf("-%s %s: cannot write to the folder %s", flag, path, dir)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Code returns the exit code of a command that ended with err: 0, 1, 2 for wrong flags, or 130 for
// an interrupt that [Interruptible] reported.
func Code(err error) int {
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, new(UsageError)):
		return 2
	case errors.Is(err, context.Canceled):
		return 130
	}
	return 1
}

// Exit ends the command called name: it prints err to stderr and exits with the code for err. After
// [gpu.ErrLost], it instead restarts a command that has called [GoOn].
func Exit(name string, err error) {
	if r := next.Load(); r != nil && errors.Is(err, gpu.ErrLost) {
		Report(os.Stderr, name, fmt.Errorf("%w; restarting", err))
		time.Sleep(beforeRestart)
		if err = r.begin(); err != nil {
			err = fmt.Errorf("cannot restart: %w", err)
		}
	}
	os.Exit(Report(os.Stderr, name, err))
}

// Report returns the exit code for err. Unless the code is 0 or 130, it also prints one line to
// stderr: the name of the command and err.
func Report(stderr io.Writer, name string, err error) int {
	code := Code(err)
	if code == 1 || code == 2 {
		fmt.Fprintf(stderr, "%s: %s\n", name, Line(err.Error()))
	}
	return code
}

// Line makes text safe to print as one line on a terminal: line breaks become semicolons, and
// unprintable characters, which file names may contain, become question marks.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), "; "))
}

// Quote quotes an argument, such as a path, for a shell if that is necessary.
func Quote(arg string) string {
	if arg != "" && !strings.ContainsAny(arg, " \t\n'\"\\$`*?[]{}()<>|&;#~!") {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// Interruptible returns a context that ends at the first interrupt (Ctrl-C), SIGTERM or SIGHUP. At
// that moment it prints what, which describes how the program reacts, to stderr, unless what is
// empty. A second interrupt or SIGTERM ends the program at once. Further SIGHUPs are ignored,
// because a terminal may send several when it closes. If SIGHUP was ignored at the start, as under
// nohup, it stays ignored.
func Interruptible(what string) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		signal.Ignore(syscall.SIGHUP)
		signal.Stop(signals)
		aborts(filepath.Base(os.Args[0]), "", nil) // after an interrupt, do not restart
		if what != "" {
			fmt.Fprintf(os.Stderr, "\nstopping: %s; interrupt again to stop at once\n", what)
		}
		cancel()
	}()
	return ctx
}
