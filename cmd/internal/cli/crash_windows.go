//go:build cgo

package cli

/*
#include <windows.h>
#include <stdlib.h>
#include <string.h>

static PVOID handler;
static char *crash_line;

// crashed runs after Go's own handler, for exceptions that are not Go's. An unhandled exception
// filter would not run, because Windows cannot walk the stacks of Go's threads to reach it.
static LONG WINAPI crashed(EXCEPTION_POINTERS *why) {
	DWORD written;
	switch (why->ExceptionRecord->ExceptionCode) {
	case EXCEPTION_ACCESS_VIOLATION:
	case EXCEPTION_ILLEGAL_INSTRUCTION:
	case EXCEPTION_INT_DIVIDE_BY_ZERO:
	case EXCEPTION_STACK_OVERFLOW:
	case 0x80000100: // Wine: a library lacks a function
		WriteFile(GetStdHandle(STD_ERROR_HANDLE), crash_line, strlen(crash_line), &written, NULL);
		TerminateProcess(GetCurrentProcess(), 1);
	}
	return EXCEPTION_CONTINUE_SEARCH;
}

static void on_crash(char *line) {
	if (line && !handler) {
		handler = AddVectoredExceptionHandler(0, crashed);
	} else if (!line && handler) {
		RemoveVectoredExceptionHandler(handler);
		handler = NULL;
	}
	free(crash_line);
	crash_line = line;
}
*/
import "C"

// onCrash makes a crash print line and exit with code 1, until the next call. After onCrash(""),
// Windows handles crashes again.
func onCrash(line string) {
	if line == "" {
		C.on_crash(nil)
	} else {
		C.on_crash(C.CString(line))
	}
}
