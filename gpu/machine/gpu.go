package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// GPU returns a line that names the system's GPU and the driver that may be missing. The line is
// empty if no GPU is found, and always on systems other than Linux.
func GPU() string { return here.gpu() }

func (h host) gpu() string {
	if h.has("dev/dxg") {
		return "Windows has a GPU (/dev/dxg), but no Vulkan driver for it was found: Mesa's is dzn, in the mesa-vulkan-drivers of newer distributions"
	}
	if h.has("dev/nvidiactl") || h.has("dev/nvidia0") {
		return "there is an NVIDIA GPU, but its Vulkan driver was not found: install nvidia-vulkan-icd on Debian, libnvidia-gl-VERSION on Ubuntu; " +
			"in a container set NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility"
	}
	nodes, _ := filepath.Glob(filepath.Join(h.root, "dev/dri/renderD*")) // the pattern is valid
	for _, node := range nodes {
		maker,
			known := makers[strings.TrimSpace(h.read(filepath.Join("sys/class/drm", filepath.Base(node),
			"device/vendor")))]
		if !known {
			continue
		}
		path := "/dev/dri/" + filepath.Base(node)
		f, err := os.OpenFile(node, os.O_RDWR, 0)
		switch {
		case errors.Is(err, fs.ErrPermission):
			return fmt.Sprintf("there is an %s GPU, but this user may not open %s: join its group, which is render on most systems, and log in again", maker, path)
		case err != nil:
			continue
		}
		_ = f.Close() // nothing was written
		return fmt.Sprintf("there is an %s GPU (%s), but no Vulkan driver for it was found: install Mesa's, mesa-vulkan-drivers on Debian, Ubuntu and Fedora", maker, path)
	}
	return ""
}

// makers names the makers of GPUs by their PCI vendor IDs. The display of a virtual machine
// has another vendor.
var makers = map[string]string{"0x8086": "Intel", "0x1002": "AMD", "0x10de": "NVIDIA"}

func (h host) has(path string) bool {
	_, err := os.Stat(filepath.Join(h.root, path))
	return err == nil
}
