// Wasm runs a Go program built for GOOS=js in a worker of a headless Chromium, with WebGPU:
//
//	GOOS=js GOARCH=wasm go test -exec "$PWD/wasm" ./gpu
//
// It passes on the output and the exit code of the program. The program has no file system.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/chromedp/chromedp"

	"wgnin/cmd/internal/browser"
)

//go:embed index.html worker.js
var site embed.FS

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: wasm PROGRAM.wasm [argument...]")
		os.Exit(2)
	}
	code, err := run(os.Args[1], os.Args[2:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wasm:", err)
		code = 1
	}
	os.Exit(code)
}

// run runs the program, writes its output to w, and returns its exit code.
func run(program string, args []string, w io.Writer) (code int, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return 0, fmt.Errorf("go env GOROOT: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(site))
	mux.HandleFunc("/program.wasm", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, program) })
	mux.HandleFunc("/wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	})
	mux.HandleFunc("/start.json", func(w http.ResponseWriter, _ *http.Request) {
		env := map[string]string{}
		for _, name := range []string{"REQUIRE_GPU", "NIN_ADAPTER", "NIN_PORTABLE", "NIN_LONG"} {
			if value, ok := os.LookupEnv(name); ok {
				env[name] = value
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"argv": append([]string{program}, args...), "env": env})
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	tab, cancel, err := browser.Open(context.Background())
	if err != nil {
		return 0, err
	}
	defer cancel()
	console := chromedp.Console(tab)
	if err := chromedp.Do(tab, chromedp.Navigate(server.URL)); err != nil {
		return 0, err
	}
	// The page logs the program's output at the level log, and its exit code at the level info.
	for m, err := range console {
		if err != nil {
			return 0, err
		}
		switch end, ok := strings.CutPrefix(m.Text, "exit "); {
		case m.Type == chromedp.ConsoleLog:
			if _, err := io.WriteString(w, m.Text); err != nil {
				return 0, err
			}
		case m.Type == chromedp.ConsoleInfo && ok:
			return strconv.Atoi(end)
		default:
			fmt.Fprintln(os.Stderr, m.Text)
		}
	}
	return 0, errors.New("the browser exited before the program")
}
