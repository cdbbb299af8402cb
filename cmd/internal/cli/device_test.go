package cli_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"wgnin/cmd/internal/cli"
)

// On a terminal, one line is rewritten and erased.
func TestCompilingOnATerminal(t *testing.T) {
	var out bytes.Buffer
	show := cli.Compiling(&out, true, time.Hour)
	show(0, 2)
	show(1, 2)
	show(2, 2)
	assert.Equal(t, cli.ClearLine+"compiling kernels: 0 of 2"+cli.ClearLine+"compiling kernels: 1 of 2"+cli.ClearLine,
		out.String())
}

// Elsewhere, a line appears at intervals, even while a single kernel takes long. A quick
// compilation prints none.
func TestCompilingInALog(t *testing.T) {
	r, w := io.Pipe()
	show := cli.Compiling(w, false, time.Millisecond)
	show(0, 2)
	line := make([]byte, 100)
	for _, want := range []string{"compiling kernels: 0 of 2\n", "compiling kernels: 0 of 2\n"} {
		n, err := r.Read(line)
		assert.NoError(t, err)
		assert.Equal(t, want, string(line[:n]))
	}
	go func() { // a line that is being printed needs a reader
		_, _ = io.Copy(io.Discard, r)
	}()
	show(2, 2)

	var out bytes.Buffer
	show = cli.Compiling(&out, false, time.Hour)
	show(0, 2)
	show(2, 2)
	assert.Empty(t, out.String())
}

// A shell reads a quoted argument as the single argument that it was.
func TestQuote(t *testing.T) {
	for arg, want := range map[string]string{
		"runs/mini-20260102-150405": "runs/mini-20260102-150405",
		"/a run/it's":               `'/a run/it'\''s'`,
		"$HOME":                     "'$HOME'",
		"":                          "''",
	} {
		assert.Equal(t, want, cli.Quote(arg))
	}
}
