package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin/nintest"
)

// onSmallDisk is a shell script that mounts a disk of the size $1 at $2 and runs the command there
// until it fails. It then makes room and continues the run. It copies what was left after the
// failure, and the final result, beside the disk.
const onSmallDisk = `
size=$1 disk=$2
shift 2
mount -t tmpfs -o "size=$size" none "$disk" || exit 99
"$@" -out "$disk/run" >"$disk.out" 2>"$disk.err"
echo $? >"$disk.code"
cp -r "$disk" "$disk.failed"
mount -o remount,size=64m "$disk"
if [ -e "$disk/run/checkpoint" ]; then
	"$1" -resume "$disk/run"
else
	"$@" -out "$disk/run"
fi && cp -r "$disk/run" "$disk.ended"
`

// TestFullDisk fills the disk at each kind of write of a run. One line reports it, no file is left
// half-written, and the run continues to the same result.
func TestFullDisk(t *testing.T) {
	gputest.Device(t)
	if os.Getpagesize() != 4096 {
		t.Skip("the sizes below assume pages of 4 KiB")
	}
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none",
		t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a disk here: %v: %s", err, out)
	}
	small := []string{
		"-recipe", "mini", "-net", nintest.Small, "-data", smallData, "-test-images", "16", "-momentum", "0.9",
		"-seed", "3",
	}
	for _, run := range []struct {
		args  []string
		sizes map[string]string // of the disk, and the file that does not fit
	}{
		{
			[]string{"-train-images", "32", "-batch", "8", "-epochs", "3", "-tensorboard"},
			// A disk that has room for curves.png also has room for the smaller files after it.
			map[string]string{
				"8k": "events.out.tfevents", "16k": "step-000000000", "28k": "best", "36k": "step-000000004",
				"60k": "curves.png",
			},
		},
		{
			// The lines of 79 steps fill the page that is left. The lock takes one page.
			[]string{"-train-images", "158", "-batch", "2", "-epochs", "1"},
			map[string]string{"20k": "metrics.jsonl"},
		},
	} {
		args := append(small[:len(small):len(small)], run.args...)
		whole := filepath.Join(t.TempDir(), "whole")
		_, stderr, code := train(t, append(args, "-out", whole)...)
		require.Zero(t, code, stderr)
		for size, what := range run.sizes {
			t.Run(size, func(t *testing.T) {
				disk := filepath.Join(t.TempDir(), "disk")
				require.NoError(t, os.Mkdir(disk, 0o755))
				cmd := exec.Command("unshare",
					append([]string{"-rm", "sh", "-c", onSmallDisk, "sh", size, disk, os.Args[0]}, args...)...)
				cmd.Env = command().Env
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, "%s", out)
				read := func(name string) string {
					raw, err := os.ReadFile(disk + name)
					require.NoError(t, err)
					return string(raw)
				}
				assert.Equal(t, "1\n", read(".code"))
				says := read(".err")
				assert.Equal(t, 1, strings.Count(says, "\n"), says)
				assert.Contains(t, says, what)
				assert.Contains(t, says, "no space left on device")
				if _, err := os.Stat(disk + ".failed/run"); err == nil {
					assert.Contains(t, says, "go run ./cmd/train -resume "+disk+"/run")
				}
				for _, pattern := range []string{"run/*", "run/checkpoint/*"} {
					left, err := filepath.Glob(filepath.Join(disk+".failed", pattern))
					require.NoError(t, err)
					for _, path := range left {
						assert.Regexp(t,
							`/(metrics\.jsonl|curves\.png|events\.out\.tfevents\.nin|checkpoint|best\.safetensors|step-\d{9}\.safetensors)$`, path)
					}
				}
				assert.Equal(t, metrics(t, whole), metrics(t, disk+".ended"))
				if slices.Contains(args, "-tensorboard") {
					assert.Equal(t, scalars(t, whole), scalars(t, disk+".ended"))
				}
			})
		}
	}
}
