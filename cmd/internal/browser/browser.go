// Package browser opens pages in a headless Chromium with WebGPU, for tests.
package browser

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// ErrNone is the error that Open returns if there is no Chromium.
var ErrNone = errors.New("no Chromium: install Debian's chromium, or name the program in $NIN_CHROMIUM")

// program returns the path of Chromium.
func program() (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if name := os.Getenv("NIN_CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNone
}

// Find skips the test if there is no Chromium, or fails it if REQUIRE_GPU is 1.
func Find(t testing.TB) {
	t.Helper()
	if _, err := program(); err != nil {
		if os.Getenv("REQUIRE_GPU") == "1" {
			t.Fatalf("REQUIRE_GPU=1: %v", err)
		}
		t.Skip(err)
	}
}

// Open starts Chromium with its own software driver, SwiftShader, as the only adapter, and opens an
// empty tab. Pass the context to chromedp's actions. cancel ends Chromium.
func Open(ctx context.Context) (_ context.Context, cancel context.CancelFunc, err error) {
	path, err := program()
	if err != nil {
		return nil, nil, err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("enable-unsafe-webgpu", true),
		chromedp.Flag("enable-features", "Vulkan"),
		chromedp.Flag("use-webgpu-adapter", "swiftshader"),
		// Let SwiftShader composite the page too. Otherwise the GPU process exits when a device
		// draws to a canvas, or the canvas stays white.
		chromedp.Flag("use-vulkan", "swiftshader"),
		chromedp.Flag("use-angle", "vulkan"),
		chromedp.Flag("enable-unsafe-swiftshader", true),
		// The camera shows a test picture and needs no permission.
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox does not work for root
	}
	allocator, stop := chromedp.NewExecAllocator(ctx, options...)
	tab, closeTab := chromedp.NewContext(allocator)
	cancel = func() {
		closeTab()
		stop()
	}
	if err := chromedp.Do(tab); err != nil {
		cancel()
		return nil, nil, err
	}
	return tab, cancel, nil
}
