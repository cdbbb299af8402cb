//go:build unix && cgo

package cli

/*
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static struct sigaction before[4];
static char *crash_line;

// crashed calls only functions that are safe in a signal handler.
static void crashed(int signal) {
	if (write(2, crash_line, strlen(crash_line))) {
	}
	_exit(1);
}

static void on_crash(char *line) {
	struct sigaction action;
	int i;
	memset(&action, 0, sizeof action);
	action.sa_handler = crashed;
	action.sa_flags = SA_ONSTACK;
	char *last = crash_line;
	crash_line = line;
	for (i = 0; i < 4 && !last; i++) {
		sigaction(crashes[i], &action, &before[i]);
	}
	free(last);
}

static void on_crash_go(void) {
	int i;
	for (i = 0; i < 4 && crash_line; i++) {
		sigaction(crashes[i], &before[i], NULL);
	}
	free(crash_line);
	crash_line = NULL;
}
*/
import "C"

// onCrash makes a crash print line and exit with code 1, until the next call. After onCrash(""), Go
// handles crashes again, including its own panics.
func onCrash(line string) {
	if line == "" {
		C.on_crash_go()
	} else {
		C.on_crash(C.CString(line))
	}
}
