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
	// Keep Open MPI and UCX from replacing Go's handlers of signals.
	setenv("OMPI_MCA_opal_signal", "", 0);
	setenv("UCX_HANDLE_ERRORS", "none", 0);
	// Send fragments over TCP. With the other protocol the two directions of an exchange wait for
	// each other: 0.5 MB each way at 20 Mb/s take 399 ms instead of 229.
	setenv("OMPI_MCA_btl_tcp_flags", "1", 0);
	setenv("UCX_WARN_UNUSED_ENV_VARS", "n", 0);
	err = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &got);
	if (err == MPI_SUCCESS && got < MPI_THREAD_SERIALIZED) err = MPI_ERR_OTHER;
	if (err == MPI_SUCCESS) err = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	if (err == MPI_SUCCESS) err = MPI_Comm_rank(MPI_COMM_WORLD, rank);
	if (err == MPI_SUCCESS) err = MPI_Comm_size(MPI_COMM_WORLD, size);
	if (err == MPI_SUCCESS)
		err = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, *rank, MPI_INFO_NULL, &shared);
	if (err == MPI_SUCCESS) err = MPI_Comm_rank(shared, local);
	if (err == MPI_SUCCESS) err = MPI_Comm_size(shared, locals);
	if (err == MPI_SUCCESS) err = MPI_Comm_free(&shared);
	return err;
}

// Heartbeats have a separate communicator, so that they do not match other messages.
static MPI_Comm beats;
static MPI_Request sending, receiving;
static long sent, received;

// nin_watch begins the heartbeats, which this rank sends to rank to and receives from rank from. It
// stores the name of from's machine in host.
static int nin_watch(int from, int to, char *host) {
	char mine[MPI_MAX_PROCESSOR_NAME] = "";
	int n, err;
	sending = MPI_REQUEST_NULL;
	err = MPI_Comm_dup(MPI_COMM_WORLD, &beats);
	if (err == MPI_SUCCESS) err = MPI_Get_processor_name(mine, &n);
	if (err == MPI_SUCCESS)
		err = MPI_Sendrecv(mine, sizeof mine, MPI_CHAR, to, 0, host, sizeof mine, MPI_CHAR, from, 0, beats,
			MPI_STATUS_IGNORE);
	if (err == MPI_SUCCESS) err = MPI_Irecv(&received, 1, MPI_LONG, from, 1, beats, &receiving);
	return err;
}

// nin_beat sends a heartbeat, unless the previous one is still being sent. Once the final heartbeat
// has been sent, it sets told and sends no more.
static int nin_beat(int to, long calls, long last, int *told) {
	int done, err = MPI_Test(&sending, &done, MPI_STATUS_IGNORE);
	*told = done && sent == last;
	if (err != MPI_SUCCESS || !done || *told) return err;
	sent = calls;
	return MPI_Isend(&sent, 1, MPI_LONG, to, 1, beats, &sending);
}

// nin_heard receives the heartbeats that have arrived. If there are any, it sets heard, and calls
// from the latest.
static int nin_heard(int from, long last, long *calls, int *heard) {
	int done, err;
	for (*heard = 0; (err = MPI_Test(&receiving, &done, MPI_STATUS_IGNORE)) == MPI_SUCCESS && done; ) {
		*calls = received;
		*heard = 1;
		if (received == last) return err;
		if ((err = MPI_Irecv(&received, 1, MPI_LONG, from, 1, beats, &receiving)) != MPI_SUCCESS) return err;
	}
	return err;
}

static int nin_host_bytes(void) { return MPI_MAX_PROCESSOR_NAME; }

static int nin_broadcast(void *data, int n, int root) {
	return MPI_Ibcast(data, n, MPI_BYTE, root, MPI_COMM_WORLD, &request);
}

static int nin_barrier(void) { return MPI_Ibarrier(MPI_COMM_WORLD, &request); }

static int nin_alltoall(void *send, void *recv, int block) {
	return MPI_Ialltoall(send, block, MPI_BYTE, recv, block, MPI_BYTE, MPI_COMM_WORLD, &request);
}

static int nin_allgather(void *send, void *recv, int block) {
	return MPI_Iallgather(send, block, MPI_BYTE, recv, block, MPI_BYTE, MPI_COMM_WORLD, &request);
}

// nin_test calls MPI_Test repeatedly, because MPI moves data only during calls, and a large message
// in many pieces.
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
	"math"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"wgnin/nn"
)

