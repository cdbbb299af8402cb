package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/clitest"
	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nin/nintest"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
	"wgnin/nn/tensorboard"
)

// asCommand is the environment variable that turns the test binary into the command itself, so that
// a test can kill it.
const asCommand = "NIN_TEST_AS_COMMAND"

// tied is its value for a command that ends when its stdin closes, and so with the test binary.
const tied = "tied"

func TestMain(m *testing.M) {
	if as := os.Getenv(asCommand); as != "" {
		if as == tied {
			go func() {
				_, _ = io.Copy(io.Discard, os.Stdin)
				os.Exit(1)
			}()
		}
		main()
		return
	}
	// A shell makes the programs that it starts in the background ignore Ctrl-C, and their children
	// inherit this, unless the program catches Ctrl-C itself.
	if signal.Ignored(os.Interrupt) {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	os.Exit(m.Run())
}

const smallData = "../../nn/data/testdata/fashion-mnist"

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// train runs the command to its end.
func train(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// sixty returns the arguments of a run of 60 steps, three epochs of 20, with everything that has
// state: shuffling, dropout, momentum, partial batches and a schedule.
func sixty(out string) []string {
	return []string{
		"-recipe", "mini", "-net", nintest.Small, "-data", smallData, "-train-images", "158", "-batch", "8", "-epochs",
		"3", "-test-images", "16",
		"-checkpoint-every", "7", "-seed", "3", "-tensorboard", "-out", out,
	}
}

// endless is [sixty] with so many epochs that a signal comes before the last one on any machine.
func endless(out string) []string { return append(sixty(out), "-epochs", "99999") }

var times = regexp.MustCompile(`"seconds":[^,]*,"images_per_second":[^}]*`)

// metrics returns the lines of the metrics of a run, without the times.
func metrics(t *testing.T, dir string) []string {
	raw, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(times.ReplaceAllString(string(raw), ""), "\n"), "\n")
}

// scalars returns the scalars in a run's event file, step by step, without the rate.
func scalars(t *testing.T, dir string) (lines []string) {
	events, err := tensorboard.Read(filepath.Join(dir, tensorboard.FileName))
	require.NoError(t, err)
	for _, e := range events {
		for _, s := range e.Scalars {
			if s.Tag != "images_per_second" {
				lines = append(lines, fmt.Sprintf("%d %s %g", e.Step, s.Tag, s.Value))
			}
		}
	}
	return lines
}

// running is a command that was started.
type running struct {
	*exec.Cmd
	t    *testing.T
	out  io.ReadCloser
	read *bufio.Reader // of out
	errs bytes.Buffer
}

// begin starts the command. It is killed when the test ends, or after two minutes.
func begin(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	r := &running{Cmd: cmd, t: t, out: out, read: bufio.NewReader(out)}
	cmd.Stderr = &r.errs
	cmd.Env = append(cmd.Env, asCommand+"="+tied)
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	hangs := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		hangs.Stop()
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return r
}

// until reads what the command prints until lines with these beginnings have come, in this order.
func (r *running) until(beginnings ...string) {
	r.t.Helper()
	for _, b := range beginnings {
		for line := ""; !strings.HasPrefix(line, b); {
			var err error
			line, err = r.read.ReadString('\n')
			require.NoError(r.t, err, "before a line %q: %s", b, &r.errs)
		}
	}
}

// end waits until the command ends, and returns the rest of its output and its exit code.
func (r *running) end() (rest string, code int) {
	r.t.Helper()
	text, err := io.ReadAll(r.read)
	require.NoError(r.t, err)
	_ = r.Wait()
	return string(text), r.ProcessState.ExitCode()
}

// stop sends the command a signal and then waits like end.
func (r *running) stop(sig os.Signal) (rest string, code int) {
	r.t.Helper()
	require.NoError(r.t, r.Process.Signal(sig))
	return r.end()
}

// stopping is what an interrupt prints to stderr.
const stopping = "\nstopping: the step is finished and a checkpoint written; interrupt again to stop at once\n"

// epochs returns the number of epochs in the metrics of a run.
func epochs(t *testing.T, dir string) int {
	return strings.Count(strings.Join(metrics(t, dir), "\n"), `"event":"epoch"`)
}

// sameAsAlone fails t unless the metrics and scalars of each of the endless runs are the beginning
// of those of an undisturbed, longer run.
func sameAsAlone(t *testing.T, dirs ...string) {
	t.Helper()
	most := 0
	for _, dir := range dirs {
		most = max(most, epochs(t, dir))
	}
	whole := filepath.Join(t.TempDir(), "whole")
	alone := begin(t, command(endless(whole)...))
	alone.until(fmt.Sprintf("epoch %d:", most+1))
	_, code := alone.stop(os.Interrupt)
	require.Equal(t, 130, code, &alone.errs)
	for _, dir := range dirs {
		for _, of := range []func(*testing.T, string) []string{metrics, scalars} {
			got, want := of(t, dir), of(t, whole)
			require.NotEmpty(t, got)
			require.GreaterOrEqual(t, len(want), len(got))
			assert.Equal(t, want[:len(got)], got, dir)
		}
	}
}

// TestKillAndResume kills a run of 60 steps at ten random moments after its first step and resumes
// it. Its metrics and hash must be those of an undisturbed run. A run that ends before the kill
// does not count.
func TestKillAndResume(t *testing.T) {
	gputest.Device(t)
	whole := filepath.Join(t.TempDir(), "whole")
	alone := begin(t, command(sixty(whole)...))
	alone.until("step 1/60")
	start := time.Now()
	_, code := alone.end()
	length := time.Since(start)
	require.Zero(t, code, &alone.errs)
	want := metrics(t, whole)
	require.Len(t, want, 1+60+3+1)
	require.Len(t, scalars(t, whole), 60*2+3*2)
	files, err := filepath.Glob(filepath.Join(whole, "checkpoint", "*"))
	require.NoError(t, err)
	assert.Len(t, files, 3, "the last two and the best: %v", files)

	r := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for killed := 0; killed < 10; {
		dir := filepath.Join(t.TempDir(), "killed")
		run := begin(t, command(sixty(dir)...))
		run.until("step 1/60")
		after := time.Duration(r.Int64N(int64(length)))
		kill := time.AfterFunc(after, func() { _ = run.Process.Kill() })
		_, code := run.end()
		kill.Stop()
		if code == 0 {
			continue
		}
		killed++
		_, stderr, code := train(t, "-resume", dir)
		require.Zero(t, code, "killed after %v: %s", after, stderr)
		assert.Equal(t, want, metrics(t, dir), "killed after %v", after)
		assert.Equal(t, scalars(t, whole), scalars(t, dir), "killed after %v", after)
	}
}

// The kernels that llvmpipe compiles quickly for the tests compute the same bits as those that
// users run.
func TestOptimisedCodeHasTheSameBits(t *testing.T) {
	if dev := gputest.Device(t); dev.Adapter().Class != gpu.Software {
		t.Skip("only llvmpipe compiles kernels differently for tests")
	}
	quick, optimised := filepath.Join(t.TempDir(), "quick"), filepath.Join(t.TempDir(), "optimised")
	_, stderr, code := train(t, sixty(quick)...)
	require.Zero(t, code, stderr)
	t.Setenv("GALLIVM_PERF", "")
	_, stderr, code = train(t, sixty(optimised)...)
	require.Zero(t, code, stderr)
	assert.Equal(t, metrics(t, quick), metrics(t, optimised))
}

func TestInterruptAndResume(t *testing.T) {
	gputest.Device(t)
	var dirs []string
	for name, sig := range map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM,
		"HUP": syscall.SIGHUP} {
		dir := filepath.Join(t.TempDir(), "stopped")
		t.Run(name, func(t *testing.T) {
			if sig == syscall.SIGHUP && signal.Ignored(sig) {
				t.Skip("SIGHUP is ignored here, as under nohup, and so in the program")
			}
			run := begin(t, command(endless(dir)...))
			run.until("step 1/")
			rest, code := run.stop(sig)
			assert.Equal(t, 130, code)
			assert.Contains(t, rest, "-resume "+dir)
			again := begin(t, command("-resume", dir))
			again.until("resumed", "epoch ", "epoch ")
			_, code = again.stop(os.Interrupt)
			assert.Equal(t, 130, code)
			dirs = append(dirs, dir)
		})
	}
	sameAsAlone(t, dirs...)
}

