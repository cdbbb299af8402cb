package cli

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"wgnin/gpu/machine"
)

// A device that its driver gives up, as when it hangs or is unplugged, ends what
// was on it, and often the process: where wgpu has no error to return it aborts.
// So a command that can go on from a file says with GoOn how, and is then begun
// anew in its own place, with the same process number, terminal and files.

// maxRestarts is how often a command is begun anew from the same step; what
// always fails there is not going to pass.
const maxRestarts = 5

// restartsVar is the environment variable in which a command that was begun anew
// finds how often that was, and from which step: 2@500.
const restartsVar = "NIN_RESTARTS"

// beforeRestart is a time for the driver to get well.
const beforeRestart = time.Second

// restart is a command to be begun anew.
type restart struct {
	path      string
	args, env []string
}

// next is what Exit begins; nil before GoOn and after an interrupt.
var next atomic.Pointer[restart]

// Guard makes the end of the process by wgpu one line and the exit code 1,
// without Go's traces, for the command of that name. Windows has no such end.
// If the reader of stdout goes away, writes to it fail, but the process lives on. Guard also
// limits the process to the memory and the processors of its container.
func Guard(name string) {
	signal.Ignore(syscall.SIGPIPE)
	machine.Contain()
	aborts(name, "", nil)
}

// aborts says what an abort does: begins r, if it is not nil.
func aborts(name, more string, r *restart) {
	next.Store(r)
	erase := "" // a progress bar
	if term.IsTerminal(int(os.Stderr.Fd())) {
		erase = "\r\x1b[K"
	}
	onAbort(fmt.Sprintf("%s%s: aborted, for the reason above%s\n", erase, name, more), name+": cannot begin anew\n", r)
}

// GoOn says that args make the command of that name go on with the run in dir,
// whose last checkpoint was of the given step when the command began.
func GoOn(name, dir string, step int, args []string) {
	var n, from int
	_, err := fmt.Sscanf(os.Getenv(restartsVar), "%d@%d", &n, &from)
	if err != nil || from != step { // it got on since
		n = 0
	}
	path, err := os.Executable()
	if err != nil || n >= maxRestarts {
		aborts(name, "; the last checkpoint is kept: -resume "+Quote(dir), nil)
		return
	}
	r := &restart{path: path, args: append([]string{os.Args[0]}, args...)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, restartsVar+"=") {
			r.env = append(r.env, v)
		}
	}
	r.env = append(r.env, fmt.Sprintf("%s=%d@%d", restartsVar, n+1, step))
	aborts(name, "; going on from the last checkpoint in "+dir, r)
}
