//go:build mpi

package mpi

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn"
)

// TestMain runs the tests, or, in a process of [start], what the environment asks for.
func TestMain(m *testing.M) {
	all := map[string]func() error{"rank": rank, "stopped": stopped, "away": away, "left": hasLeft,
		"stays": stays}
	does := all[os.Getenv("NIN_MPI_RANK")]
	if does == nil {
		os.Exit(m.Run())
	}
	if err := does(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if err := Finalize(); err != nil {
		fmt.Println(err)
		world.Abort(err)
	}
}

// start returns a command that runs n ranks of this test with $MPIRUN, or else mpirun. The ranks
// call the function that TestMain lists under does.
func start(t *testing.T, n int, does string) *exec.Cmd {
	mpirun, err := exec.LookPath(cmp.Or(os.Getenv("MPIRUN"), "mpirun"))
	if err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a hang fails the test
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, mpirun, "-n", fmt.Sprint(n), self)
	cmd.WaitDelay = time.Second // ranks that outlive mpirun hold its output open
	cmd.Env = append(os.Environ(), "NIN_MPI_RANK="+does,
		// Open MPI needs permission for more processes than processors, and, twice, to run as root.
		"OMPI_MCA_rmaps_base_oversubscribe=1", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	return cmd
}

func TestRanks(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		out, err := start(t, n, "rank").CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Equal(t, n, strings.Count(string(out), "fine\n"), string(out))
	}
}

// The rank after one that is stopped, or that is alive but keeps the others waiting, reports it and
// aborts the job.
func TestHungRanks(t *testing.T) {
	for does, c := range map[string]struct {
		ranks int
		want  string
	}{
		"stopped": {2, `mpi: broadcast: rank 1, on \S+, has given no sign of life for 4s; its process or its machine hangs, or the network`},
		"away":    {2, `mpi: broadcast: rank 1, on \S+, is alive, but has kept the others waiting for 1s`},
		"left":    {2, `mpi: finalize: rank 1, on \S+, has given no sign of life for 4s`},
		"stays":   {4, `mpi: finalize: rank 1, on \S+, is alive, but has kept the others waiting for 1s`},
	} {
		cmd := start(t, c.ranks, does)
		cmd.Env = append(cmd.Env, patienceEnv+"=4s")
		text, err := cmd.CombinedOutput()
		require.Error(t, err)
		assert.Regexp(t, c.want, string(text))
	}
}

func TestPatience(t *testing.T) {
	for _, value := range []string{"soon", "1ms", "100000h"} {
		cmd := start(t, 2, "rank")
		cmd.Env = append(cmd.Env, patienceEnv+"="+value)
		text, err := cmd.CombinedOutput()
		require.Error(t, err)
		assert.Contains(t, string(text), `NIN_PATIENCE is "`+value+`"; want a duration from 500ms to 8760h, such as 90s`)
	}
}

// stopped has rank 0 wait for rank 1, which the system has stopped.
func stopped() error {
	return waiting(func() error { return syscall.Kill(os.Getpid(), syscall.SIGSTOP) }, time.Hour)
}

// hasLeft has rank 0 leave while the system has stopped rank 1.
func hasLeft() error {
	r, err := Init()
	if err == nil && r.Rank() == 1 {
		err = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	}
	return err
}

// stays has all ranks leave except rank 1, which blocks.
func stays() error {
	r, err := Init()
	if err != nil {
		return err
	}
	if r.Rank() == 1 {
		select {}
	}
	world.mu.Lock()
	world.absence = time.Second
	world.mu.Unlock()
	return nil
}

// away has rank 0 wait for rank 1, which blocks.
func away() error { return waiting(func() error { select {} }, time.Second) }

// waiting has rank 0 wait for rank 1, which calls other instead.
func waiting(other func() error, absence time.Duration) error {
	r, err := Init()
	if err != nil {
		return err
	}
	if r.Rank() == 1 {
		if err := other(); err != nil {
			return err
		}
	}
	world.mu.Lock()
	world.absence = absence
	world.mu.Unlock()
	if err = r.Broadcast(make([]byte, 1<<20), 1); err != nil {
		fmt.Fprintln(os.Stderr, err)
		r.Abort(err)
	}
	return err
}

// rank checks each collective, and that Go still handles a nil dereference.
func rank() error {
	r, err := Init()
	if err != nil {
		return err
	}
	if r == nil {
		fmt.Println("fine")
		return nil
	}
	// Heartbeats arrive although this rank has not called a collective.
	for began := 0; r.Rank() == 0 && began == 0; runtime.Gosched() {
		world.mu.Lock()
		began = world.theirs
		world.mu.Unlock()
	}
	me, n := byte(r.Rank()), r.Size()
	for _, block := range []int{1, 1 << 20} {
		data := bytes.Repeat([]byte{me}, block)
		if err := r.Broadcast(data, n-1); err != nil {
			return err
		}
		if !bytes.Equal(data, bytes.Repeat([]byte{byte(n - 1)}, block)) {
			return fmt.Errorf("broadcast gave %v", data[:1])
		}
		var send, want, gathered []byte
		for i := range n {
			send = append(send, bytes.Repeat([]byte{10*me + byte(i)}, block)...)
			want = append(want, bytes.Repeat([]byte{10*byte(i) + me}, block)...)
			gathered = append(gathered, bytes.Repeat([]byte{byte(i)}, block)...)
		}
		recv := make([]byte, n*block)
		if err := r.AllToAll(send, recv); err != nil {
			return err
		}
		if !bytes.Equal(recv, want) {
			return fmt.Errorf("all-to-all gave other blocks")
		}
		if err := r.AllGather(bytes.Repeat([]byte{me}, block), recv); err != nil {
			return err
		}
		if !bytes.Equal(recv, gathered) {
			return fmt.Errorf("all-gather gave other blocks")
		}
	}
	if err := nn.Agree(r, "numbers", []byte{me / 2}); n == 4 && err == nil {
		return fmt.Errorf("ranks 0 and 2 agree")
	}
	if local, locals := Local(); local != int(me) || locals != n {
		return fmt.Errorf("rank %d is %d of %d on this machine", me, local, locals)
	}
	defer func() {
		if recover() != nil {
			fmt.Println("fine")
		}
	}()
	var none *int
	*none = 1
	return nil
}
