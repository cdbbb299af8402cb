//go:build unix && cgo

package cli

/*
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	char *line, *path, **args, **env;
} end;

// aborted calls nothing that a signal handler may not.
static void aborted(int signal) {
	if (write(2, end.line, strlen(end.line)) < 0) {
		_exit(1);
	}
	if (end.path) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execve(end.path, end.args, end.env);
	}
	_exit(1);
}

static void on_abort(char *line, char *path, char **args, char **env) {
	struct sigaction action;
	end.line = line, end.path = path, end.args = args, end.env = env;
	memset(&action, 0, sizeof action);
	action.sa_handler = aborted;
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGABRT, &action, NULL);
}
*/
import "C"

import (
	"syscall"
	"unsafe"
)

// onAbort makes SIGABRT print line, and then end the process or begin r in its
// place.
func onAbort(line string, r restart) {
	var path *C.char
	if r.path != "" {
		path = C.CString(r.path)
	}
	C.on_abort(C.CString(line), path, strings0(r.args), strings0(r.env))
}

// strings0 is list as C has it, with a null at the end. It is never freed.
func strings0(list []string) **C.char {
	p := C.malloc(C.size_t(len(list)+1) * C.size_t(unsafe.Sizeof(uintptr(0))))
	c := unsafe.Slice((**C.char)(p), len(list)+1)
	for i, s := range list {
		c[i] = C.CString(s)
	}
	c[len(list)] = nil
	return (**C.char)(p)
}

// begin begins r in the place of this process. It returns if it cannot.
func (r restart) begin() error { return syscall.Exec(r.path, r.args, r.env) }