var (
	localRank, localSize C.int  = 0, 1
	world                *ranks // nil before Init, and if there is one rank
)

// patienceEnv is the environment variable that sets how long a rank may give no sign of life. Its
// value is a duration in Go's syntax, such as 90s; see the package's documentation.
const patienceEnv = "NIN_PATIENCE"

const (
	silence = time.Minute     // the default of NIN_PATIENCE
	beat    = time.Second / 4 // between two heartbeats
	passing = time.Second / 2 // before an abort, because mpirun drops output that it has not passed on

	// absence is how long a rank that is alive may keep the others waiting, in units of
	// NIN_PATIENCE. The default is half an hour, which is longer than rank 0 takes to measure
	// kernels, or a driver to compile them.
	absence = 30

	longest = 24 * 365 * time.Hour // of NIN_PATIENCE
)

// Init returns the ranks of the job, or nil if this process is the only one. It locks its goroutine
// to its thread until Finalize, because MPI requires that. Errors: MPI does not start, MPI knows no
// other process although a launcher started several, or NIN_PATIENCE is not a valid duration.
func Init() (nn.Ranks, error) {
	patience, err := patience() // before MPI starts, so that no other rank waits for this one if it fails
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	var rank, size C.int
	if err := check("init", C.nin_init(&rank, &size, &localRank, &localSize)); err != nil {
		return nil, err
	}
	if n := started(); size == 1 && n > 1 {
		return nil, alone(n,
			"MPI does not know the others; start the program with the mpirun of the MPI that it was built with")
	}
	if size == 1 {
		return nil, nil
	}
	r := &ranks{rank: int(rank), size: int(size), silence: patience, absence: absence * patience}
	host := (*C.char)(C.calloc(1, C.size_t(C.nin_host_bytes())))
	defer C.free(unsafe.Pointer(host))
	if err := check("heartbeats", C.nin_watch(C.int(r.before()), C.int(r.after()), host)); err != nil {
		return nil, err
	}
	r.name = fmt.Sprintf("rank %d, on %s,", r.before(), C.GoString(host))
	r.watched.Go(r.watch)
	world = r
	return r, nil
}

