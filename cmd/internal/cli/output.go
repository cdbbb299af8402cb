package cli

import (
	"io"
	"os"
)

// Output writes the results of a command. It keeps the first write error, so that a command whose
// results were lost can return it.
type Output struct {
	w   io.Writer
	err error
}

// NewOutput returns an Output that writes to w.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

func (o *Output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// Err returns the first write error.
func (o *Output) Err() error { return o.err }

// Terminal reports whether the output is a terminal.
func (o *Output) Terminal() bool {
	f, ok := o.w.(*os.File)
	return ok && Terminal(f)
}
