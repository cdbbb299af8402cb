//go:build mpi

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
)

// onRanks is the command on n ranks, started by $MPIRUN, or else mpirun.
func onRanks(t *testing.T, n int, args ...string) *exec.Cmd {
	mpirun, err := exec.LookPath(cmp.Or(os.Getenv("MPIRUN"), "mpirun"))
	if err != nil {
		t.Skip(err)
	}
	cmd := command(args...)
	cmd.Args = append([]string{mpirun, "-n", fmt.Sprint(n), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = mpirun
	cmd.Env = append(cmd.Env,
		// Open MPI wants to be asked for more processes than processors, and twice as root. It
		// would bind a rank to one core, on which a software adapter would compute.
		"OMPI_MCA_rmaps_base_oversubscribe=1", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
		"OMPI_MCA_hwloc_base_binding_policy=none")
	return cmd
}

// A run of four shards leaves the same metrics and hash on one process without MPI, and on two and
// four ranks; also after one rank was killed, and another number of ranks went on.
func TestMPI(t *testing.T) {
	gputest.Device(t)
	dir := t.TempDir()
	settings := func(out string) []string {
		return []string{
			"-recipe", "mini", "-data", smallData, "-train-images", "78", "-batch", "8", "-epochs", "2", "-test-images", "16",
			"-checkpoint-every", "3", "-seed", "3", "-shards", "4", "-out", filepath.Join(dir, out),
		}
	}
	_, stderr, code := train(t, settings("whole")...)
	require.Zero(t, code, stderr)
	want := metrics(t, filepath.Join(dir, "whole"))
	require.Len(t, want, 1+20+2+1+1)
	for _, n := range []int{2, 4} {
		out := fmt.Sprint(n)
		text, err := onRanks(t, n, settings(out)...).CombinedOutput()
		require.NoError(t, err, string(text))
		assert.Equal(t, 1, strings.Count(string(text), ", hash "), string(text))
		assert.Equal(t, want, metrics(t, filepath.Join(dir, out)), "%d ranks", n)
	}

	killed := onRanks(t, 4, settings("killed")...)
	var text bytes.Buffer
	killed.Stdout, killed.Stderr = &text, &text
	require.NoError(t, killed.Start())
	folder := filepath.Join(dir, "killed")
	require.Eventually(t, func() bool {
		raw, _ := os.ReadFile(filepath.Join(folder, "metrics.jsonl"))
		return bytes.Contains(raw, []byte(`"step":5,`))
	}, time.Minute, time.Millisecond)
	raw, err := os.ReadFile(filepath.Join(folder, ".lock"))
	require.NoError(t, err)
	rank0, err := strconv.Atoi(string(raw))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(rank0, syscall.SIGKILL))
	require.Error(t, killed.Wait(), text.String())
	resumed, err := onRanks(t, 2, "-resume", folder).CombinedOutput()
	require.NoError(t, err, string(resumed))
	assert.Equal(t, want, metrics(t, folder))
}

// What all ranks find wrong is told once, and what is wrong on one names it.
func TestMPIErrors(t *testing.T) {
	gputest.Device(t)
	dir := t.TempDir()
	for want, args := range map[string][]string{
		"train: -shards is 2; want at least the number of ranks, 4\n": {"-recipe", "mini", "-data", smallData, "-shards", "2", "-out", filepath.Join(dir, "a")},
		"train: -lr is -1; want": {"-lr", "-1"},
		" of 4, on ":             {"-data", "/nowhere"},
	} {
		text, err := onRanks(t, 4, args...).CombinedOutput()
		require.Error(t, err, string(text))
		assert.Contains(t, string(text), want, args)
	}
	assert.NoDirExists(t, filepath.Join(dir, "a"))
}
