package machine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// machineOf makes a machine with the given files, a map from path to text.
func machineOf(t *testing.T, files map[string]string) host {
	t.Helper()
	h := host{t.TempDir()}
	for path, text := range files {
		path = filepath.Join(h.root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return h
}

const (
	mounted2 = "30 23 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	mounted1 = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" +
		"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" +
		"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
	meminfo = "MemTotal:       24684404 kB\nMemFree:          200000 kB\nMemAvailable:    2000000 kB\n"
)

func TestFree(t *testing.T) {
	const MB = 1 << 20
	for name, c := range map[string]struct {
		files map[string]string
		free  int64
		heap  int64 // Go's limit
	}{
		"nothing is known": {map[string]string{}, 0, 0},
		"no groups":        {map[string]string{"proc/meminfo": meminfo}, 2000000 * 1024, 0},
		"version 2, no limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/mountinfo": mounted2, "proc/self/cgroup": "0::/user.slice\n",
			"sys/fs/cgroup/user.slice/memory.max": "max\n", "sys/fs/cgroup/user.slice/memory.current": "1048576\n",
		}, 2000000 * 1024, 0},
		"version 2, in a namespace": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/mountinfo": mounted2, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "314572800\n", "sys/fs/cgroup/memory.high": "max\n",
			"sys/fs/cgroup/memory.current": "104857600\n",
			"sys/fs/cgroup/memory.stat":    "anon 1\nfile 3\ninactive_file 10485760\nactive_file 5242880\n",
		}, 215 * MB, 215 * MB / 3},
		"version 2, less above than below": {map[string]string{
			"proc/self/mountinfo": mounted2, "proc/self/cgroup": "0::/pod/a\n",
			"sys/fs/cgroup/pod/a/memory.max": "1073741824\n", "sys/fs/cgroup/pod/a/memory.current": "0\n",
			"sys/fs/cgroup/pod/memory.max": "max\n", "sys/fs/cgroup/pod/memory.high": "104857600\n",
			"sys/fs/cgroup/pod/memory.current": "52428800\n",
		}, 50 * MB, leastHeap},
		"version 2, outside the mounted part": {map[string]string{
			"proc/self/mountinfo": mounted2, "proc/self/cgroup": "0::/../../pod/b\n",
			"sys/fs/cgroup/memory.max": "104857600\n", "sys/fs/cgroup/memory.current": "0\n",
		}, 100 * MB, leastHeap},
		"version 1, no limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/mountinfo": mounted1, "proc/self/cgroup": "4:memory:/a\n0::/\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/a/memory.usage_in_bytes": "1048576\n",
		}, 2000000 * 1024, 0},
		"version 1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/mountinfo": mounted1,
			"proc/self/cgroup": "4:memory:/a/b\n1:cpu,cpuacct:/\n0::/\n",
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/a/b/memory.usage_in_bytes": "1048576\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes":   "104857600\n",
			"sys/fs/cgroup/memory/a/memory.usage_in_bytes":   "20971520\n",
			"sys/fs/cgroup/memory/a/memory.stat":             "inactive_file 1\ntotal_inactive_file 1048576\ntotal_active_file 1048576\n",
		}, 82 * MB, leastHeap},
		"version 1, in a container that sees its own group": {map[string]string{
			"proc/self/mountinfo":                        "35 31 0:32 /docker/0123 /sys/fs/cgroup/memory ro - cgroup memory rw,memory\n",
			"proc/self/cgroup":                           "4:memory:/docker/0123\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "104857600\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "0\n",
		}, 100 * MB, leastHeap},
		"used up": {map[string]string{
			"proc/self/mountinfo": mounted2, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "2000\n",
		}, 1, leastHeap},
	} {
		t.Run(name, func(t *testing.T) {
			h := machineOf(t, c.files)
			assert.Equal(t, c.free, h.free())
			assert.Equal(t, c.heap, h.heapLimit())
		})
	}
}
