//go:build !mpi

package mpi

import "wgnin/nn"

// Init returns the ranks of the job, or nil if this process is the only one. Without MPI it returns
// an error if a launcher started several processes.
func Init() (nn.Ranks, error) {
	if n := started(); n > 1 {
		return nil, alone(n, "this program was built without MPI; build it with CC=mpicc go build -tags mpi")
	}
	return nil, nil
}

// Finalize leaves the ranks. Call it on the goroutine of Init.
func Finalize() error { return nil }

// Local returns the number of this process among those on the same machine, counting from 0, and
// how many there are.
func Local() (rank, size int) { return 0, 1 }
