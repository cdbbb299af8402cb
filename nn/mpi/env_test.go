package mpi

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The environment variables of launchers tell how many processes there are.
func TestStarted(t *testing.T) {
	for _, v := range []string{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"} {
		t.Setenv(v, "")
	}
	assert.Equal(t, 1, started())
	t.Setenv("SLURM_STEP_NUM_TASKS", "8")
	t.Setenv("PMIX_RANK", "3")
	assert.Equal(t, 8, started())
	t.Setenv("PMI_SIZE", "2")
	assert.Equal(t, 2, started())
	t.Setenv("OMPI_COMM_WORLD_SIZE", "4")
	assert.Equal(t, 4, started())
}
