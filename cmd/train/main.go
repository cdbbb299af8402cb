// Command train trains a Network in Network on any GPU, or on the processor through a software
// Vulkan driver.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/progress"
	"wgnin/cmd/internal/runflags"
	"wgnin/gpu"
	"wgnin/nin/report"
	"wgnin/nn"
	"wgnin/nn/mpi"
)

func main() {
	cli.Guard("train")
	ranks, err := mpi.Init()
	if err == nil {
		err = runflags.Named(execute(os.Args[1:], ranks))
	}
	leave(ranks, err)
}

// leave ends the process. If all ranks have the error, rank 0 reports it, and mpirun exits with the
// code of rank 0. An error of this rank alone ends the other ranks too.
func leave(ranks nn.Ranks, err error) {
	if ranks == nil {
		_ = mpi.Finalize() // there are no other ranks to wait for
		cli.Exit("train", err)
	}
	alone := err
	if err == nil || nn.Everywhere(err) {
		if ranks.Rank() > 0 {
			signal.Reset() // mpirun sends signals once rank 0 has failed
		}
		alone = mpi.Finalize()
	}
	if alone != nil {
		host, _ := os.Hostname()
		cli.Report(os.Stderr, "train", fmt.Errorf("rank %d of %d, on %s: %w", ranks.Rank(), ranks.Size(), host, alone))
		ranks.Abort(alone)
	}
	if ranks.Rank() > 0 {
		os.Exit(0)
	}
	cli.Exit("train", err)
}

// localAdapter returns the adapter for this rank. If several ranks run on this machine and no
// adapter is named, each takes its own.
func localAdapter(name string) string {
	rank, size := mpi.Local()
	if size == 1 || name != "auto" {
		return name
	}
	return adapterOf(rank, gpu.Adapters())
}

// adapterOf returns the adapter of a rank. The ranks take turns over the adapters of the best
// class, with the backend of the first.
func adapterOf(rank int, all []gpu.Adapter) string {
	if len(all) > 0 {
		best := all[0]
		all = slices.DeleteFunc(slices.Clone(all), func(a gpu.Adapter) bool {
			return a.Class != best.Class || a.Backend != best.Backend
		})
	}
	if len(all) < 2 {
		return "auto"
	}
	return all[rank%len(all)].ID()
}

const help = `Train trains a Network in Network and writes the run's files to -out:
metrics.jsonl (a line for each step and epoch), curves.png, model.safetensors
(PyTorch's names; loads with load_state_dict) and checkpoint/ (from which -resume
continues, bit for bit).

Usage: go run ./cmd/train [flags]

Recipes:
%s
Examples:
  go run ./cmd/train                                    the recipe that suits the adapter
  go run ./cmd/train -recipe d2l -steps 3               three steps of the chapter's run
  go run ./cmd/train -adapter cpu -epochs 1 -seed 7     on the processor, one epoch
  go run ./cmd/train -epochs 50 -patience 5             stop after five epochs without improvement
  go run ./cmd/train -resume runs/mini-20260102-150405  continue a run that stopped

Ctrl-C finishes the step and writes a checkpoint; a second one stops at once. Closing
the terminal does the same, unless the run was started with nohup. If the driver loses
the device, the run continues by itself from the last checkpoint (not with MPI).

One run on several GPUs or machines, with the same bits for the same -shards (needs
MPI; see nn/README.md):
  CC=mpicc go build -tags mpi ./cmd/train && mpirun -n 4 ./train -shards 4

Flags (the default is the recipe's setting, which -recipe NAME -help shows):
`

func execute(args []string, ranks nn.Ranks) error {
	began := time.Now()
	fs := flag.NewFlagSet("train", flag.ContinueOnError)
	flags := runflags.New(fs)
	flags.Ranks = ranks
	quiet := fs.Bool("quiet", false, "print only errors and the last line")
	verbose := fs.Bool("v", false, "print more: the time to start, the memory, and the host's share of each epoch")
	follows := ranks != nil && ranks.Rank() > 0 // it prints only errors
	parse := func() (err error) {
		if follows {
			if os.Stdout, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
				return err
			}
		}
		if err := cli.Parse(fs, os.Stdout, fmt.Sprintf(help, runflags.Recipes()), args); err != nil {
			return err
		}
		if *quiet && *verbose {
			return cli.Usage(errors.New("-quiet with -v; want one of them"))
		}
		*quiet = *quiet || follows
		return nil
	}
	if err := nn.Common(ranks, parse()); err != nil {
		return err
	}
	if err := flags.Check(); err != nil {
		return err
	}
	dev, err := cli.Open(gpu.Options{Adapter: localAdapter(*flags.Adapter)}, *quiet)
	if err != nil {
		return err
	}
	defer dev.Close()
	opened := time.Now()
	command, stopping := "go run ./cmd/train", "the step is finished and a checkpoint written"
	if ranks != nil { // mpirun also interrupts ranks before it kills them, for example when one has died
		launcher := "mpirun"
		if os.Getenv("SLURM_STEP_NUM_TASKS") != "" && os.Getenv("OMPI_COMM_WORLD_SIZE") == "" {
			launcher = "srun"
		}
		command = fmt.Sprintf("%s -n %d %s", launcher, ranks.Size(), cli.Quote(os.Args[0]))
		stopping = "a checkpoint is written if " + launcher + " leaves time for it; otherwise the last one remains"
	}
	if follows {
		stopping = ""
	}
	ctx := cli.Interruptible(stopping)
	r, err := flags.Open(ctx, dev)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "stopped before training began")
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if flags.Profile {
		if err := dev.Profile(); err != nil {
			r.Discard()
			return err
		}
	}
	if ranks == nil { // MPI cannot start again in the same process
		cli.GoOn("train", r.Dir, r.Start, flags.Resume(r.Dir, dev.Adapter()))
	}
	p := progress.New(r, dev, *quiet, *verbose)
	p.Header(opened.Sub(began), time.Since(opened))
	for event, err := range r.Events(ctx) {
		if errors.Is(err, context.Canceled) {
			p.Stopped(command)
		}
		if err != nil {
			return p.Failed(command, err)
		}
		p.Show(event)
	}
	if flags.Profile {
		report.WriteProfile(os.Stdout, dev)
	}
	return nil
}
