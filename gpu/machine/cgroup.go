package machine

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// version holds the file names of one version of control groups
// (Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst of Linux).
type version struct {
	limits []string // each holds a number of bytes, or max
	usage  string
	cache  []string // keys in memory.stat of memory that the kernel can reclaim
}

var (
	v1 = version{[]string{"memory.limit_in_bytes"}, "memory.usage_in_bytes",
		[]string{"total_inactive_file", "total_active_file"}}
	v2 = version{[]string{"memory.max", "memory.high"}, "memory.current", []string{"inactive_file", "active_file"}}
)

// groupFree returns how many bytes the process may still allocate under the limits of its control
// group, such as a container's, and of the groups above it. Without a limit it returns the largest
// int64.
func (h host) groupFree() int64 {
	free := int64(math.MaxInt64)
	for line := range strings.Lines(h.read("proc/self/mountinfo")) {
		before, after, _ := strings.Cut(line, " - ")
		mount, fs := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(fs) < 3 {
			continue
		}
		switch {
		case fs[0] == "cgroup2":
			free = min(free, h.freeOf(v2, mount[4], mount[3], h.group("")))
		case fs[0] == "cgroup" && slices.Contains(strings.Split(fs[2], ","), "memory"):
			free = min(free, h.freeOf(v1, mount[4], mount[3], h.group("memory")))
		}
	}
	return free
}

// group returns the path of the process's group in the hierarchy of a controller. Version 2
// has one hierarchy, whose controller is "".
func (h host) group(controller string) string {
	for line := range strings.Lines(h.read("proc/self/cgroup")) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && slices.Contains(strings.Split(parts[1], ","), controller) {
			return parts[2]
		}
	}
	return "/"
}

// freeOf returns how many bytes the group at path and the groups above it may still allocate. The
// folder mount shows the hierarchy from the group root downwards.
func (h host) freeOf(v version, mount, root, path string) int64 {
	dir := mount
	if rel, err := filepath.Rel(root, path); err == nil && !strings.HasPrefix(rel, "..") {
		dir = filepath.Join(mount, rel)
	}
	if _, err := os.Stat(filepath.Join(h.root, dir)); err != nil { // the namespace hides the group
		dir = mount
	}
	free := int64(math.MaxInt64)
	for ; strings.HasPrefix(dir, mount); dir = filepath.Dir(dir) {
		for _, name := range v.limits {
			limit, err1 := h.number(filepath.Join(dir, name))
			usage, err2 := h.number(filepath.Join(dir, v.usage))
			if err1 != nil || err2 != nil {
				continue
			}
			for _, key := range v.cache {
				cached, _ := h.value(filepath.Join(dir, "memory.stat"), key)
				usage -= cached
			}
			free = min(free, max(limit-max(usage, 0), 1))
		}
		if dir == "/" {
			break
		}
	}
	if free > unlimited {
		return math.MaxInt64
	}
	return free
}

// unlimited is above any real limit. Without a limit, version 1 reports the largest number of
// pages.
const unlimited = 1 << 60

func (h host) number(path string) (int64, error) {
	return strconv.ParseInt(strings.TrimSpace(h.read(path)), 10, 64)
}
