// Package mpi makes the processes that mpirun starts the ranks of one training, by any
// implementation of MPI-3, such as Open MPI and MPICH. It is built with cgo and the tag mpi, by
// MPI's compiler:
//
//	CC=mpicc go build -tags mpi ./cmd/train
//	mpirun -n 4 ./train
//
// The ranks send each other heartbeats, also while they compile or compute: each to the next, four
// a second. A rank whose process or machine hangs is found out by the next, which names it, after a
// minute, or what the environment variable NIN_PATIENCE says, such as 5m. A rank that lives has 30
// times as long to come, also to [Finalize], for measuring kernels, or compiling them, takes
// minutes on some drivers.
//
// Without the tag the package needs no MPI, and [Init] only finds out that none was asked for.
package mpi

import (
	"fmt"
	"os"
	"strconv"
)

// started returns how many processes the launcher of this one started, by what launchers leave in
// the environment: those of Open MPI, of MPICH and its relatives, of MVAPICH, and Slurm's.
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

// alone is the error of a process that is one of n and does not know the others.
func alone(n int, why string) error {
	return fmt.Errorf("mpi: this process is one of %d, and %s", n, why)
}
