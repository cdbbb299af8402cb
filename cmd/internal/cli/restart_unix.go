//go:build unix && cgo

package cli

/*
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	char *line, *failed, *path, **args, **env;
	unsigned pause;
} end;

static void say(const char *line) {
	if (write(2, line, strlen(line)) < 0) {
		_exit(1);
	}
}

// aborted calls only functions that are safe in a signal handler.
static void aborted(int signal) {
	say(end.line);
	if (end.path) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		sleep(end.pause);
		execve(end.path, end.args, end.env);
		say(end.failed);
	}
	_exit(1);
}

static void on_abort(char *line, char *failed, char *path, char **args, char **env, unsigned pause) {
	struct sigaction action;
	end.path = NULL;
	end.line = line, end.failed = failed, end.args = args, end.env = env, end.pause = pause;
	end.path = path;
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

// onAbort makes SIGABRT print line. The process then ends or, if r is not nil, runs r in its place.
// If it cannot run r, it prints failed and ends.
func onAbort(line, failed string, r *restart) {
	var path *C.char
	var args, env **C.char
	if r != nil {
		path, args, env = C.CString(r.path), strings0(r.args), strings0(r.env)
	}
	C.on_abort(C.CString(line), C.CString(failed), path, args, env, C.unsigned(beforeRestart.Seconds()))
}

// strings0 returns list as a C array that ends with NULL. It is never freed.
func strings0(list []string) **C.char {
	p := C.malloc(C.size_t(len(list)+1) * C.size_t(unsafe.Sizeof(uintptr(0))))
	c := unsafe.Slice((**C.char)(p), len(list)+1)
	for i, s := range list {
		c[i] = C.CString(s)
	}
	c[len(list)] = nil
	return (**C.char)(p)
}

// begin runs r in place of this process. It returns only if it cannot.
func (r *restart) begin() error { return syscall.Exec(r.path, r.args, r.env) }
