//go:build !mpi

package mpi

import "wgnin/nn"

// Init returns the ranks that this process is one of, or nil if it is the only one. Errors: it is
// one of several, and the program was built without MPI.
func Init() (nn.Ranks, error) {
	if n := started(); n > 1 {
		return nil, alone(n, "this program was built without MPI; build it with CC=mpicc go build -tags mpi")
	}
	return nil, nil
}

// Finalize leaves the ranks; call it on the goroutine of Init.
func Finalize() error { return nil }

// Local returns the place of this process among those on the same machine, and their number.
func Local() (rank, size int) { return 0, 1 }
