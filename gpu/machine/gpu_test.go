package machine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGPU(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		says  string // beginning of the line
	}{
		"none": {map[string]string{"dev/null": ""}, ""},
		"of Windows": {map[string]string{"dev/dxg": "", "dev/dri/renderD128": ""},
			"Windows has a GPU (/dev/dxg), "},
		"NVIDIA's driver": {map[string]string{"dev/nvidia0": "", "dev/nvidiactl": ""},
			"there is an NVIDIA GPU, but its Vulkan driver was not found: "},
		"a virtual display": {map[string]string{"dev/dri/renderD128": "",
			"sys/class/drm/renderD128/device/vendor": "0x1af4\n"}, ""},
		"AMD behind another": {map[string]string{"dev/dri/renderD128": "", "dev/dri/renderD129": "",
			"sys/class/drm/renderD129/device/vendor": "0x1002\n"},
			"there is an AMD GPU (/dev/dri/renderD129), but no Vulkan driver"},
		"Intel": {map[string]string{"dev/dri/renderD128": "",
			"sys/class/drm/renderD128/device/vendor": "0x8086\n"}, "there is an Intel GPU (/dev/dri/renderD128), "},
	} {
		t.Run(name, func(t *testing.T) {
			got := machineOf(t, c.files).gpu()
			assert.Equal(t, c.says == "", got == "", got)
			require.GreaterOrEqual(t, len(got), len(c.says))
			assert.Equal(t, c.says, got[:len(c.says)])
		})
	}
}

func TestGPUOfAnotherGroup(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may open everything")
	}
	h := machineOf(t, map[string]string{"dev/dri/renderD128": "", "sys/class/drm/renderD128/device/vendor": "0x8086\n"})
	require.NoError(t, os.Chmod(filepath.Join(h.root, "dev/dri/renderD128"), 0))
	assert.Contains(t, h.gpu(), "this user may not open /dev/dri/renderD128")
}
