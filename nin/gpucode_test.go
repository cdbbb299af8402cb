package nin_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nin"
)

// amdGPU has the limits that RADV reports for AMD's GPUs of the last ten years.
var amdGPU = gpu.Adapter{
	Name: "an AMD GPU", Driver: "RADV", Backend: "vulkan", Class: gpu.Discrete,
	Limits: gpu.Limits{
		MaxBufferBytes: 2 << 30, MaxBindingBytes: 2 << 30, MaxUniformBytes: 64 << 10, MaxGroupsPerDim: 65535,
		MaxGroupSize: 1024, MaxSharedBytes: 64 << 10, OffsetAlign: 64, MaxStorageBuffers: 30,
	},
}

// TestGPUCode compiles every kernel of a training step of the chapter's network with Mesa's
// compiler for AMD GPUs, for a recent chip or, with NIN_LONG=1, for chips of four generations. No
// kernel may spill registers.
//
// RADV compiles for chips that are absent, so the test needs no GPU. It needs naga, a C compiler,
// the headers of Vulkan and the driver. The table of the newest chip is a golden file; go test
// ./nin -run GPUCode -update rewrites it. naga clamps the indices of arrays but not those of
// buffers, as the program does on a driver with robust buffer access. naga 28 and later add some
// scalar instructions to bound each loop; the program's naga does not.
func TestGPUCode(t *testing.T) {
	driver := "/usr/share/vulkan/icd.d/radeon_icd.json"
	for _, path := range []string{driver, "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json"} {
		if _, err := os.Stat(path); err == nil {
			driver = path
		}
	}
	dir := t.TempDir()
	compiler := filepath.Join(dir, "gpucompile")
	build, err := exec.Command("cc", "-O1", "-o", compiler, "testdata/gpucompile.c", "-lvulkan").CombinedOutput()
	_, noNaga := exec.LookPath("naga")
	_, noDriver := os.Stat(driver)
	if err != nil || noNaga != nil || noDriver != nil {
		why := fmt.Sprint("needs a C compiler and Vulkan's headers, naga and RADV: ", string(build), err,
			noNaga, noDriver)
		if os.Getenv("REQUIRE_WGSL_TOOLS") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	r, err := nin.Find("d2l")
	require.NoError(t, err)
	kernels := dryTrainer(t, amdGPU, r.Net(10, r.Dropout), r.In, r.Hyper).Kernels()
	var files []string
	for i, k := range kernels {
		wgsl, spv := filepath.Join(dir, fmt.Sprintf("%d.wgsl", i)), filepath.Join(dir, fmt.Sprintf("%d.spv", i))
		require.NoError(t, os.WriteFile(wgsl, []byte(k.WGSL), 0o644))
		out, err := exec.Command("naga", "--index-bounds-check-policy", "Restrict", "--buffer-bounds-check-policy",
			"Unchecked", wgsl, spv).CombinedOutput()
		require.NoError(t, err, "%s %s: %s", k.Name, k.Detail, out)
		files = append(files, spv)
	}
	chips := []string{"navi31"}
	if gputest.Long() {
		chips = append(chips, "vega10", "gfx1201", "navi21")
	}
	for _, chip := range chips {
		cmd := exec.Command(compiler, files...)
		cmd.Env = append(os.Environ(), "RADV_FORCE_FAMILY="+chip, "VK_DRIVER_FILES="+driver, "VK_ICD_FILENAMES="+driver,
			"MESA_SHADER_CACHE_DIR="+dir)
		out, err := cmd.Output()
		require.NoError(t, err, chip)
		device, texts, _ := strings.Cut(string(out), "\n")
		codes := strings.Split(texts, "file ")[1:]
		require.Len(t, codes, len(kernels), chip)
		table := fmt.Sprintf("%s\n%-34s %-60s %5s %5s %5s %9s\n", device, "kernel", "shape", "VGPRs", "LDS",
			"waves", "FMA/loop")
		for i, text := range codes {
			c, k := readCode(text), kernels[i]
			assert.Zero(t, c.stat["Spilled VGPRs"]+c.stat["Spilled SGPRs"]+c.stat["Scratch size"], "%s: %s %s spills",
				chip, k.Name, k.Detail)
			table += fmt.Sprintf("%-34s %-60s %5d %5d %5d %5d/%d\n", k.Name, k.Detail, c.stat["VGPRs"],
				c.stat["LDS size"], c.stat["Subgroups per SIMD"], c.fma, c.loop)
		}
		if chip != "navi31" {
			continue
		}
		t.Log("\n" + table)
		path := "testdata/plans/navi31.txt"
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(table), 0o644))
		}
		golden, err := os.ReadFile(path)
		require.NoError(t, err)
		if was, _, _ := strings.Cut(string(golden), "\n"); was == device { // another compiler makes other code
			assert.Equal(t, string(golden), table)
		} else {
			t.Logf("not compared with the golden file, which is of %s", was)
		}
	}
}

// machineCode is what a driver reports about a kernel.
type machineCode struct {
	stat map[string]int
	// Both count in the stretch of code without jumps that has the most multiply-adds, which is the
	// inner loop: fma counts multiply-adds, and loop counts all instructions.
	fma, loop int
}

var (
	statistic = regexp.MustCompile(`(?:statistics|;) ([A-Za-z -]+)=(\d+)`)
	multiply  = regexp.MustCompile(`v_(dual_)?fma[ck]?_?[a-z0-9_]*f32|v_pk_fma_f32|v_ma[cd]_f32`)
)

func readCode(text string) machineCode {
	c := machineCode{stat: map[string]int{}}
	for _, m := range statistic.FindAllStringSubmatch(text, -1) {
		c.stat[m[1]], _ = strconv.Atoi(m[2])
	}
	_, code, _ := strings.Cut(text, "BB0:") // a dual instruction is two multiply-adds on one line
	for _, block := range regexp.MustCompile(`(?m)^BB\d+:$`).Split(code, -1) {
		fma := len(multiply.FindAllString(block, -1))
		if fma > c.fma {
			c.fma, c.loop = fma, strings.Count(block, "\n\t")
		}
	}
	return c
}
