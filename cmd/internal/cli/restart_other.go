//go:build !unix || !cgo

package cli

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

func onAbort(string, string, *restart) {}

// begin runs r as a child process and exits with its exit code. It returns only if it cannot start
// the child.
func (r *restart) begin() error {
	signal.Ignore(os.Interrupt) // the console sends it to the child too
	cmd := exec.Command(r.path, r.args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = r.env, os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		return err
	}
	os.Exit(cmd.ProcessState.ExitCode())
	return nil
}
