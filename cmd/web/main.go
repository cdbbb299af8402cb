// Command web builds and serves a page that trains networks in the browser, on the visitor's
// own GPU.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"wgnin/cmd/internal/cli"
)

const help = `Web builds a page that trains networks in a browser, on the visitor's own GPU, and
serves it until Ctrl-C. It serves only the files of the page: the program as
WebAssembly, a few scripts, and Fashion-MNIST.

Usage: go run ./cmd/web [flags]

Examples:
  go run ./cmd/web                    then open http://127.0.0.1:8080
  go run ./cmd/web -o site            write a folder for any host of static files

The address of the page can contain settings, and start=1 to begin at once:
  http://127.0.0.1:8080/?recipe=mini&steps=50&seed=1&images=2000&start=1
With selftest=conv2d, the self-test runs only the cases that have conv2d in their name
or size.

Flags:
`

func main() { cli.Exit("web", execute(os.Args[1:])) }

func execute(args []string) error {
	fs := flag.NewFlagSet("web", flag.ContinueOnError)
	addr := fs.String("addr", "127.0.0.1:8080",
		"`address` to serve on; with one such as :8080, other machines on the network can load the page too")
	out := fs.String("o", "", "write the page to this `folder` instead of serving it")
	dir := fs.String("data", "", "`folder` with the files of Fashion-MNIST (default: where train finds them)")
	if err := cli.Parse(fs, os.Stdout, help, args); err != nil {
		return err
	}
	ctx := cli.Interruptible("the server is stopped")
	s, err := build(ctx, *dir)
	if err != nil {
		return err
	}
	if *out != "" {
		return s.write(*out)
	}
	return serve(ctx, *addr, s)
}

// serve serves the site until ctx is done.
func serve(ctx context.Context, addr string, s site) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	fmt.Printf("page     http://%s (Ctrl-C stops)\n", listener.Addr())
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
