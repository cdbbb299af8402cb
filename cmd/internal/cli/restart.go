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

// If the driver loses a device, because it hangs or is unplugged, all work on it is lost. Often the
// process is lost too, because wgpu aborts where it has no error to return. So a command that can
// resume from a file calls GoOn with the arguments to resume with. It is then restarted in place,
// with the same process number, terminal and files.

// maxRestarts limits the restarts from the same step. A failure that happens every time will not go
// away.
const maxRestarts = 5

// restartsVar is the environment variable that tells a restarted command the number of restarts and
// the step that they began from: 2@500.
const restartsVar = "NIN_RESTARTS"

// beforeRestart gives the driver time to recover.
const beforeRestart = time.Second

// restart is a command to run in place of this one.
type restart struct {
	path      string
	args, env []string
}

// next is what Exit restarts. It is nil before GoOn and after an interrupt.
var next atomic.Pointer[restart]

// Guard makes an abort inside wgpu end the command called name with one line and exit code 1,
// without Go's stack traces, except on Windows. If the reader of stdout goes away, writes to it
// fail, but the process continues. Guard also limits the process to the memory and the processors
// of its container.
func Guard(name string) {
	signal.Ignore(syscall.SIGPIPE)
	machine.Contain()
	aborts(name, "", nil)
}

// aborts sets what happens on an abort: the process prints a line that ends with more, and then
// begins r unless r is nil.
func aborts(name, more string, r *restart) {
	next.Store(r)
	erase := "" // erases a progress bar
	if term.IsTerminal(int(os.Stderr.Fd())) {
		erase = "\r\x1b[K"
	}
	onAbort(fmt.Sprintf("%s%s: aborted, for the reason above%s\n", erase, name, more), name+": cannot restart\n", r)
}

// GoOn sets the arguments with which the command called name resumes the run in dir. step is the
// step of the last checkpoint when the command began.
func GoOn(name, dir string, step int, args []string) {
	var n, from int
	_, err := fmt.Sscanf(os.Getenv(restartsVar), "%d@%d", &n, &from)
	if err != nil || from != step { // the run has advanced since
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
	aborts(name, "; continuing from the last checkpoint in "+dir, r)
}
