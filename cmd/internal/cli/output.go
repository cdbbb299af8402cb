package cli

import (
	"io"
	"os"
)

// Output is where a command prints its results. It keeps the first error of writing, so
// that a command whose results were lost can end with it.
type Output struct {
	w   io.Writer
	err error
}

// NewOutput makes an Output of w.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

func (o *Output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// Err is the first error of writing.
func (o *Output) Err() error { return o.err }

// Terminal reports whether the output is a terminal.
func (o *Output) Terminal() bool {
	f, ok := o.w.(*os.File)
	return ok && Terminal(f)
}
