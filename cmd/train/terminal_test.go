//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin/nintest"
)

// onTerminal runs cmd on a terminal with the given number of columns, and returns what it prints.
// After each read, it calls see with everything printed so far and the keyboard of the terminal.
func onTerminal(t *testing.T, cmd *exec.Cmd, columns uint16, see func(printed string, keyboard io.Writer)) string {
	t.Helper()
	tty := startOnTerminal(t, cmd, columns)
	return watch(cmd, tty, see)
}

func startOnTerminal(t *testing.T, cmd *exec.Cmd, columns uint16) (tty *os.File) {
	t.Helper()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: columns})
	if errors.Is(err, pty.ErrUnsupported) {
		t.Skip("no pseudo-terminals here")
	}
	require.NoError(t, err)
	hangs := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		hangs.Stop()
		tty.Close()
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return tty
}

func watch(cmd *exec.Cmd, tty *os.File, see func(printed string, keyboard io.Writer)) string {
	var printed bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := tty.Read(buf)
		printed.Write(buf[:n])
		see(printed.String(), tty)
		if err != nil { // EIO, when the command has ended
			break
		}
	}
	_ = cmd.Wait()
	return printed.String()
}

var ansi = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")

func TestTerminal(t *testing.T) {
	gputest.Device(t)
	for name, c := range map[string]struct {
		env        string
		columns    uint16
		bar, color bool
	}{
		"colour":        {"NO_COLOR=", 80, true, true},
		"no colour":     {"NO_COLOR=1", 80, true, false},
		"narrow":        {"NO_COLOR=1", 40, true, false},
		"CI":            {"CI=true", 80, false, false},
		"dumb terminal": {"TERM=dumb", 80, false, false},
		"Open MPI's":    {"OMPI_COMM_WORLD_SIZE=1", 80, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command("-recipe", "mini", "-net", nintest.Small, "-data", smallData, "-batch", "16",
				"-train-images", "96", "-test-images", "16", "-epochs", "2", "-out", filepath.Join(t.TempDir(), "run"))
			cmd.Env = append(cmd.Env, "TERM=xterm", "CI=", c.env)
			out := onTerminal(t, cmd, c.columns, func(string, io.Writer) {})
			require.Zero(t, cmd.ProcessState.ExitCode(), out)
			assert.Equal(t, c.bar, strings.Contains(out, "█"), "a bar")
			assert.Equal(t, c.bar, strings.Contains(out, "testing"))
			assert.Equal(t, c.color, strings.Contains(out, "\x1b[1mepoch 2:"), "colour")
			assert.Equal(t, c.bar, ansi.MatchString(out))
			assert.Equal(t, 3, strings.Count(ansi.ReplaceAllString(out, ""), "test accuracy 0."),
				"a line for each epoch and one for the best")
			for _, line := range strings.FieldsFunc(ansi.ReplaceAllString(out, ""), func(r rune) bool {
				return r == '\r' || r == '\n'
			}) {
				if strings.Contains(line, "▕") {
					assert.LessOrEqual(t, utf8.RuneCountInString(line), int(c.columns), "%q", line)
				}
			}
			shown := ansi.Split(out, -1)
			assert.Contains(t, shown[len(shown)-1], "hash ", "the bar is gone")
		})
	}
}

const ctrlC = "\x03"

// A single Ctrl-C stops the run cleanly.
func TestInterruptAtTheTerminal(t *testing.T) {
	gputest.Device(t)
	dir := filepath.Join(t.TempDir(), "a run")
	cmd := command(endless(dir)...)
	cmd.Env = append(cmd.Env, "TERM=xterm", "CI=")
	pressed := false
	out := onTerminal(t, cmd, 80, func(printed string, keyboard io.Writer) {
		if !pressed && strings.Contains(printed, "epoch 1/99999") {
			pressed = true
			_, err := io.WriteString(keyboard, ctrlC)
			require.NoError(t, err)
		}
	})
	assert.Contains(t, out, "stopping: the step is finished")
	assert.Equal(t, 130, cmd.ProcessState.ExitCode())
	assert.Contains(t, out, "-resume '"+dir+"'")
	assert.FileExists(t, filepath.Join(dir, "curves.png"))
	assert.FileExists(t, filepath.Join(dir, "model.safetensors"))
}

// A second Ctrl-C stops at once. The first cannot end the run before the second comes, because the
// run is printing to a full pipe.
func TestInterruptTwice(t *testing.T) {
	gputest.Device(t)
	dir := filepath.Join(t.TempDir(), "run")
	fifo := filepath.Join(t.TempDir(), "stdout")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	read, err := os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	defer read.Close()
	write, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer write.Close()
	cmd := command(endless(dir)...)
	cmd.Stdout = write
	tty := startOnTerminal(t, cmd, 80)
	require.NoError(t, read.SetReadDeadline(time.Now().Add(2*time.Minute)))
	lines := bufio.NewScanner(read)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "step 1/") {
	}
	require.NoError(t, lines.Err())
	fill(t, fifo)
	_, err = io.WriteString(tty, ctrlC)
	require.NoError(t, err)
	again := false
	out := watch(cmd, tty, func(printed string, keyboard io.Writer) {
		if !again && strings.Contains(printed, "stopping: ") {
			again = true
			_, err := io.WriteString(keyboard, ctrlC)
			require.NoError(t, err)
		}
	})
	assert.Contains(t, out, "interrupt again to stop at once")
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	assert.Equal(t, syscall.SIGINT, status.Signal())
	checkpoints, err := filepath.Glob(filepath.Join(dir, "checkpoint", "step-*.safetensors"))
	require.NoError(t, err)
	assert.NotEmpty(t, checkpoints, "the earlier checkpoints remain")
}

// fill writes to a pipe until nothing more fits.
func fill(t *testing.T, fifo string) {
	t.Helper()
	fd, err := syscall.Open(fifo, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer syscall.Close(fd)
	for size := os.Getpagesize(); size > 0; {
		_, err := syscall.Write(fd, make([]byte, size))
		if errors.Is(err, syscall.EAGAIN) {
			size /= 2
			continue
		}
		require.NoError(t, err)
	}
}

func TestQuietAndVerbose(t *testing.T) {
	gputest.Device(t)
	args := []string{
		"-recipe", "mini", "-net", nintest.Small, "-data", smallData, "-batch", "16", "-train-images", "32",
		"-epochs", "1",
	}
	dir := filepath.Join(t.TempDir(), "quiet")
	stdout, stderr, code := train(t, append(args, "-quiet", "-out", dir)...)
	require.Zero(t, code, stderr)
	assert.Regexp(t, `^weights  \S+/quiet/model.safetensors, hash [0-9a-f]{16}\n$`, stdout)
	assert.Empty(t, stderr)
	stdout, _, code = train(t, "-resume", dir)
	require.Zero(t, code)
	assert.Contains(t, stdout, "resumed  after step 2, its last")
	assert.NotContains(t, stdout, "step 0")

	stdout, stderr, code = train(t, append(args, "-v", "-profile", "-out", filepath.Join(t.TempDir(), "verbose"))...)
	require.Zero(t, code, stderr)
	for _, says := range []string{"start    ", "memory   ", "for the first step", "s of training", "s in kernels"} {
		assert.Contains(t, stdout, says)
	}
	_, stderr, code = train(t, "-quiet", "-v")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "-quiet with -v")
}
