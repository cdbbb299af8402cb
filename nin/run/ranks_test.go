package run_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/nintest"
	"wgnin/nin/run"
	"wgnin/nn"
	"wgnin/nn/data"
)

// across calls f on n ranks at once, each with a device of its own, and returns their errors.
func across(t *testing.T, n int, f func(dev *gpu.Device, r nn.Ranks) error) []error {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i, r := range nn.Loopback(n) {
		dev, err := gpu.Open(gpu.Options{Adapter: os.Getenv("NIN_ADAPTER"), Portable: os.Getenv("NIN_PORTABLE") == "1"})
		if err != nil && os.Getenv("REQUIRE_GPU") != "1" {
			t.Skip(err)
		}
		require.NoError(t, err)
		defer func() { assert.NoError(t, dev.Close()) }()
		all.Go(func() {
			if errs[i] = f(dev, r); errs[i] != nil && !nn.Everywhere(errs[i]) {
				r.Abort(errs[i])
			}
		})
	}
	all.Wait()
	return errs
}

// A run on two ranks leaves the same files as a run on one rank with as many shards, also when a
// rank is told to stop and another number of ranks resumes the run. Only rank 0 writes files.
func TestRanks(t *testing.T) {
	train, test := nintest.Images(t)
	s := nintest.Short(func(s *nin.Settings) { s.Shards = 2 })
	whole := begin(t, s, "")
	end, _, _, _ := finish(t, whole)

	dir := filepath.Join(t.TempDir(), "run")
	s.Shards = 0 // becomes the number of ranks
	for _, err := range across(t, 2, func(dev *gpu.Device, ranks nn.Ranks) error {
		place := dir
		if ranks.Rank() == 1 {
			place = "" // no folder can be made there
		}
		r, err := run.NewAcross(context.Background(), dev, ranks, s, nil, train, test, place)
		if err != nil {
			return err
		}
		defer r.Close()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for e, err := range r.Events(ctx) {
			if err != nil {
				return err
			}
			if e.Step != nil && e.Step.Step == 5 && ranks.Rank() == 1 {
				cancel()
			}
		}
		return errors.New("the run was not stopped")
	}) {
		require.ErrorIs(t, err, context.Canceled)
	}
	r := resume(t, dir)
	assert.Less(t, r.Start, 8)
	assert.Greater(t, r.Start, 4)
	got, _, _, _ := finish(t, r)
	assert.Equal(t, end.Hash, got.Hash)
	assert.Equal(t, withoutTimes(t, whole.Dir), withoutTimes(t, dir))
}

// Two ranks can resume a run that one rank began, if it has two shards.
func TestResumeOnMoreRanks(t *testing.T) {
	train, test := nintest.Images(t)
	for _, shards := range []int{0, 2} {
		dir, whole := stoppedWith(t, nintest.Short(func(s *nin.Settings) { s.Shards = shards }))
		hashes := make([]string, 2)
		errs := across(t, 2, func(dev *gpu.Device, ranks nn.Ranks) error {
			c, err := run.ReadCheckpointAcross(ranks, dir)
			if err != nil {
				return err
			}
			r, err := run.ResumeAcross(context.Background(), dev, ranks, c, train, test, dir)
			if err != nil {
				return err
			}
			defer r.Close()
			for e, err := range r.Events(context.Background()) {
				if err != nil {
					return err
				}
				if e.End != nil {
					hashes[ranks.Rank()] = e.End.Hash
				}
			}
			return nil
		})
		for i, err := range errs {
			if shards == 0 {
				require.ErrorContains(t, err, "Shards is 1; want at least the number of ranks, 2")
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, whole.Hash, hashes[i])
		}
	}
}

