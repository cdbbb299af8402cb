// Package mpi makes the processes that mpirun starts the ranks of one training. It works with any
// implementation of MPI-3, such as Open MPI or MPICH. Build it with cgo, the tag mpi and MPI's
// compiler:
//
//	CC=mpicc go build -tags mpi ./cmd/train
//	mpirun -n 4 ./train
//
// Each rank sends four heartbeats a second to the next rank, even while it compiles or computes. If
// the process or the machine of a rank hangs, the next rank notices after a minute, and its error
// names the rank. The environment variable NIN_PATIENCE sets another time, such as 5m. A rank that
// is alive may keep the others waiting 30 times as long, also in [Finalize], because measuring or
// compiling kernels takes minutes on some drivers.
//
// Without the tag the package needs no MPI. [Init] then only checks that the process is not one of
// several.
package mpi

import (
	"fmt"
	"os"
	"strconv"
)

// started returns how many processes the launcher of this one started. It reads the environment
// variables of the launchers of Open MPI, MPICH and its relatives, MVAPICH, and Slurm.
func started() int {
	for _, v := range []string{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"} {
		if n, err := strconv.Atoi(os.Getenv(v)); err == nil {
			return n
		}
	}
	if _, ok := os.LookupEnv("PMIX_RANK"); ok { // srun with PMIx
		if n, err := strconv.Atoi(os.Getenv("SLURM_STEP_NUM_TASKS")); err == nil {
			return n
		}
	}
	return 1
}

// alone returns the error for a process that is one of n, but cannot reach the others.
func alone(n int, why string) error {
	return fmt.Errorf("mpi: this process is one of %d, and %s", n, why)
}
