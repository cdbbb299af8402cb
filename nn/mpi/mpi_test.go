//go:build mpi

package mpi

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn"
)

// TestMain runs the tests, or in a process that [TestRanks] started a rank.
func TestMain(m *testing.M) {
	if os.Getenv("NIN_MPI_RANK") == "" {
		os.Exit(m.Run())
	}
	if err := rank(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	Finalize()
}

// TestRanks starts processes with $MPIRUN, or else mpirun.
func TestRanks(t *testing.T) {
	mpirun, err := exec.LookPath(cmp.Or(os.Getenv("MPIRUN"), "mpirun"))
	if err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for _, n := range []int{1, 2, 4} {
		cmd := exec.CommandContext(t.Context(), mpirun, "-n", fmt.Sprint(n), self)
		cmd.Env = append(os.Environ(), "NIN_MPI_RANK=1",
			// Open MPI wants to be asked for more processes than processors, and twice as root.
			"OMPI_MCA_rmaps_base_oversubscribe=1", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Equal(t, n, strings.Count(string(out), "fine\n"), string(out))
	}
}

// rank checks each collective, and that Go still handles its own faults.
func rank() error {
	r, err := Init()
	if err != nil {
		return err
	}
	if r == nil {
		fmt.Println("fine")
		return nil
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