// A run under nohup survives the end of its terminal, and every run survives the end of the program
// that reads its output.
func TestGoesOnAlone(t *testing.T) {
	gputest.Device(t)
	dir := filepath.Join(t.TempDir(), "alone")
	cmd := command(endless(dir)...)
	cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	var err error
	cmd.Path, err = exec.LookPath("sh")
	require.NoError(t, err)
	run := begin(t, cmd)
	run.until("step 1/")
	require.NoError(t, run.Process.Signal(syscall.SIGHUP))
	require.NoError(t, run.out.Close())
	before := epochs(t, dir)
	require.Eventually(t, func() bool { return epochs(t, dir) > before+1 }, time.Minute, 5*time.Millisecond,
		"epochs whose lines nobody reads")
	require.NoError(t, run.Process.Signal(os.Interrupt))
	_ = run.Wait()
	assert.Equal(t, 130, run.ProcessState.ExitCode())
	assert.Equal(t, stopping, run.errs.String())
}

// Runs that begin in the same second each get their own folder.
func TestDefaultFolders(t *testing.T) {
	gputest.Device(t)
	data, err := filepath.Abs(smallData)
	require.NoError(t, err)
	out := t.TempDir()
	var commands []*exec.Cmd
	for range 4 {
		cmd := command("-recipe", "mini", "-net", nintest.Small, "-data", data, "-train-images", "8",
			"-test-images", "8", "-batch", "8", "-epochs", "1", "-quiet")
		cmd.Dir = out
		require.NoError(t, cmd.Start())
		commands = append(commands, cmd)
	}
	for _, cmd := range commands {
		assert.NoError(t, cmd.Wait())
	}
	runs, err := filepath.Glob(filepath.Join(out, "runs", "mini-*", "model.safetensors"))
	require.NoError(t, err)
	assert.Len(t, runs, 4)
}

