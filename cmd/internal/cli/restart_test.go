//go:build unix

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
)

// ends is the environment variable that turns the test binary into a command that ends in the way
// it names.
const ends = "CLI_TEST_ENDS"

func TestMain(m *testing.M) {
	how := os.Getenv(ends)
	if how == "" {
		os.Exit(m.Run())
	}
	cli.Guard("command")
	fmt.Println(strings.Join(os.Args[1:], " "))
	if strings.HasSuffix(how, "resumable") {
		cli.GoOn("command", "DIR", min(len(os.Args)-2, 2), append(os.Args[1:], "again"))
	}
	switch {
	case how == "crash":
		cli.OnCrash("before\n")
		cli.OnCrash("command: the kernel relu crashed\n")
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		select {}
	case how == "nil pointer":
		cli.OnCrash("command: the kernel relu crashed\n")
		cli.OnCrash("")
		defer func() { fmt.Println(recover()) }()
		fmt.Println(*(*int)(nil))
	case strings.HasPrefix(how, "abort"):
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
		select {}
	case strings.HasPrefix(how, "lost"):
		cli.Exit("command", fmt.Errorf("step 7: %w", gpu.ErrLost))
	}
}

// A crash of the compiler ends the command with one line. At other times, Go handles its own
// panics.
func TestCrash(t *testing.T) {
	for how, want := range map[string]struct {
		out, errs string
		code      int
	}{
		"crash":       {"\n", "command: the kernel relu crashed\n", 1},
		"nil pointer": {"\nruntime error: invalid memory address or nil pointer dereference\n", "", 0},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), ends+"="+how)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run()
		assert.Equal(t, want.code, cmd.ProcessState.ExitCode(), how)
		assert.Equal(t, want.out, out.String(), how)
		assert.Equal(t, want.errs, errs.String(), how)
	}
}

// If a command loses its device, by an error or by an abort, it prints a line. If it can resume, it
// restarts, at most five times from the same step. This command advances twice.
func TestLostDevice(t *testing.T) {
	const abort = "command: aborted, for the reason above"
	for how, says := range map[string][2]string{ // the lines of all restarts, and the last line
		"abort": {"", abort},
		"lost":  {"", "command: step 7: the device is lost"},
		"abort, resumable": {abort + "; continuing from the last checkpoint in DIR",
			abort + "; the last checkpoint is kept: -resume DIR"},
		"lost, resumable": {"command: step 7: the device is lost; restarting", "command: step 7: the device is lost"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "first")
			cmd.Env = append(os.Environ(), ends+"="+how)
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			require.Error(t, cmd.Run())
			assert.Equal(t, 1, cmd.ProcessState.ExitCode())
			restarts := 0
			if says[0] != "" {
				restarts = 2 + 5
			}
			var wantOut, wantErrs strings.Builder
			for i := range restarts + 1 {
				fmt.Fprintln(&wantOut, "first"+strings.Repeat(" again", i))
				if i < restarts {
					fmt.Fprintln(&wantErrs, says[0])
				}
			}
			fmt.Fprintln(&wantErrs, says[1])
			assert.Equal(t, wantOut.String(), out.String())
			assert.Equal(t, wantErrs.String(), errs.String())
		})
	}
}
