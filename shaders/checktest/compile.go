package checktest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"wgnin/shaders/check"
)

// Texts returns the WGSL of the cases' kernels, without repetitions.
func Texts(cases []check.Case) []string {
	var texts []string
	for _, c := range distinct(cases) {
		texts = append(texts, c.WGSL)
	}
	return texts
}

// distinct returns the first case of each text.
func distinct(cases []check.Case) []check.Case {
	var first []check.Case
	seen := map[string]bool{}
	for _, c := range cases {
		_, body, _ := strings.Cut(c.WGSL, "\n") // the first line is a comment with the sizes
		if !seen[body] {
			seen[body] = true
			first = append(first, c)
		}
	}
	return first
}

// Compile fails t if one of two compilers that share no code does not accept the texts: naga (wgpu,
// Firefox) or tint (Chromium). If a compiler is not installed, its test is skipped, or fails if
// REQUIRE_WGSL_TOOLS is 1.
func Compile(t *testing.T, texts []string) {
	dir := t.TempDir()
	var files []string
	write := func(name, text string) {
		// Push constants are an extension of wgpu. Only the naga versions of its time support them.
		text = strings.ReplaceAll(text, "var<push_constant>", "var<private>")
		files = append(files, filepath.Join(dir, name+".wgsl"))
		if err := os.WriteFile(files[len(files)-1], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range texts {
		name := "text"
		if words := strings.Fields(text); len(words) > 1 {
			name = strings.ReplaceAll(words[1], "/", "-") // the kernel's name, if the text is a kernel's
		}
		write(fmt.Sprintf("%s-%d", name, i), text)
	}
	write("broken", texts[0]+"fn broken() -> f32 { return 1i; }\n")
	write("right", "fn right() -> f32 { return 1.0; }\n")
	good, broken := slices.Delete(slices.Clone(files), len(texts), len(texts)+1), files[len(texts):]
	t.Logf("%d texts", len(texts))

	for name, find := range map[string]func() (compiler, error){"naga": naga, "tint": tint} {
		t.Run(name, func(t *testing.T) {
			check, err := find()
			demand(t, err)
			if out, err := check(good); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			out, err := check(broken)
			if err == nil || !strings.Contains(out, "broken.wgsl") || strings.Contains(out, "right.wgsl") {
				t.Fatalf("want errors in a float function that returns an integer, and none in a correct one: %v: %s", err, out)
			}
		})
	}
}

// demand skips the test if err is not nil, because a compiler is missing. It fails the test if
// REQUIRE_WGSL_TOOLS is 1.
func demand(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("REQUIRE_WGSL_TOOLS") == "1" {
		t.Fatalf("REQUIRE_WGSL_TOOLS=1: %v", err)
	}
	t.Skip(err)
}

// A compiler returns messages about files, and an error if one is invalid.
type compiler func(files []string) (string, error)

func command(name string, args ...string) compiler {
	return func(files []string) (string, error) {
		out, err := exec.Command(name, append(args[:len(args):len(args)], files...)...).CombinedOutput()
		return string(out), err
	}
}

func naga() (compiler, error) {
	path, err := exec.LookPath("naga")
	return command(path, "--bulk-validate"), err
}

// tint returns the command tint, or else the compiler in Dawn's package for node.
func tint() (compiler, error) {
	path, err := exec.LookPath("tint")
	if err == nil {
		return oneByOne(path), nil
	}
	dir, err := npmDir()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "webgpu")); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("tint is not on PATH, nor installed by npm ci in shaders/conformance/testdata")
	}
	node, err := exec.LookPath("node")
	return command(node, filepath.Join(dir, "tint.mjs")), err
}

// npmDir returns the folder in which npm installs Dawn. Tests run in the folder of their package,
// which is below the module's root.
func npmDir() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "shaders", "conformance", "testdata"), nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("the test is not run in its module")
		}
	}
	return "", err
}

// oneByOne returns a compiler that runs the tint command, which takes one file at a time.
func oneByOne(tint string) compiler {
	return func(files []string) (string, error) {
		outs, errs := make([]string, len(files)), make([]error, len(files))
		parallel(len(files), func(i int) {
			// Without an output file, tint does nothing.
			outs[i], errs[i] = command(tint, "--format", "wgsl", "-o", files[i]+".tint")([]string{files[i]})
		})
		return strings.Join(outs, ""), errors.Join(errs...)
	}
}

// parallel runs each of n tasks once, one on each core at a time.
func parallel(n int, task func(i int)) {
	cores := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i := range n {
		cores <- struct{}{}
		all.Go(func() {
			task(i)
			<-cores
		})
	}
	all.Wait()
}
