//go:build mpi

package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin/report"
	"wgnin/nin/session"
)

// onRanks returns the command on n ranks, started by $MPIRUN or, if that is empty, by mpirun.
func onRanks(t testing.TB, n int, args ...string) *exec.Cmd {
	mpirun, err := exec.LookPath(cmp.Or(os.Getenv("MPIRUN"), "mpirun"))
	if err != nil {
		t.Skip(err)
	}
	cmd := command(args...)
	cmd.Args = append([]string{mpirun, "-n", fmt.Sprint(n), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = mpirun
	cmd.Env = append(cmd.Env,
		// Open MPI must be told to start more processes than processors and, by two variables, to
		// run as root. By default it would bind each rank to one core, and a software adapter would
		// compute on that core alone.
		"OMPI_MCA_rmaps_base_oversubscribe=1", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
		"OMPI_MCA_hwloc_base_binding_policy=none")
	return cmd
}

// A run of four shards has the same metrics and hash in one process without MPI, on two ranks, and
// on four. This holds even if one rank is killed and another number of ranks continues the run. The
// program and the run are in a folder whose name needs quotes in a shell.
func TestMPI(t *testing.T) {
	gputest.Device(t)
	dir := filepath.Join(t.TempDir(), "a folder")
	require.NoError(t, os.Mkdir(dir, 0o755))
	program := filepath.Join(dir, "train")
	require.NoError(t, os.Symlink(command().Path, program))
	settings := func(out string) []string {
		return []string{
			"-recipe", "mini", "-data", smallData, "-train-images", "78", "-batch", "8", "-epochs", "2",
			"-test-images", "16",
			"-checkpoint-every", "3", "-seed", "3", "-shards", "4", "-out", filepath.Join(dir, out),
		}
	}
	_, stderr, code := train(t, settings("whole")...)
	require.Zero(t, code, stderr)
	want := metrics(t, filepath.Join(dir, "whole"))
	require.Len(t, want, 1+20+2+1)
	for _, n := range []int{2, 4} {
		out := fmt.Sprint(n)
		text, err := onRanks(t, n, settings(out)...).CombinedOutput()
		require.NoError(t, err, string(text))
		assert.Equal(t, 1, strings.Count(string(text), ", hash "), string(text))
		assert.NotContains(t, string(text), "\x1b", "Open MPI gives a rank a terminal that is not the user's")
		assert.Equal(t, want, metrics(t, filepath.Join(dir, out)), "%d ranks", n)
	}

	for name, c := range map[string]struct {
		rank int
		sig  syscall.Signal
		says string
	}{
		"killed": {0, syscall.SIGKILL, ""}, // mpirun reports it
		"stopped": {1, syscall.SIGSTOP,
			`train: rank 2 of 4, on .*: mpi: .*: rank 1, on .*, has given no sign of life for 10s; .*; ` +
				`continue with: mpirun -n 4 '.*/a folder/train' -resume '.*/a folder/stopped\d+', ` +
				`and the other options of that launcher`},
	} {
		var folder string
		var text bytes.Buffer
		for try := 0; ; try++ {
			out := fmt.Sprint(name, try)
			folder = filepath.Join(dir, out)
			pid := filepath.Join(dir, "pid-"+out)
			cmd := shellOnRanks(t, 4, fmt.Sprintf(`[ $rank != %d ] || echo $$ >%q; exec "$@"`, c.rank, pid),
				settings(out)...)
			cmd.Args[slices.Index(cmd.Args, command().Path)] = program
			cmd.Env = append(cmd.Env, "NIN_PATIENCE=10s")
			text.Reset()
			cmd.Stdout, cmd.Stderr = &text, &text
			require.NoError(t, cmd.Start())
			require.Eventually(t, func() bool {
				raw, _ := os.ReadFile(filepath.Join(folder, "metrics.jsonl"))
				return bytes.Contains(raw, []byte(`"step":5,`))
			}, time.Minute, time.Millisecond)
			raw, err := os.ReadFile(pid)
			require.NoError(t, err)
			process, err := strconv.Atoi(strings.TrimSpace(string(raw)))
			require.NoError(t, err)
			sent := syscall.Kill(process, c.sig)
			if cmd.Wait() != nil {
				require.NoError(t, sent)
				break
			} // otherwise the run ended before the signal came
		}
		assert.Regexp(t, c.says, text.String())
		assert.NotContains(t, text.String(), stopping, "mpirun leaves the others no time for a checkpoint")
		assert.LessOrEqual(t, strings.Count(text.String(), "\nstopping: "), 1, text.String())
		resumed, err := onRanks(t, 2, "-resume", folder).CombinedOutput()
		require.NoError(t, err, string(resumed))
		assert.Equal(t, want, metrics(t, folder))
	}
}

// shellOnRanks returns the command on n ranks. On each rank, a shell runs the script does, with the
// rank in $rank and the command as its arguments.
func shellOnRanks(t testing.TB, n int, does string, args ...string) *exec.Cmd {
	cmd := onRanks(t, n, args...)
	shell := []string{"sh", "-c", "rank=${OMPI_COMM_WORLD_RANK-$PMI_RANK}; " + does, "sh"}
	cmd.Args = slices.Insert(cmd.Args, 3, shell...)
	return cmd
}

// BenchmarkScaling compares the model of nin cost with steps of mini on 1, 2 and 4 local ranks that
// share two cores: each rank computes on one core, and four ranks on half a core each. The metrics
// are measured times divided by predicted ones.
//
//	CC=mpicc go test -tags mpi ./cmd/train -run '^$' -bench Scaling -benchtime 3x
func BenchmarkScaling(b *testing.B) {
	const cores, batch, steps = 2, 64, 24
	command := exec.Command("taskset", "-c", "0", "go", "run", "../nin", "cost", "-recipe", "mini", "-batch",
		fmt.Sprint(batch),
		"-ranks", "4", "-network", "40Gb", "-latency", "100us", "-json") // about the speed of their memory
	text, err := command.Output()
	require.NoError(b, err)
	var model report.Scaling
	require.NoError(b, json.Unmarshal(text, &model))
	rate := regexp.MustCompile(`, ([0-9.]+) images/s`)
	ratios := make([]float64, len(model.Rows))
	for b.Loop() {
		for i, row := range model.Rows {
			n := row.Ranks
			cmd := shellOnRanks(b, n, fmt.Sprintf(`exec taskset -c $((rank %% %d)) "$@"`, cores), "-recipe", "mini",
				"-batch", fmt.Sprint(n*batch),
				"-steps", fmt.Sprint(steps), "-train-images", fmt.Sprint(n*batch*steps), "-test-images", fmt.Sprint(n),
				"-out", filepath.Join(b.TempDir(), "run"))
			text, err := cmd.CombinedOutput()
			require.NoError(b, err, string(text))
			var rates []float64
			for _, m := range rate.FindAllSubmatch(text, -1) {
				r, err := strconv.ParseFloat(string(m[1]), 64)
				require.NoError(b, err)
				rates = append(rates, r)
			}
			require.NotEmpty(b, rates, string(text))
			measured := float64(n*batch) / session.Median(rates)
			predicted := row.Weak.Exposed + (row.Weak.Seconds-row.Weak.Exposed)*float64(max(1, n/cores))
			ratios[i] += measured / predicted
			b.Logf("%d ranks: %.0f ms, predicted %.0f ms", n, measured*1e3, predicted*1e3)
		}
	}
	for i, row := range model.Rows {
		b.ReportMetric(ratios[i]/float64(b.N), fmt.Sprintf("measured/predicted-%d-ranks", row.Ranks))
	}
}

// An error on all ranks is reported once, and an error on a single rank names the rank.
func TestMPIErrors(t *testing.T) {
	gputest.Device(t)
	dir := t.TempDir()
	for want, args := range map[string][]string{
		"train: -shards is 2; want at least the number of ranks, 4\n": {"-recipe", "mini", "-data", smallData,
			"-shards", "2", "-out", filepath.Join(dir, "a")},
		"train: -lr is -1; want": {"-lr", "-1"},
		" of 4, on ":             {"-data", "/nowhere"},
	} {
		text, err := onRanks(t, 4, args...).CombinedOutput()
		require.Error(t, err, string(text))
		assert.Contains(t, string(text), want, args)
	}
	assert.NoDirExists(t, filepath.Join(dir, "a"))
	other := t.TempDir() // the same number of images, but the first has another label
	require.NoError(t, os.CopyFS(other, os.DirFS(smallData)))
	labels := filepath.Join(other, "train-labels-idx1-ubyte.gz")
	raw, err := os.ReadFile(labels)
	require.NoError(t, err)
	zipped, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	raw, err = io.ReadAll(zipped)
	require.NoError(t, err)
	raw[8] = (raw[8] + 1) % 10
	var changed bytes.Buffer
	w := gzip.NewWriter(&changed)
	_, err = w.Write(raw)
	require.NoError(t, errors.Join(err, w.Close(), os.WriteFile(labels, changed.Bytes(), 0o644)))
	for does, want := range map[string]string{
		// One line from the rank that fails, and none from the others.
		`[ $rank != 1 ] || set -- "$@" -data /nowhere; exec "$@"`: `(?m)^train: rank 1 of 2, on .*: .*/nowhere`,
		`[ $rank != 1 ] || set -- "$@" -data ` + other +
			`; exec "$@"`: "(?m)^train: rank 1 has other images than rank 0; want the same on all ranks$",
	} {
		text, err := shellOnRanks(t, 2, does, "-recipe", "mini", "-data", smallData, "-batch", "8", "-out",
			filepath.Join(dir, "a")).CombinedOutput()
		require.Error(t, err, string(text))
		assert.Regexp(t, want, string(text))
		assert.Equal(t, 1, strings.Count(string(text), "train: "), string(text))
	}
	assert.NoDirExists(t, filepath.Join(dir, "a"))
}

// If a machine has two adapters of a class, two ranks take one each. Rank 0 reports which ranks
// differ, and that the last bits depend on it. -adapter overrides the choice. SwiftShader comes
// from the cache of .ci/run; without it there is only one adapter.
func TestMPIAdapters(t *testing.T) {
	gputest.Device(t)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	second := filepath.Join(cache, "nin", "swiftshader", "icd.json")
	drivers, err := filepath.Glob("/usr/share/vulkan/icd.d/lvp_icd*.json")
	require.NoError(t, err)
	if _, err := os.Stat(second); err != nil || len(drivers) == 0 {
		t.Skip("want the Vulkan drivers llvmpipe and SwiftShader")
	}
	for adapter, differ := range map[string]bool{"auto": true, "llvmpipe": false} {
		cmd := onRanks(t, 2, "-recipe", "mini", "-data", smallData, "-train-images", "8", "-batch", "8", "-epochs", "1",
			"-test-images", "2",
			"-adapter", adapter, "-out", filepath.Join(t.TempDir(), "run"))
		files := drivers[0] + ":" + second
		cmd.Env = append(cmd.Env, "VK_DRIVER_FILES="+files, "VK_ICD_FILENAMES="+files)
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, string(text))
		const note = "1 of 2 ranks have another adapter than rank 0, so the last bits depend on which rank has which: rank 1 "
		assert.Equal(t, differ, strings.Contains(string(text), note), string(text))
	}
}
