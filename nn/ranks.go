package nn

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"sync"

	"wgnin/gpu"
)

// Ranks are the processes that train one network together, each on its own device, as in MPI. All
// ranks must call the same methods in the same order, each from one goroutine at a time. A call
// returns when the data of the other ranks have arrived. Package mpi implements Ranks, and so does
// [Loopback] within one process.
type Ranks interface {
	Rank() int // of this process, from 0
	Size() int // number of ranks
	// Broadcast overwrites data with the data of rank root. The length must be the same on all
	// ranks.
	Broadcast(data []byte, root int) error
	// AllToAll divides send into Size equal blocks and sends the i-th to rank i. The i-th block of
	// recv receives the block that rank i sends to this rank.
	AllToAll(send, recv []byte) error
	// AllGather sends send to all ranks. The i-th of Size equal blocks of recv receives what rank i
	// sends.
	AllGather(send, recv []byte) error
	// Abort ends all ranks because of err. If it returns, the other methods fail on all ranks.
	Abort(err error)
}

// Across makes trainers and evaluators of the net work as one of several ranks. A nil r means a
// single rank. A trainer's Hyper.Shards must then be at least the number of ranks, and 0 means that
// number. The shards are divided equally, and rank i computes the i-th share. All ranks must train
// with the same settings on the same images, from the state that [Trainer.Share] distributes. After
// each step, all ranks have the same weights. If their devices compute the same bits, a run with
// the same Shards on another number of ranks has the same weights too.
//
// Errors: the number of ranks is not a power of two.
func Across(r Ranks) NetOption {
	return func(net *Net) error {
		if size(r) > 1 {
			net.ranks = r
		}
		if n := size(r); bits.OnesCount(uint(n)) != 1 {
			return everywhere{fmt.Errorf("nn: there are %d ranks; want a power of two", n)}
		}
		return nil
	}
}

// size returns the number of ranks.
func size(r Ranks) int {
	if r == nil {
		return 1
	}
	return r.Size()
}

// own returns the shards that this rank computes: from first up to but not including end.
func own(r Ranks, shards int) (first, end int) {
	n := shards / size(r)
	if r != nil {
		first = r.Rank() * n
	}
	return first, first + n
}

// ErrElsewhere reports that another rank has failed. That rank's error says why.
var ErrElsewhere = errors.New("another rank has failed")

// everywhere is an error that all ranks have, so only one rank needs to print it.
type everywhere struct{ error }

func (e everywhere) Unwrap() error { return e.error }

// Everywhere reports whether all ranks end with this error, or with an [ErrElsewhere] because of
// it. If so, only one rank needs to print it, and none has to be aborted.
func Everywhere(err error) bool {
	return errors.As(err, new(everywhere)) || errors.Is(err, ErrElsewhere)
}

// stopped reports whether err comes from a context.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Common lets all ranks know whether any has failed before they compute. It returns nil if none
// has. If all ranks have an error, the result is one of [Everywhere]. If only others have one, it
// is [ErrElsewhere].
func Common(r Ranks, err error) error {
	if size(r) == 1 {
		return err
	}
	mine, all := []byte{0}, make([]byte, size(r))
	if err != nil {
		mine[0] = 1
	}
	if lost := r.AllGather(mine, all); lost != nil {
		return cmp.Or(err, lost)
	}
	switch n := bytes.Count(all, []byte{1}); {
	case n == len(all):
		return everywhere{err}
	case n > 0 && err == nil:
		return ErrElsewhere
	}
	return err
}

// Share returns on all ranks what produce returns on rank 0. If produce fails, the other ranks get
// [ErrElsewhere].
func Share(r Ranks, produce func() ([]byte, error)) (data []byte, err error) {
	if size(r) == 1 {
		return produce()
	}
	const failed = ^uint64(0)
	var length [8]byte
	if r.Rank() == 0 {
		data, err = produce()
		binary.LittleEndian.PutUint64(length[:], uint64(len(data)))
		if err != nil {
			binary.LittleEndian.PutUint64(length[:], failed)
		}
	}
	if lost := r.Broadcast(length[:], 0); lost != nil {
		return nil, lost
	}
	n := binary.LittleEndian.Uint64(length[:])
	switch {
	case err != nil:
		return nil, everywhere{err}
	case n == failed:
		return nil, ErrElsewhere
	}
	if r.Rank() != 0 {
		data = make([]byte, n)
	}
	return data, r.Broadcast(data, 0)
}

// Agree returns an error on all ranks unless all have the same hash. what names the hashed thing.
func Agree(r Ranks, what string, hash []byte) error {
	if size(r) == 1 {
		return nil
	}
	all := make([]byte, r.Size()*len(hash))
	if err := r.AllGather(hash, all); err != nil {
		return err
	}
	for i := range r.Size() {
		if !bytes.Equal(all[i*len(hash):][:len(hash)], all[:len(hash)]) {
			return everywhere{fmt.Errorf("rank %d has other %s than rank 0; want the same on all ranks", i, what)}
		}
	}
	return nil
}

// least returns the smallest n of all ranks.
func least(r Ranks, n int) (int, error) {
	if size(r) == 1 {
		return n, nil
	}
	all := make([]uint32, r.Size())
	if err := r.AllGather(gpu.Bytes([]uint32{uint32(n)}), gpu.Bytes(all)); err != nil {
		return 0, err
	}
	for _, m := range all {
		n = min(n, int(m))
	}
	return n, nil
}

// Loopback returns n ranks within this process for tests, each for its own goroutine and device.
func Loopback(n int) []Ranks {
	l := &loopback{send: make([][]byte, n)}
	l.moved = sync.NewCond(&l.mu)
	all := make([]Ranks, n)
	for i := range all {
		all[i] = loopbackRank{l, i}
	}
	return all
}

type loopback struct {
	mu      sync.Mutex
	moved   *sync.Cond
	send    [][]byte // data of the current call, by rank
	waiting int      // ranks at the barrier
	passed  int      // completed barriers
	err     error    // from Abort
}

type loopbackRank struct {
	*loopback
	rank int
}

func (l loopbackRank) Rank() int { return l.rank }
func (l loopbackRank) Size() int { return len(l.send) }

func (l loopbackRank) Abort(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = fmt.Errorf("rank %d has failed: %w", l.rank, err)
	l.moved.Broadcast()
}

// barrier waits for all ranks, or returns the error of Abort.
func (l *loopback) barrier() error {
	passed := l.passed
	if l.waiting++; l.waiting == len(l.send) {
		l.waiting = 0
		l.passed++
		l.moved.Broadcast()
	}
	for l.passed == passed && l.err == nil {
		l.moved.Wait()
	}
	if l.passed != passed {
		return nil
	}
	return l.err
}

// exchange calls take with the data that all ranks send.
func (l loopbackRank) exchange(send []byte, take func(all [][]byte)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.send[l.rank] = send
	if err := l.barrier(); err != nil {
		return err
	}
	take(l.send)
	return l.barrier()
}

func (l loopbackRank) Broadcast(data []byte, root int) error {
	return l.exchange(data, func(all [][]byte) { copy(data, all[root]) })
}

func (l loopbackRank) AllToAll(send, recv []byte) error {
	block := len(send) / l.Size()
	return l.exchange(send, func(all [][]byte) {
		for i, s := range all {
			copy(recv[i*block:][:block], s[l.rank*block:])
		}
	})
}

func (l loopbackRank) AllGather(send, recv []byte) error {
	return l.exchange(send, func(all [][]byte) {
		for i, s := range all {
			copy(recv[i*len(send):], s)
		}
	})
}
