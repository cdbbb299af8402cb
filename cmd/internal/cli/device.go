package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/term"

	"wgnin/gpu"
)

// Open opens the device of a command. Unless quiet, it shows on stderr how far the
// compilation of kernels is: some compilers take a minute for those of a network. A
// compiler that crashes ends the command with a line that names the kernel.
func Open(opt gpu.Options, quiet bool) (*gpu.Device, error) {
	c := &compiling{w: os.Stderr, terminal: Terminal(os.Stderr), every: 10 * time.Second}
	if quiet {
		c.w, c.terminal = io.Discard, false
	}
	opt.Compiling = func(kernel string, done, all int) {
		onCrash("")
		if kernel != "" {
			onCrash(fmt.Sprintf("%s: the driver's compiler crashed on the kernel %s; another -adapter or driver may compile it\n", filepath.Base(os.Args[0]), kernel))
		}
		c.show(done, all)
	}
	return gpu.Open(opt)
}

// Terminal reports whether f is a terminal on which lines can be drawn anew. A log keeps every
// line, so it gets whole ones, also where CI is set. Under Open MPI's mpirun, f is never the user's
// terminal: mpirun gives each process a pseudo-terminal, also where its own output is a file.
func Terminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("CI") == "" && os.Getenv("TERM") != "dumb" &&
		os.Getenv("OMPI_COMM_WORLD_SIZE") == ""
}

// ClearLine erases the line that the cursor of a terminal is in.
const ClearLine = "\r\x1b[K"

// compiling shows the progress of compilations: on a terminal in a line that it
// erases at the end, elsewhere in a line now and then if it takes long.
type compiling struct {
	w        io.Writer
	terminal bool
	every    time.Duration // between lines, if not on a terminal

	mu        sync.Mutex
	done, all int
	timer     *time.Timer // of the next line; nil when nothing is compiled
}

// show is for [gpu.Options].Compiling.
func (c *compiling) show(done, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done, c.all = done, all
	switch {
	case c.terminal && done == all:
		fmt.Fprint(c.w, ClearLine)
	case c.terminal:
		fmt.Fprintf(c.w, "%scompiling kernels: %d of %d", ClearLine, done, all)
	case done == all && c.timer != nil:
		c.timer.Stop()
		c.timer = nil
	case done < all && c.timer == nil:
		c.timer = time.AfterFunc(c.every, c.line)
	}
}

// line prints how far the compilation is, also while one kernel takes long.
func (c *compiling) line() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil { // it has not ended in this moment
		fmt.Fprintf(c.w, "compiling kernels: %d of %d\n", c.done, c.all)
		c.timer.Reset(c.every)
	}
}
