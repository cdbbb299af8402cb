package run

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nin"
)

// If several goroutines claim a folder at the same time, exactly one gets it, even while another
// discards it, and the others change nothing in it.
func TestClaim(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "run")
	for round := range 100 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var got []*folder
		for range 8 {
			wg.Go(func() {
				f, err := claim(dir)
				if err != nil {
					assert.ErrorIs(t, err, ErrBusy)
					return
				}
				metrics, err := f.begin()
				assert.NoError(t, err)
				assert.NoError(t, metrics.Close())
				mu.Lock()
				defer mu.Unlock()
				if round%2 == 0 || len(got) > 0 {
					f.discard() // the next may get it
				} else {
					got = append(got, f)
				}
			})
		}
		wg.Wait()
		if round%2 == 0 {
			left, _ := os.ReadDir(dir) // the folder may be there: one may make it, and another use it
			require.Empty(t, left)
			continue
		}
		require.Len(t, got, 1)
		assert.FileExists(t, filepath.Join(dir, metricsFile))
		got[0].release()
		_, err := claim(dir)
		require.ErrorIs(t, err, ErrExists)
		require.NoError(t, os.RemoveAll(dir))
	}
}

// A folder with any file of a run is refused and stays unchanged. Other files may be there.
func TestClaimRefuses(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o644))
	old := filepath.Join(dir, "checkpoint", "step-000000000.safetensors")
	require.NoError(t, os.Mkdir(filepath.Dir(old), 0o755))
	require.NoError(t, os.WriteFile(old, nil, 0o644))
	_, err := claim(dir)
	require.ErrorIs(t, err, ErrExists)
	assert.ErrorContains(t, err, "(checkpoint)")
	assert.FileExists(t, old)
	require.NoError(t, os.RemoveAll(filepath.Dir(old)))

	f, err := claim(dir)
	require.NoError(t, err)
	metrics := filepath.Join(dir, metricsFile)
	require.NoError(t, os.WriteFile(metrics, nil, 0o644)) // written by a process without a lock
	_, err = f.begin()
	require.ErrorIs(t, err, ErrExists)
	f.discard()
	require.NoError(t, os.Remove(metrics))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)

	_, err = claim(filepath.Join(dir, "notes.txt"))
	assert.ErrorContains(t, err, "notes.txt")
	link := filepath.Join(dir, "link")
	if os.Symlink(filepath.Join(dir, "nowhere"), link) == nil {
		_, err = claim(link)
		assert.ErrorContains(t, err, "link")
	}
}

// discard removes the folder that was made for a run, however its path is written.
func TestClaimLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	f, err := claim(dir + string(filepath.Separator))
	require.NoError(t, err)
	f.discard()
	assert.NoDirExists(t, dir)
}

// A file with the name of a lock that is not one is refused and stays unchanged. The lock of a
// process that was killed is taken over.
func TestClaimOfAnotherLock(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, lockFile), filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(path, []byte("held by an editor"), 0o644))
	_, err := claim(dir)
	require.ErrorContains(t, err, path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "held by an editor", string(text))
	require.NoError(t, os.Remove(path))

	require.NoError(t, os.WriteFile(other, []byte("7"), 0o644))
	if os.Symlink(other, path) == nil {
		_, err = claim(dir)
		require.ErrorContains(t, err, path)
		require.NoError(t, os.Remove(path))
	}
	require.NoError(t, os.WriteFile(path, []byte("4000000"), 0o644))
	f, err := claim(dir)
	require.NoError(t, err)
	f.discard()
	assert.NoFileExists(t, path)
}

// When a run is opened again, the partial files that a killed process left are removed, and nothing
// else.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	in := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	require.NoError(t, os.Mkdir(in(checkpointDir), 0o755))
	left := []string{
		in("model.safetensors.42.part"), in("curves.png.1234567890.part"), in(checkpointDir, "best.safetensors.7.part"),
		in(checkpointDir, "step-000000012.safetensors.99.part"),
	}
	kept := []string{
		in("metrics.jsonl"), in("notes7"), in("model.safetensors"), in("model.safetensors.old"),
		in(checkpointDir, "best.safetensors"),
		in("model.safetensors2"), in("model.safetensors.20261128"), in("model.safetensors.part"), // copies of the user
		in(checkpointDir, "mine.safetensors.1.part"), in(checkpointDir, checkpointName(12)),
	}
	for _, path := range append(left, kept...) {
		require.NoError(t, os.WriteFile(path, nil, 0o644))
	}
	require.NoError(t, os.Mkdir(in("model.safetensors.8.part"), 0o755))
	_, err := ReadCheckpoint(dir)
	require.ErrorContains(t, err, checkpointName(12)) // it is empty
	for _, path := range left {
		assert.NoFileExists(t, path)
	}
	for _, path := range kept {
		assert.FileExists(t, path)
	}
	assert.DirExists(t, in("model.safetensors.8.part"))
}

// A recipe for fine-tuning has a note if it starts from random weights.
func TestRandomNote(t *testing.T) {
	for recipe, want := range map[string]string{"torchvision-resnet18": "are for a start from trained weights, such as torchvision's", "photos": ""} {
		r, err := nin.Find(recipe)
		require.NoError(t, err)
		s := r.Settings()
		if want == "" {
			assert.Empty(t, randomNote(r, s))
		}
		assert.Contains(t, randomNote(r, s), want)
		s.Freeze = "0"
		assert.Contains(t, randomNote(r, s), "the frozen layers keep random weights")
	}
}