// A run finds its images and its initial weights from whatever folder it is resumed.
func TestPathsAreAbsolute(t *testing.T) {
	gputest.Device(t)
	dir := filepath.Join(t.TempDir(), "run")
	_, stderr, code := train(t, "-recipe", "mini", "-net", nintest.Small, "-data", smallData, "-batch", "8",
		"-train-images", "8", "-epochs", "1", "-out", dir)
	require.Zero(t, code, stderr)
	data := otherData(t)
	t.Chdir(dir)
	again := filepath.Join(t.TempDir(), "again")
	_, stderr, code = train(t, "-recipe", "mini", "-net", nintest.Small, "-data", data, "-batch", "8", "-train-images",
		"8", "-epochs", "1", "-init", "model.safetensors", "-out", again)
	require.Zero(t, code, stderr)
	assert.Contains(t, metrics(t, again)[0], `"init":"`+filepath.Join(dir, "model.safetensors")+`"`)
	_, stderr, code = train(t, "-resume", dir)
	require.Zero(t, code, stderr)
}

func TestResumeRefuses(t *testing.T) {
	gputest.Device(t)
	whole := filepath.Join(t.TempDir(), "run")
	_, stderr, code := train(t, "-recipe", "mini", "-net", nintest.Small, "-data", smallData, "-batch", "16", "-steps",
		"4", "-checkpoint-every", "2", "-out", whole)
	require.Zero(t, code, stderr)
	last := func(t *testing.T, dir string) string {
		paths, err := filepath.Glob(filepath.Join(dir, "checkpoint", "step-*"))
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		return paths[len(paths)-1]
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		flags  []string
		code   int
		says   string
	}{
		"another setting": {flags: []string{"-lr", "1"}, code: 2, says: "-lr with -resume"},
		"more epochs":     {flags: []string{"-epochs", "9"}, code: 2, says: "run/model.safetensors -epochs 9"},
		"another recipe":  {flags: []string{"-recipe", "d2l"}, code: 2, says: "-recipe with -resume"},
		"no run": {damage: func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(dir))
		}, code: 1, says: "has no checkpoint"},
		"bit flipped": {damage: func(t *testing.T, dir string) {
			raw, err := os.ReadFile(last(t, dir))
			require.NoError(t, err)
			raw[len(raw)-9] ^= 4
			require.NoError(t, os.WriteFile(last(t, dir), raw, 0o644))
		}, code: 1, says: "is damaged"},
		"cut short": {damage: func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(last(t, dir), 1000))
		}, code: 1, says: "continue from"},
		"metrics edited": {damage: func(t *testing.T, dir string) {
			path := filepath.Join(dir, "metrics.jsonl")
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, bytes.Replace(raw, []byte(`"lr":0.05`), []byte(`"lr":0.06`), 1),
				0o644))
		}, code: 1, says: "the recipe was changed"},
		"metrics lost": {damage: func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "metrics.jsonl"), 10))
		}, code: 1, says: "safetensors; begin a new run from the checkpoint with -init"},
		"other images": {flags: []string{"-data", "OTHER"}, code: 1, says: "not those the run began with"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
			if c.damage != nil {
				c.damage(t, dir)
			}
			for i, f := range c.flags {
				if f == "OTHER" {
					c.flags[i] = otherData(t)
				}
			}
			_, stderr, code := train(t, append([]string{"-resume", dir}, c.flags...)...)
			assert.Equal(t, c.code, code)
			assert.Contains(t, stderr, c.says)
			assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %q", stderr)
		})
	}
}

