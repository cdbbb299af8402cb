// Command train trains a Network in Network on any GPU, or on the processor
// through a software Vulkan driver.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/gpu"
	"wgnin/nin"
)

func main() {
	err := run(os.Args[1:])
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled): // said already
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(cli.Code(err))
	}
}

const help = `Train trains a Network in Network and leaves a run's files in -out:
metrics.jsonl (a line for each step and epoch), model.safetensors (PyTorch's
names; loads with load_state_dict) and checkpoint/ (from which -resume goes on,
to the same bits).

Usage: go run ./cmd/train [flags]

Recipes:
%s
Examples:
  go run ./cmd/train                                 the recipe that suits the adapter
  go run ./cmd/train -recipe d2l -steps 3            three steps of the chapter's run
  go run ./cmd/train -adapter cpu -epochs 1 -seed 7  on the processor, one epoch
  go run ./cmd/train -resume runs/mini-20260102-1504  go on with a run that stopped

Flags (without them, the recipe's setting, which -recipe NAME -help shows):
`

func run(args []string) error {
	fs := flag.NewFlagSet("train", flag.ContinueOnError)
	flags := runflags.New(fs)
	if err := cli.Parse(fs, os.Stdout, fmt.Sprintf(help, runflags.Recipes()), args); err != nil {
		return err
	}
	if err := flags.Check(); err != nil {
		return err
	}
	dev, err := gpu.Open(gpu.Options{Adapter: flags.Adapter})
	if err != nil {
		return err
	}
	defer dev.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	r, err := flags.Open(ctx, dev)
	if err != nil {
		return err
	}
	defer r.Close()
	if flags.Profile {
		if err := dev.Profile(); err != nil {
			return err
		}
	}
	p := newProgress(os.Stdout, r, dev)
	p.header()
	for event, err := range r.Events(ctx) {
		if errors.Is(err, context.Canceled) {
			p.stopped()
		}
		if err != nil {
			p.clear()
			return err
		}
		p.show(event)
	}
	if flags.Profile {
		nin.WriteProfile(os.Stdout, dev)
	}
	return nil
}
