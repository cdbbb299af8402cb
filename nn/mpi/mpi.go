//go:build mpi

package mpi

/*
#include <mpi.h>
#include <stdlib.h>

// MPI's names may be macros, which cgo cannot call.
static MPI_Request request;

static int nin_init(int *rank, int *size, int *local, int *locals) {
	int got, err;
	MPI_Comm shared;
	// Go handles these signals, and Open MPI and UCX would take them from it.
	setenv("OMPI_MCA_opal_signal", "", 0);
	setenv("UCX_HANDLE_ERRORS", "none", 0);
	setenv("UCX_WARN_UNUSED_ENV_VARS", "n", 0);
	err = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &got);
	if (err == MPI_SUCCESS && got < MPI_THREAD_SERIALIZED) err = MPI_ERR_OTHER;
	if (err == MPI_SUCCESS) err = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	if (err == MPI_SUCCESS) err = MPI_Comm_rank(MPI_COMM_WORLD, rank);
	if (err == MPI_SUCCESS) err = MPI_Comm_size(MPI_COMM_WORLD, size);
	if (err == MPI_SUCCESS) err = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, *rank, MPI_INFO_NULL, &shared);
	if (err == MPI_SUCCESS) err = MPI_Comm_rank(shared, local);
	if (err == MPI_SUCCESS) err = MPI_Comm_size(shared, locals);
	if (err == MPI_SUCCESS) err = MPI_Comm_free(&shared);
	return err;
}

static int nin_broadcast(void *data, int n, int root) {
	return MPI_Ibcast(data, n, MPI_BYTE, root, MPI_COMM_WORLD, &request);
}

static int nin_alltoall(void *send, void *recv, int block) {
	return MPI_Ialltoall(send, block, MPI_BYTE, recv, block, MPI_BYTE, MPI_COMM_WORLD, &request);
}

static int nin_allgather(void *send, void *recv, int block) {
	return MPI_Iallgather(send, block, MPI_BYTE, recv, block, MPI_BYTE, MPI_COMM_WORLD, &request);
}

// MPI moves data only while it is called, and a large message in many pieces.
static int nin_test(int *done) {
	int i, err = MPI_SUCCESS;
	for (i = 0, *done = 0; i < 100 && !*done && err == MPI_SUCCESS; i++) {
		err = MPI_Test(&request, done, MPI_STATUS_IGNORE);
	}
	return err;
}

static void nin_error(int err, char *text) {
	int n;
	if (MPI_Error_string(err, text, &n) != MPI_SUCCESS) text[0] = 0;
}

static int nin_error_bytes(void) { return MPI_MAX_ERROR_STRING; }

static void nin_abort(void) { MPI_Abort(MPI_COMM_WORLD, 1); }

static void nin_finalize(void) {
	int begun;
	if (MPI_Initialized(&begun) == MPI_SUCCESS && begun) MPI_Finalize();
}
*/
import "C"

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"wgnin/nn"
)

var localRank, localSize C.int = 0, 1

// Init returns the ranks that this process is one of, or nil if it is the only one. It binds its
// goroutine to its thread, as MPI wants it, until Finalize. Errors: MPI does not start, or it
// knows of no others although a launcher started several.
func Init() (nn.Ranks, error) {
	runtime.LockOSThread()
	var r, size C.int
	if err := check("init", C.nin_init(&r, &size, &localRank, &localSize)); err != nil {
		return nil, err
	}
	if n := started(); size == 1 && n > 1 {
		return nil, alone(n, "MPI does not know the others; start the program with the mpirun of the MPI that it was built with")
	}
	if size == 1 {
		return nil, nil
	}
	return ranks{int(r), int(size)}, nil
}

// Finalize leaves the ranks; call it on the goroutine of Init.
func Finalize() {
	C.nin_finalize()
	runtime.UnlockOSThread()
}

// Local returns the place of this process among those on the same machine, and their number.
func Local() (rank, size int) { return int(localRank), int(localSize) }

// ranks are those of MPI_COMM_WORLD.
type ranks struct{ rank, size int }

func (r ranks) Rank() int { return r.rank }
func (r ranks) Size() int { return r.size }

func (r ranks) Broadcast(data []byte, root int) error {
	const most = 1 << 30 // MPI counts in int
	for first := 0; first < len(data); first += most {
		piece := data[first:min(first+most, len(data))]
		err := r.wait("broadcast", piece, nil, func() C.int { return C.nin_broadcast(pointer(piece), C.int(len(piece)), C.int(root)) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (r ranks) AllToAll(send, recv []byte) error {
	return r.wait("all-to-all", send, recv, func() C.int {
		return C.nin_alltoall(pointer(send), pointer(recv), C.int(len(send)/r.size))
	})
}

func (r ranks) AllGather(send, recv []byte) error {
	return r.wait("all-gather", send, recv, func() C.int {
		return C.nin_allgather(pointer(send), pointer(recv), C.int(len(send)))
	})
}

func (r ranks) Abort(error) { C.nin_abort() }

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// patience is how long a rank waits for the others before it takes one for hung: longer than rank 0
// measures kernels, or a driver compiles them. A machine that is gone MPI itself finds out.
var patience = 30 * time.Minute

// wait starts a collective and waits for it with pauses that grow, so that ranks which share
// processors with each other's devices leave them to those.
func (r ranks) wait(what string, send, recv []byte, start func() C.int) error {
	var pins runtime.Pinner // MPI keeps the addresses between two calls
	defer pins.Unpin()
	for _, b := range [][]byte{send, recv} {
		if p := unsafe.SliceData(b); p != nil {
			pins.Pin(p)
		}
	}
	if err := check(what, start()); err != nil {
		return err
	}
	for began := time.Now(); ; {
		var done C.int
		if err := check(what, C.nin_test(&done)); err != nil || done != 0 {
			return err
		}
		switch waited := time.Since(began); {
		case waited > patience:
			return fmt.Errorf("mpi: %s: the other ranks have not come within %s; one of them hangs", what, patience)
		case waited > 100*time.Microsecond:
			time.Sleep(min(waited/32, time.Millisecond))
		}
	}
}

// check is the error of an MPI call.
func check(what string, code C.int) error {
	if code == C.MPI_SUCCESS {
		return nil
	}
	text := (*C.char)(C.malloc(C.size_t(C.nin_error_bytes())))
	defer C.free(unsafe.Pointer(text))
	C.nin_error(code, text)
	return fmt.Errorf("mpi: %s: %s", what, C.GoString(text))
}
