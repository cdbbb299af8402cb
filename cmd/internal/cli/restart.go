package cli

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A device that its driver gives up, as when it hangs or is unplugged, ends what
// was on it, and often the process: where wgpu has no error to return it aborts.
// So a command that can go on from a file says with GoOn how, and is then begun
// anew in its own place, with the same process number, terminal and files.

// maxRestarts is how often a command is begun anew; a device that is lost more
// often is not going to last.
const maxRestarts = 5

// restartsVar is the environment variable in which a command that was begun anew
// finds how often that was.
const restartsVar = "NIN_RESTARTS"

// restart is a command to be begun anew; its path is "" before GoOn.
type restart struct {
	path      string
	args, env []string
}

var next restart

// Guard makes the end of the process by wgpu one line and the exit code 1,
// without Go's traces, for the command of that name. Windows has no such end.
func Guard(name string) {
	onAbort(fmt.Sprintf("%s: the driver gave the device up, for the reason above\n", name), restart{})
}

// GoOn says that args make the command of that name go on, after its device is
// lost. It is called once.
func GoOn(name string, args []string) {
	n, _ := strconv.Atoi(os.Getenv(restartsVar)) // 0 if it was not
	path, err := os.Executable()
	if err != nil || n >= maxRestarts {
		return
	}
	next = restart{path: path, args: append([]string{os.Args[0]}, args...)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, restartsVar+"=") {
			next.env = append(next.env, v)
		}
	}
	next.env = append(next.env, fmt.Sprintf("%s=%d", restartsVar, n+1))
	onAbort(fmt.Sprintf("%s: the driver gave the device up, for the reason above; going on from the last checkpoint\n", name), next)
}