// otherData returns a folder with the small dataset, its training and test images exchanged.
func otherData(t *testing.T) string {
	dir := t.TempDir()
	for _, pair := range [][2]string{{"train", "t10k"}, {"t10k", "train"}} {
		for _, kind := range []string{"-images-idx3-ubyte.gz", "-labels-idx1-ubyte.gz"} {
			raw, err := os.ReadFile(filepath.Join(smallData, pair[0]+kind))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, pair[1]+kind), raw, 0o644))
		}
	}
	return dir
}

// Bad input prints one line and leaves nothing behind.
func TestBadInput(t *testing.T) {
	gputest.Device(t)
	weights := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, os.WriteFile(weights, []byte("not weights"), 0o644))
	for args, c := range map[string]struct {
		code int
		says string
	}{
		"-batch 0":                   {2, "want 1 to"},
		"-batch -1":                  {2, "want 1 to"},
		"-batch 1000000000":          {2, "want 1 to"},
		"-batch x":                   {2, "invalid value"},
		"-lr NaN":                    {2, "-lr is NaN"},
		"-lr Inf":                    {2, "want a finite number"},
		"-lr -1":                     {2, "want a finite number"},
		"-momentum 1":                {2, "-momentum is 1"},
		"-dropout 1":                 {2, "-dropout is 1"},
		"-weight-decay -3":           {2, "-weight-decay"},
		"-steps -5":                  {2, "-steps is -5"},
		"-epochs 0":                  {2, "-epochs is 0"},
		"-checkpoint-every 0":        {2, "-checkpoint-every: want a number of steps"},
		"-train-images -1":           {2, "-train-images"},
		"-nonsense":                  {2, "-nonsense"},
		"extra":                      {2, "unexpected argument"},
		"-recipe squeezenet":         {2, "d2l, mini, lin2013"},
		"-recipe d2l -whiten":        {2, "whitening images of [1,224,224], 50176 values; want at most 4096"},
		"-normalise zscore":          {2, "-normalise is \"zscore\"; want unit, dataset, imagenet or numbers: "},
		"-normalise 117/58":          {2, "mean 1 of the normalisation is 117; want 0 to 1"},
		"-normalise imagenet":        {2, "has 3 means and 3 deviations; want 1 of each, for images of 1 channel"},
		"-normalise 0.5/0.5 -whiten": {2, "-normalise is 0.5/0.5: whitening normalises by itself; want unit"},
		"-dataset folder":            {2, "-data is missing; the dataset folder is"},
		"-freeze 9": {2,
			"-freeze is \"9\"; want the beginning of a weight's name; the choices are 0, 2, 4, 7"},
		"-freeze net.": {2, "-freeze is net.; want less: it leaves no layer to learn"},
		"-skip-bad": {2,
			"-skip-bad is for the dataset folder; fashion-mnist has no pictures to leave out"},
		"-class-weights 1,2":          {2, "-class-weights has 2 numbers; want 10, one for each class"},
		"-recipe lenet -dropout 0.5":  {2, "-dropout does nothing with lenet"},
		"-augment flip":               {2, "-augment is \"flip\"; want crop, mirror, or crop,mirror"},
		"-dataset fashion":            {2, "the nearest is fashion-mnist"},
		"-data /nowhere":              {1, "/nowhere"},
		"-adapter voodoo":             {1, "no GPU adapter matches"},
		"-init " + weights:            {1, "w.safetensors"},
		"-init /nowhere.safetensors":  {1, "/nowhere.safetensors"},
		"-out /proc/nowhere":          {1, "/proc/nowhere"},
		"-recipe lin2013 -data SMALL": {1, "cifar"},
	} {
		t.Run(args, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			list := []string{"-recipe", "mini", "-steps", "1", "-out", out}
			if !strings.Contains(args, "-data") {
				list = append(list, "-data", smallData)
			}
			list = append(list, strings.Fields(strings.ReplaceAll(args, "SMALL", smallData))...)
			_, stderr, code := train(t, list...)
			assert.Equal(t, c.code, code, stderr)
			assert.Contains(t, strings.ToLower(stderr), strings.ToLower(c.says))
			assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %q", stderr)
			assert.NoDirExists(t, out)
		})
	}
}