// patience returns the value of NIN_PATIENCE; the default is a minute.
func patience() (time.Duration, error) {
	text, ok := os.LookupEnv(patienceEnv)
	if !ok {
		return silence, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 2*beat || d > longest {
		return 0, fmt.Errorf("%s is %q; want a duration from %s to %dh, such as 90s", patienceEnv, text, 2*beat,
			longest/time.Hour)
	}
	return d, nil
}

// Finalize leaves the ranks once all have called it. Call it on the goroutine of Init. Errors: the
// previous rank has given no sign of life for NIN_PATIENCE, or a rank is alive but has not called
// Finalize for 30 times as long. Abort then ends the others.
func Finalize() error {
	if world != nil {
		// No rank may be inside MPI_Finalize when another aborts, because Open MPI's mpirun then
		// hangs or crashes.
		if err := world.wait("finalize", nil, nil, func() C.int { return C.nin_barrier() }); err != nil {
			return err
		}
		if err := world.leaves(); err != nil {
			return fmt.Errorf("mpi: finalize: %w", err)
		}
	}
	C.nin_finalize()
	runtime.UnlockOSThread()
	return nil
}

// Local returns the number of this process among those on the same machine, counting from 0, and
// how many there are.
func Local() (rank, size int) { return int(localRank), int(localSize) }

// ranks are the processes of MPI_COMM_WORLD.
type ranks struct {
	rank, size int
	silence    time.Duration // for which the previous rank may send no heartbeat
	absence    time.Duration // for which a rank may keep the others waiting
	name       string        // of the previous rank
	watched    sync.WaitGroup

	mu     sync.Mutex // guards MPI, which one thread may call at a time, and the fields below
	calls  int        // collectives that this rank has begun, or left
	theirs int        // collectives that the previous rank has begun, or left
	lost   error      // the reason to stop waiting, or nil
}

const left = math.MaxInt32

func (r *ranks) Rank() int { return r.rank }
func (r *ranks) Size() int { return r.size }

func (r *ranks) before() int { return (r.rank + r.size - 1) % r.size }
func (r *ranks) after() int  { return (r.rank + 1) % r.size }

// watch exchanges heartbeats while the rank computes or compiles, until this rank and the previous
// one have left.
//
// Silence is measured in heartbeats of this rank, so that a job can continue after all of it was
// suspended.
func (r *ranks) watch() {
	for silent := time.Duration(0); ; silent += beat {
		r.mu.Lock()
		var told, heard C.int
		var theirs C.long
		err := check("heartbeats", C.nin_beat(C.int(r.after()), C.long(r.calls), left, &told))
		if err == nil && r.theirs != left {
			err = check("heartbeats", C.nin_heard(C.int(r.before()), left, &theirs, &heard))
		}
		if heard != 0 {
			r.theirs, silent = int(theirs), 0
		}
		switch {
		case err != nil || r.theirs == left:
		case silent > r.silence:
			err = fmt.Errorf("%s has given no sign of life for %s; its process or its machine hangs, or the network",
				r.name, r.silence)
		}
		r.lost = err
		end := err != nil || told != 0 && r.theirs == left
		r.mu.Unlock()
		if end {
			return
		}
		time.Sleep(beat)
	}
}

// away returns the error for a rank that is alive, but keeps the others waiting.
func (r *ranks) away() error {
	return fmt.Errorf("%s is alive, but has kept the others waiting for %s", r.name, r.absence)
}

// leaves ends the heartbeats once the previous rank leaves too. It returns an error if that rank is
// lost.
func (r *ranks) leaves() error {
	r.mu.Lock()
	r.calls = left
	r.mu.Unlock()
	r.watched.Wait()
	return r.lost
}

func (r *ranks) Broadcast(data []byte, root int) error {
	const most = 1 << 30 // because MPI's counts are ints
	for first := 0; first < len(data); first += most {
		piece := data[first:min(first+most, len(data))]
		err := r.wait("broadcast", piece, nil, func() C.int {
			return C.nin_broadcast(pointer(piece), C.int(len(piece)), C.int(root))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *ranks) AllToAll(send, recv []byte) error {
	return r.wait("all-to-all", send, recv, func() C.int {
		return C.nin_alltoall(pointer(send), pointer(recv), C.int(len(send)/r.size))
	})
}

func (r *ranks) AllGather(send, recv []byte) error {
	return r.wait("all-gather", send, recv, func() C.int {
		return C.nin_allgather(pointer(send), pointer(recv), C.int(len(send)))
	})
}

func (r *ranks) Abort(error) {
	time.Sleep(passing)
	r.mu.Lock()
	C.nin_abort()
}

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// wait starts a collective and waits for it. The pauses between its polls grow, to leave the
// processors to the devices of other ranks.
func (r *ranks) wait(what string, send, recv []byte, start func() C.int) error {
	var pins runtime.Pinner // MPI keeps the addresses between calls
	defer pins.Unpin()
	for _, b := range [][]byte{send, recv} {
		if p := unsafe.SliceData(b); p != nil {
			pins.Pin(p)
		}
	}
	r.mu.Lock()
	r.calls++
	err := check(what, start())
	r.mu.Unlock()
	for began := time.Now(); err == nil; {
		waited := time.Since(began)
		var done bool
		if done, err = r.test(what, waited); done {
			return nil
		}
		if waited > 100*time.Microsecond {
			time.Sleep(min(waited/32, time.Millisecond))
		}
	}
	return err
}

// test reports whether the collective is done, after a rank has waited for it.
func (r *ranks) test(what string, waited time.Duration) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var done C.int
	err := check(what, C.nin_test(&done))
	switch {
	case err != nil || done != 0:
		return done != 0, err
	case r.lost != nil:
		return false, fmt.Errorf("mpi: %s: %w", what, r.lost)
	case r.theirs == left && waited > r.silence:
		return false, fmt.Errorf("mpi: %s: %s has left", what, r.name)
	case waited > r.absence && r.theirs < r.calls:
		return false, fmt.Errorf("mpi: %s: %w", what, r.away())
	case waited > r.absence+r.silence: // the rank after the late one has had time to name it
		return false, fmt.Errorf("mpi: %s: not complete after %s", what, r.absence)
	}
	return false, nil
}

// check returns the error of an MPI call, or nil.
func check(what string, code C.int) error {
	if code == C.MPI_SUCCESS {
		return nil
	}
	text := (*C.char)(C.malloc(C.size_t(C.nin_error_bytes())))
	defer C.free(unsafe.Pointer(text))
	C.nin_error(code, text)
	return fmt.Errorf("mpi: %s: %s", what, C.GoString(text))
}