// A difference between ranks, or a failure on rank 0, is an error on all ranks, and leaves no
// folder.
func TestRanksAgree(t *testing.T) {
	train, test := nintest.Images(t)
	dir := filepath.Join(t.TempDir(), "run")
	for want, change := range map[string]func(rank int, s *nin.Settings, train **data.Images, dir *string){
		"rank 1 has other settings than rank 0": func(rank int, s *nin.Settings, _ **data.Images, _ *string) {
			s.Rate += float64(rank)
		},
		"rank 1 has other images than rank 0": func(rank int, _ *nin.Settings, train **data.Images, _ *string) {
			*train = test.First(64 + rank)
		},
		"Init /nowhere": func(rank int, s *nin.Settings, _ **data.Images, _ *string) {
			s.Init = "/nowhere"
		},
	} {
		errs := across(t, 2, func(dev *gpu.Device, ranks nn.Ranks) error {
			s, train, dir := nintest.Short(func(s *nin.Settings) { s.TrainImages = 0 }), train.First(64), dir
			change(ranks.Rank(), &s, &train, &dir)
			_, err := run.NewAcross(context.Background(), dev, ranks, s, nil, train, test, dir)
			return err
		})
		require.ErrorContains(t, errs[0], want)
		for _, err := range errs {
			assert.True(t, nn.Everywhere(err), "%v", err)
		}
		assert.NoDirExists(t, dir)
	}
}

// Two ranks measure their shares of a batch, and the run records them. Resumed on one rank or on
// two, the run ends with the same bits.
func TestBalance(t *testing.T) {
	train, test := nintest.Images(t)
	s := nintest.Short(func(s *nin.Settings) { s.Balance = true })
	dir := filepath.Join(t.TempDir(), "run")
	events := func(r *run.Run, err error, stop bool) (string, error) {
		if err != nil {
			return "", err
		}
		defer r.Close()
		sum := 0
		for _, n := range r.Found.Shares {
			sum += n
		}
		assert.Len(t, r.Found.Shares, 2)
		assert.Equal(t, s.Batch/sum, r.Trainer.MicroBatch(), "a share runs at a time")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		hash := ""
		for e, err := range r.Events(ctx) {
			switch {
			case err != nil:
				return "", err
			case e.Step != nil && e.Step.Step == 3 && stop:
				cancel()
			case e.End != nil:
				hash = e.End.Hash
			}
		}
		return hash, nil
	}
	for _, err := range across(t, 2, func(dev *gpu.Device, ranks nn.Ranks) error {
		r, err := run.NewAcross(context.Background(), dev, ranks, s, nil, train, test, dir)
		_, err = events(r, err, true)
		return err
	}) {
		require.ErrorIs(t, err, context.Canceled)
	}
	other := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.CopyFS(other, os.DirFS(dir)))
	hashes := make([]string, 2)
	for _, err := range across(t, 2, func(dev *gpu.Device, ranks nn.Ranks) error {
		c, err := run.ReadCheckpointAcross(ranks, dir)
		if err != nil {
			return err
		}
		r, err := run.ResumeAcross(context.Background(), dev, ranks, c, train, test, dir)
		hashes[ranks.Rank()], err = events(r, err, false)
		return err
	}) {
		require.NoError(t, err)
	}
	require.Equal(t, hashes[0], hashes[1])
	got, err := events(resume(t, other), nil, false)
	require.NoError(t, err)
	assert.Equal(t, hashes[0], got)

	dev := gputest.Device(t)
	_, err = run.New(context.Background(), dev, s, nil, train, test, filepath.Join(t.TempDir(), "run"))
	require.ErrorContains(t, err, "Balance divides a batch between ranks, but there is only one")
	s.Shards = 4
	for _, err := range across(t, 2, func(dev *gpu.Device, ranks nn.Ranks) error {
		_, err := run.NewAcross(context.Background(), dev, ranks, s, nil, train, test,
			filepath.Join(t.TempDir(), "run"))
		return err
	}) {
		require.Error(t, err)
		assert.True(t, nn.Everywhere(err), "%v", err)
	}
}