// A network learns one folder of pictures. With a new last layer, its convolutions then serve for
// another folder with other classes. The images of that folder are normalised like the first unless
// a flag says otherwise, and the run prints a note about it.
func TestTransfer(t *testing.T) {
	gputest.Device(t)
	small, _, err := data.Load(t.Context(), "fashion-mnist", data.LoadOptions{Dir: smallData})
	require.NoError(t, err)
	dir := t.TempDir()
	photos := func(name string, classes ...int) string { // seven pictures of each class
		for i, n := 0, map[int]int{}; i < small.Len(); i++ {
			class := small.Label(i)
			if n[class]++; n[class] > 7 || !slices.Contains(classes, class) {
				continue
			}
			folder := filepath.Join(dir, name, small.Classes[class][:2])
			require.NoError(t, os.MkdirAll(folder, 0o755))
			var b bytes.Buffer
			require.NoError(t, png.Encode(&b,
				&image.Gray{Pix: small.Pixels[i*28*28:][:28*28], Stride: 28, Rect: image.Rect(0, 0, 28, 28)}))
			require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprint(i, ".png")), b.Bytes(), 0o644))
		}
		return filepath.Join(dir, name)
	}
	sees := map[string]string{} // normalisation of each run
	weights := func(run string) map[string][]float32 {
		ts, meta, err := safetensors.Read(filepath.Join(run, "model.safetensors"))
		require.NoError(t, err)
		sees[run] = meta["normalisation"]
		all := map[string][]float32{}
		for _, w := range ts {
			all[w.Name] = w.Data
		}
		return all
	}
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	common := []string{"-dataset", "folder", "-batch", "4", "-epochs", "2", "-input", "32x32"}
	_, stderr, code := train(t, append(common, "-data", photos("a", 0, 1, 2), "-out", first)...)
	require.Zero(t, code, stderr)
	stdout, stderr, code := train(t, append(common, "-data", photos("b", 3, 5, 7, 9), "-out", second,
		"-init", filepath.Join(first, "model.safetensors"), "-freeze", "0,1,4,5,8,9,12,13,16,17")...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout,
		"net.23.weight [4 256], net.23.bias [4] start at random; not used: net.23.weight [3 256], net.23.bias [3]")
	assert.Contains(t, stdout, "parameters (1028 of them trainable)")
	before := weights(first)
	for name, w := range weights(second) {
		if strings.HasPrefix(name, "net.23.") {
			assert.NotEqual(t, before[name], w, name)
		} else {
			assert.Equal(t, before[name], w, name)
		}
	}
	assert.Equal(t, sees[first], sees[second])
	assert.Contains(t, stdout, fmt.Sprintf("images are normalised by %s of %s, which the frozen layers come from",
		sees[first], filepath.Join(first, "model.safetensors")))
	assert.Contains(t, metrics(t, second)[0], fmt.Sprintf(`"normalise":%q`, sees[first]))

	third := filepath.Join(dir, "third")
	stdout, stderr, code = train(t,
		append(common, "-data", photos("b", 3, 5, 7, 9), "-out", third, "-epochs", "1", "-normalise", "dataset",
			"-init", filepath.Join(first, "model.safetensors"), "-freeze", "0,1")...)
	require.Zero(t, code, stderr)
	weights(third)
	assert.NotEqual(t, sees[first], sees[third])
	assert.Contains(t, stdout, fmt.Sprintf("was trained on images normalised by %s; here they are by %s", sees[first],
		sees[third]))

	// If the images of the file had another number of channels, the error names the file.
	ts, meta, err := safetensors.Read(filepath.Join(first, "model.safetensors"))
	require.NoError(t, err)
	meta["normalisation"] = "0.5,0.5,0.5/0.2,0.2,0.2"
	colour := filepath.Join(dir, "colour.safetensors")
	require.NoError(t, safetensors.Write(colour, ts, meta))
	_, stderr, code = train(t, append(common, "-data", photos("b", 3, 5, 7, 9), "-out", filepath.Join(dir, "fourth"),
		"-init", colour, "-freeze", "0,1")...)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr,
		"images are normalised by 0.5,0.5,0.5/0.2,0.2,0.2 of "+colour+", which the frozen layers come from: ")
	assert.Contains(t, stderr, "want 1 of each, for images of 1 channel\n")
	assert.NoDirExists(t, filepath.Join(dir, "fourth"))
}

