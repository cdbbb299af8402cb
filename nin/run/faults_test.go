package run_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/run"
	"wgnin/nn/data"
)

// attempt trains on a device of its own. It resumes the run in dir, or begins one if there is none.
func attempt(t *testing.T, dir string, train, test *data.Images, s nin.Settings, opt gpu.Options) (hash string,
	err error) {
	opt.Adapter = os.Getenv("NIN_ADAPTER")
	dev, err := gpu.Open(opt)
	if err != nil {
		return "", err
	}
	defer func() { assert.NoError(t, dev.Close(), "its buffers are released") }()
	var r *run.Run
	if c, none := run.ReadCheckpoint(dir); none == nil {
		r, err = run.Resume(context.Background(), dev, c, train, test, dir)
	} else {
		r, err = run.New(context.Background(), dev, s, nil, train, test, dir)
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	for e, err := range r.Events(context.Background()) {
		if err != nil {
			return "", err
		}
		if e.End != nil {
			hash = e.End.Hash
		}
	}
	return hash, nil
}

var times = regexp.MustCompile(`"seconds":[^,]*,"images_per_second":[^}]*`)

// withoutTimes returns the metrics.jsonl of a run without the times.
func withoutTimes(t *testing.T, dir string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	return times.ReplaceAllString(string(raw), "")
}

// If any kind of driver call fails, in any way, the run reports the error and releases all its
// buffers. Resumed, it ends with the same result as a run without the fault.
func TestFaults(t *testing.T) {
	gputest.Device(t)
	train, test := nintest.Images(t)
	s := nintest.Short(func(s *nin.Settings) { s.Momentum, s.CheckpointEvery = 0.9, nin.Every{Steps: 3} })
	var calls []string
	dir := filepath.Join(t.TempDir(), "whole")
	want, err := attempt(t, dir, train, test, s, gpu.Options{Fault: func(call string) error {
		calls = append(calls, call)
		return nil
	}})
	require.NoError(t, err)
	lines := withoutTimes(t, dir)
	require.NotEmpty(t, calls)

	places := map[string][]int{}
	for i, call := range calls {
		places[call] = append(places[call], i)
	}
	refused := errors.New("the driver refuses")
	for call, at := range places {
		middle, last := at[len(at)/2], at[len(at)-1]
		for _, c := range []struct {
			fault error
			place int
		}{{gpu.ErrLost, middle}, {gpu.ErrLost, last}, {refused, middle}, {gpu.ErrOutOfMemory, middle}} {
			t.Run(fmt.Sprintf("%v/%s %d", c.fault, call, c.place), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "run")
				n := 0
				hash, err := attempt(t, dir, train, test, s, gpu.Options{Fault: func(string) error {
					if n++; n == c.place+1 {
						return c.fault
					}
					return nil
				}})
				require.Greater(t, n, c.place, "the run reaches the call that fails")
				if err != nil {
					require.ErrorIs(t, err, c.fault)
					hash, err = attempt(t, dir, train, test, s, gpu.Options{})
				}
				require.NoError(t, err)
				if got := withoutTimes(t, dir); !errors.Is(c.fault, gpu.ErrOutOfMemory) || micro(got) == micro(lines) {
					assert.Equal(t, lines, got)
					assert.Equal(t, want, hash)
				}
			})
		}
	}
}

// micro returns how the first line of a run says the batch is split. If memory is short, the batch
// is split into more parts, and results agree only up to rounding.
func micro(lines string) string {
	return regexp.MustCompile(`"micro_batch":\d+,"test_batch":\d+`).FindString(lines)
}

// The length of submits, which a GPU's watchdog limits, does not change a bit.
func TestShortSubmits(t *testing.T) {
	gputest.Device(t)
	train, test := nintest.Images(t)
	s := nintest.Short(func(s *nin.Settings) { s.Momentum = 0.9 })
	whole, cut := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "cut")
	want, err := attempt(t, whole, train, test, s, gpu.Options{})
	require.NoError(t, err)
	got, err := attempt(t, cut, train, test, s, gpu.Options{MaxSubmit: 20 * time.Millisecond})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, withoutTimes(t, whole), withoutTimes(t, cut))
}
