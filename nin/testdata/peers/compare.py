#!/usr/bin/env python3
"""Times nin beside TensorFlow.js on Dawn and PyTorch, in turns, and prints a Markdown table of the medians with ratios.

    nin/testdata/peers/compare.py [--batch 4,16] [--rounds 3] [--minutes 9] [--only nin,tfjs] > peers.md

Each round runs every program once for each batch size, one after another, so that a change of the machine's speed affects
all of them. It ends after --rounds, or when another round would not end within --minutes. It reports the programs that are
missing, and runs the others. tfjs needs `npm ci --ignore-scripts` in this folder; PyTorch needs a python3 (--python) with
torch, numpy and Pillow, and on a CUDA machine also runs with TF32 off and on. --json FILE keeps the JSON of all runs.
"""
import argparse
import collections
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "../../.."))
LAYER = "2.0"  # the 5x5 convolution from 96 to 256 channels, half of the network's arithmetic


def say(*words):
    print("compare:", *words, file=sys.stderr, flush=True)


def programs(a, nin):
    """Returns name -> the command, as a list, that prints its JSON for a batch size, without missing programs."""
    bench = [a.python, "nin/testdata/parity.py", "bench", "--net", "d2l", "--layer", LAYER, "--steps", str(a.steps)]
    adapter = ["--adapter", a.adapter] if a.adapter else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "nin": [nin, "bench", "-json", "-recipe", "d2l", "-layer", LAYER, "-steps", str(a.steps), *adapter, "-batch"],
        "tfjs": ["node", "nin/testdata/peers/tfjs.mjs", "--layer", LAYER, "--steps", str(a.tfjs_steps), *adapter, "--batch"],
        "torch": [*bench, "--threads", str(cores), "--batch"],
        "torch-cuda": [*bench, "--device", "cuda", "--batch"],
        "torch-tf32": [*bench, "--device", "cuda", "--tf32", "--batch"],
    }
    wanted = a.only.split(",") if a.only else list(found)
    for name in wanted:
        if name not in found:
            sys.exit(f"compare: --only names {name}; want some of {','.join(found)}")
    if not shutil.which("node") or not os.path.exists(os.path.join(HERE, "node_modules/webgpu")):
        say("tfjs left out: it needs node 18 or later, and npm ci --ignore-scripts --prefix nin/testdata/peers")
        del found["tfjs"]
    cuda = ""
    if not shutil.which(a.python):
        say("PyTorch left out: no", a.python)
        del found["torch"]
    else:
        probe = subprocess.run([a.python, "-c", "import torch, numpy, PIL; print(torch.cuda.is_available())"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        cuda = probe.stdout.strip()
        if probe.returncode:
            say("PyTorch left out:", a.python, "says", probe.stderr.strip().splitlines()[-1])
            del found["torch"]
    if cuda != "True":
        del found["torch-cuda"], found["torch-tf32"]
    return {name: command for name, command in found.items() if name in wanted}


def measure(command):
    """Returns the report that a command prints, or None."""
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    if run.returncode == 0:
        return json.loads(run.stdout)
    say(f"exit status {run.returncode} from", shlex.join(command))
    say("\n".join(run.stderr.strip().splitlines()[-5:]))
    return None


def value(report, row):
    """Returns a row of the table from a report: images/s, or the total rate of the layer's kernels whose name begins so."""
    if row in report:
        return report[row]
    kernels = [k for k in report["kernels"] if k["layer"] == LAYER and k["kernel"].startswith(row)]
    return sum(k["gflop_per_s"] * k["ms"] for k in kernels) / sum(k["ms"] for k in kernels) if kernels else None


ROWS = {
    "train_images_per_s": "training, images/s",
    "predict_images_per_s": "prediction, images/s",
    "conv2d/forward": "5x5 96->256 forward, GFLOP/s",
    "conv2d/dx": "its input gradient, GFLOP/s",
    "conv2d/dw": "its weight gradient, GFLOP/s",
}


def table(runs, names):
    """Yields the lines of the table of runs, (batch, name) -> reports. Beside each median of a peer is nin's divided by it."""
    yield "| batch | | " + " | ".join(names) + " |"
    yield "|---:|---|" + "---:|" * len(names)
    for batch in sorted({batch for batch, _ in runs}):
        for row, title in ROWS.items():
            cells, ours = [], None
            for name in names:
                values = [v for v in (value(r, row) for r in runs[batch, name]) if v is not None]
                if not values:
                    cells.append("")
                    continue
                median = statistics.median(values)
                cell = f"{median:.3g}"
                if name == "nin":
                    ours = median
                elif ours:
                    cell += f" (nin is {ours / median:.2g}x)"
                cells.append(cell)
            yield f"| {batch} | {title} | " + " | ".join(cells) + " |"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--batch", default="4", help="batch sizes, separated by commas (default: 4)")
    p.add_argument("--rounds", type=int, default=3, help="largest number of rounds (default: 3)")
    p.add_argument("--minutes", type=float, default=9, help="largest time for all rounds (default: 9)")
    p.add_argument("--steps", type=int, default=5, help="the median of this many steps counts (default: 5)")
    p.add_argument("--tfjs-steps", type=int, default=1, help="steps of TensorFlow.js, which is slow (default: 1)")
    p.add_argument("--only", help="run only these of nin,tfjs,torch,torch-cuda,torch-tf32")
    p.add_argument("--adapter", help="part of the adapter's name, for nin and tfjs")
    p.add_argument("--python", default="/usr/bin/python3", help="a Python with torch (default: /usr/bin/python3)")
    p.add_argument("--json", metavar="FILE", help="write all reports here")
    a = p.parse_args()
    batches = [int(b) for b in a.batch.split(",")]

    with tempfile.TemporaryDirectory() as folder:
        nin = os.path.join(folder, "nin")
        subprocess.run(["go", "build", "-o", nin, "./cmd/nin"], cwd=ROOT, check=True)
        commands, runs = programs(a, nin), collections.defaultdict(list)
        start, rounds, longest = time.monotonic(), 0, 0.0
        while rounds < a.rounds:
            began = time.monotonic()
            if rounds and began - start + longest > 60 * a.minutes:
                say(f"stopping after round {rounds}: another would not end within {a.minutes:g} minutes")
                break
            rounds += 1
            for batch in batches:
                for name, command in commands.items():
                    at = time.monotonic()
                    report = measure([*command, str(batch)])
                    if report:
                        runs[batch, name].append(report)
                    say(f"round {rounds}, batch {batch}, {name}: {time.monotonic() - at:.0f} s")
            longest = max(longest, time.monotonic() - began)

    names = [name for name in commands if any(key[1] == name for key in runs)]
    print(*table(runs, names), sep="\n")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT,
                            stdout=subprocess.PIPE, universal_newlines=True).stdout.strip()
    print(f"\nMedians over rounds, {rounds} in all, of `{shlex.join(['nin/testdata/peers/compare.py', *sys.argv[1:]])}`:\n")
    for name in names:
        report = next(r[0] for key, r in runs.items() if key[1] == name)
        command = shlex.join(commands[name]).replace(nin, "go run ./cmd/nin")
        program = report.get("program", f"commit {commit}")
        print(f"- {name}: {program}, {report['adapter']}, {report['driver']}; `{command} N`")
    if a.json:
        with open(a.json, "w") as f:
            json.dump([{"name": name, **r} for (_, name), rs in runs.items() for r in rs], f, indent=2)


if __name__ == "__main__":
    main()
