package window

/*
#include <string.h>

// From glfw3.h.
typedef void (*error_callback)(int code, char const *text);
extern error_callback glfwSetErrorCallback(error_callback callback);

static error_callback before;
static char said[512];

// note keeps the first error.
static void note(int code, char const *text) {
	(void)code;
	if (!said[0]) {
		strncpy(said, text, sizeof said - 1);
	}
}

static void begin_attempt(void) {
	memset(said, 0, sizeof said);
	before = glfwSetErrorCallback(note);
}

static char *end_attempt(void) {
	glfwSetErrorCallback(before);
	return said;
}
*/
import "C"

import (
	"errors"
	"strings"
)

// attempt returns the error of f, or the first error that the window library reports while f runs.
// The library's Go API only logs some errors, for example that there is no display.
func attempt(f func() error) error {
	C.begin_attempt()
	err := f()
	if said := strings.TrimSpace(C.GoString(C.end_attempt())); said != "" {
		first, _, _ := strings.Cut(said, "\n")
		return errors.New(first)
	}
	return err
}