func TestHelpAndFiles(t *testing.T) {
	gputest.Device(t)
	stdout, stderr, code := train(t, "-help")
	assert.Zero(t, code)
	assert.Empty(t, stderr)
	for _, f := range []string{"-recipe", "-dataset", "-data", "-adapter", "-epochs", "-steps", "-batch", "-lr",
		"-momentum", "-weight-decay",
		"-dropout", "-augment", "-whiten", "-seed", "-train-images", "-test-images", "-shuffle", "-init", "-out",
		"-resume", "-checkpoint-every", "-profile",
		"-patience", "-tensorboard", "-quiet", "-v", "Examples"} {
		assert.Contains(t, stdout, f)
	}
	stdout, _, _ = train(t, "-recipe", "lin2013", "-help")
	assert.Contains(t, stdout, "(default 307)", "the recipe's epochs")

	dir := filepath.Join(t.TempDir(), "run")
	stdout, stderr, code = train(t, "-recipe", "mini", "-data", smallData, "-batch", "16", "-train-images", "40",
		"-epochs", "1", "-profile", "-out", dir)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, "test accuracy")
	assert.Contains(t, stdout, "conv2d/dw", "the profile")
	lines := metrics(t, dir)
	var events []string
	for _, l := range lines {
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(l, ",}", "}")), &e), l)
		events = append(events, e["event"].(string))
	}
	assert.Equal(t, []string{"run", "step", "step", "step", "epoch", "end"}, events)
	assert.Contains(t, lines[3], `"images":8`, "the last batch is partial")
	assert.FileExists(t, filepath.Join(dir, "model.safetensors"))

	_, stderr, code = train(t, "-recipe", "mini", "-data", smallData, "-steps", "1", "-out", dir)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "holds a run already")
}

