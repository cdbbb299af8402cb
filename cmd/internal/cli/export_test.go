package cli

import (
	"io"
	"time"
)

// OnCrash is what Open calls around a compilation.
var OnCrash = onCrash

// Compiling is what Open shows with, on a terminal or elsewhere.
func Compiling(w io.Writer, terminal bool, every time.Duration) func(done, all int) {
	return (&compiling{w: w, terminal: terminal, every: every}).show
}
