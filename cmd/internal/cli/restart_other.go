//go:build !unix || !cgo

package cli

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

func onAbort(string, string, *restart) {}

// begin begins r beside this process, which ends with it. It returns if it
// cannot.
func (r *restart) begin() error {
	signal.Ignore(os.Interrupt) // which the console sends to both
	cmd := exec.Command(r.path, r.args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = r.env, os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		return err
	}
	os.Exit(cmd.ProcessState.ExitCode())
	return nil
}
