//go:build !mpi

package mpi

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without MPI, Init accepts a single process. For one of several, its error says what is missing.
func TestWithoutMPI(t *testing.T) {
	t.Setenv("OMPI_COMM_WORLD_SIZE", "1")
	r, err := Init()
	require.NoError(t, err)
	assert.Nil(t, r)
	t.Setenv("OMPI_COMM_WORLD_SIZE", "4")
	_, err = Init()
	assert.EqualError(t, err,
		"mpi: this process is one of 4, and this program was built without MPI; build it with CC=mpicc go build -tags mpi")
}
