package checktest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wgnin/shaders/check"
)

// doubles is valid WGSL for naga and can be translated to HLSL, but not to MSL, because Metal has
// no 64-bit floats.
const doubles = `@group(0) @binding(0) var<storage, read_write> y : array<f32>;
@compute @workgroup_size(1)
fn main() { y[0] = f32(f64(y[1])); }
`

// Translate translates the kernels with naga to HLSL, for Direct3D 12, and to MSL, for Metal, as
// wgpu does. It fails t for each kernel that does not translate. It logs the workgroup memory of
// each kernel that has any, which both translations clear at the start of every workgroup. It
// leaves out kernels with push constants, because they run only on llvmpipe. If naga is not
// installed, the test is skipped, or fails if REQUIRE_WGSL_TOOLS is 1.
func Translate(t *testing.T, cases []check.Case) {
	path, err := exec.LookPath("naga")
	demand(t, err)

	kernels := slices.DeleteFunc(distinct(cases), func(c check.Case) bool {
		return strings.Contains(c.WGSL, "var<push_constant>")
	})
	t.Logf("%d texts", len(kernels))

	dir := t.TempDir()
	kernels = append(kernels, check.Case{Kernel: "doubles", WGSL: doubles})
	hlsl, errs := make([]string, len(kernels)), make([]error, len(kernels))
	parallel(len(kernels), func(i int) {
		hlsl[i], errs[i] = translate(path, filepath.Join(dir, strconv.Itoa(i)), kernels[i].WGSL)
	})
	last := len(kernels) - 1
	if errs[last] == nil {
		t.Error("a kernel of 64-bit floats is translated to MSL, which has none")
	}

	logged := map[string]bool{}
	for i, c := range kernels[:last] {
		if errs[i] != nil {
			t.Errorf("%s %s: %v", c.Kernel, c.Detail, errs[i])
			continue
		}
		bytes, err := sharedBytes(hlsl[i])
		if err != nil {
			t.Errorf("%s %s: %v", c.Kernel, c.Detail, err)
		}
		if bytes != c.SharedBytes {
			t.Errorf("%s %s: the text declares %d bytes of workgroup memory; SharedBytes is %d", c.Kernel, c.Detail,
				bytes, c.SharedBytes)
		}
		line := fmt.Sprintf("%s, %s: %d bytes of workgroup memory", c.Kernel, c.Variant, bytes)
		if bytes > 0 && !logged[line] {
			logged[line] = true
			t.Log(line)
		}
	}
}

// translate returns the text's HLSL. The names of the files that it writes begin with stem.
func translate(naga, stem, text string) (hlsl string, err error) {
	if err := os.WriteFile(stem+".wgsl", []byte(text), 0o644); err != nil {
		return "", err
	}
	// Shader model 5.1 is the last that FXC, the compiler in Windows, supports.
	out, err := command(naga, "--shader-model", "51")([]string{stem + ".wgsl", stem + ".hlsl", stem + ".metal"})
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	b, err := os.ReadFile(stem + ".hlsl")
	return string(b), err
}

var (
	groupShared = regexp.MustCompile(`(?m)^groupshared (.*);$`)
	declaration = regexp.MustCompile(`^(?:float|u?int)([234]?) \w+((?:\[\d+\])*)$`)
	length      = regexp.MustCompile(`\d+`)
)

// sharedBytes returns the bytes of workgroup memory that the HLSL declares. It supports scalars and
// vectors of four-byte elements, and arrays of them.
func sharedBytes(hlsl string) (int, error) {
	sum := 0
	for _, m := range groupShared.FindAllStringSubmatch(hlsl, -1) {
		parts := declaration.FindStringSubmatch(m[1])
		if parts == nil {
			return 0, fmt.Errorf("workgroup memory of an unknown type: %s", m[0])
		}
		bytes := 4
		for _, n := range append(length.FindAllString(parts[2], -1), length.FindAllString(parts[1], -1)...) {
			factor, err := strconv.Atoi(n)
			if err != nil {
				return 0, err
			}
			bytes *= factor
		}
		sum += bytes
	}
	return sum, nil
}