// Ctrl-C during a download reports that training had not begun.
func TestInterruptDownload(t *testing.T) {
	gputest.Device(t)
	if _, err := os.Stat("/usr/share/datasets/mnist"); err == nil {
		t.Skip("mnist is installed here and not downloaded")
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:0") // it never answers
	require.NoError(t, err)
	defer proxy.Close()
	dir := t.TempDir()
	cmd := command("-dataset", "mnist", "-out", filepath.Join(dir, "run"))
	cmd.Env = append(cmd.Env, "HTTPS_PROXY=http://"+proxy.Addr().String(), "HTTP_PROXY=http://"+proxy.Addr().String(),
		"NO_PROXY=",
		"XDG_CACHE_HOME="+dir, "HOME="+dir, "NIN_DATA=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	require.NoError(t, proxy.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)))
	asked, err := proxy.Accept()
	require.NoError(t, err)
	defer asked.Close()
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	_ = cmd.Wait()
	assert.Equal(t, 130, cmd.ProcessState.ExitCode())
	assert.Contains(t, stderr.String(), "stopped before training began")
	assert.NoDirExists(t, filepath.Join(dir, "run"))
}

// If the driver aborts, the run continues in the same process and reaches the same metrics.
func TestAbort(t *testing.T) {
	gputest.Device(t)
	dir := filepath.Join(t.TempDir(), "aborted")
	run := begin(t, command(endless(dir)...))
	run.until("step 1/")
	for range 2 {
		run.until("epoch ")
		require.NoError(t, run.Process.Signal(syscall.SIGABRT))
		run.until("adapter", "resumed")
	}
	run.until("epoch ")
	_, code := run.stop(os.Interrupt)
	assert.Equal(t, 130, code)
	assert.Equal(t,
		strings.Repeat("train: aborted, for the reason above; continuing from the last checkpoint in "+dir+"\n",
			2)+stopping,
		run.errs.String())
	sameAsAlone(t, dir)
}

func TestAbsurdFlags(t *testing.T) {
	help, _, _ := train(t, "-help")
	clitest.Absurd(t, "train", help, func(args []string) error { return execute(args, nil) }, "-data", "/nowhere",
		"-adapter", "nowhere", "-steps", "1")
}

// Ranks on a machine take turns over the discrete GPUs, even of different makers, and leave an
// integrated GPU and the processor alone.
func TestAdapterOfARank(t *testing.T) {
	a := func(name string, class gpu.Class, backend string) gpu.Adapter {
		return gpu.Adapter{Name: name, Class: class, Backend: backend}
	}
	cpu, chip := a("llvmpipe", gpu.Software, "vulkan"), a("Iris", gpu.Integrated, "vulkan")
	card, other, again := a("Radeon", gpu.Discrete, "vulkan"), a("GeForce", gpu.Discrete, "vulkan"),
		a("Radeon", gpu.Discrete, "d3d12")
	for _, c := range []struct {
		all  []gpu.Adapter
		want []string // of ranks 0, 1 and 2
	}{
		{nil, []string{"auto", "auto", "auto"}},
		{[]gpu.Adapter{cpu}, []string{"auto", "auto", "auto"}},
		{[]gpu.Adapter{card, chip, cpu}, []string{"auto", "auto", "auto"}},
		{[]gpu.Adapter{card, other, chip, cpu}, []string{"Radeon", "GeForce", "Radeon"}},
		{[]gpu.Adapter{card, again, cpu}, []string{"auto", "auto", "auto"}},
	} {
		for rank, want := range c.want {
			assert.Equal(t, want, adapterOf(rank, c.all), "rank %d among %v", rank, c.all)
		}
	}
}
