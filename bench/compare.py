#!/usr/bin/env python3
"""Ondol beside llama.cpp on the same weights, the same threads, in turn; prints medians, ratios and the distance to the ceilings.

    bench/compare.py --peer PEER_BIN_FOLDER [--models NAME,...] [--rounds 3] [--threads 2] [--json FILE]

Machines are shared and noisy: each round runs one program after the other, and the ratio is the median of the rounds' ratios, so that a slow
spell hits both sides. Shapes: pp512 and tg128 as llama-bench; decode of 8 and 32 sequences (128 prompt and 128 answer tokens each) as
llama-batched-bench.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = {
    "smollm2-135m": "smollm2-135m-instruct-q4_1.gguf",
    "qwen2.5-coder-0.5b": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "qwen2.5-coder-1.5b": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
}
SHAPES = ["pp512", "tg128", "batch8", "batch32"]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def ondol(model, threads):
    out = json.loads(run([ROOT / "build/ondol", "bench", "engine", "--model", model, "--threads", str(threads), "--reps", "1", "--json"]))
    return {"pp512": out["pp512"], "tg128": out["tg128"], "batch8": out["batch"]["8"], "batch32": out["batch"]["32"]}


def llama_cpp(peer, model, threads):
    figures = {}
    for row in json.loads(run([peer / "llama-bench", "-m", model, "-t", str(threads), "-p", "512", "-n", "128", "-r", "1", "-o", "json"])):
        figures["pp512" if row["n_prompt"] else "tg128"] = row["avg_ts"]
    batched = run([peer / "llama-batched-bench", "-m", model, "-t", str(threads), "-tb", str(threads), "-c", "8448", "-npp", "128",
                   "-ntg", "128", "-npl", "8,32", "--output-format", "jsonl"])
    for line in batched.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            figures[f"batch{row['pl']}"] = row["speed_tg"]
    return figures


def find(name):
    for folder in [os.environ.get("ONDOL_MODELS"), ROOT / "models", pathlib.Path.home() / ".cache/ondol/models"]:
        if folder and (pathlib.Path(folder) / FILES[name]).exists():
            return str(pathlib.Path(folder) / FILES[name])
    run([ROOT / "build/ondol", "model", "get", name])
    return find(name)


def machine():
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown CPU")
    return f"{cpu}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.2f} at the start"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, type=pathlib.Path)
    parser.add_argument("--models", default=",".join(FILES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    print(machine(), flush=True)
    print(f"{'model':20} {'shape':8} {'ondol t/s':>10} {'llama.cpp':>10} {'ratio':>6}   ratios of the rounds", flush=True)
    results = {}
    for name in args.models.split(","):
        path = find(name)
        ours, theirs = [], []
        for number in range(args.rounds):
            print(f"  {name}: round {number + 1} of {args.rounds}", file=sys.stderr, flush=True)
            ours.append(ondol(path, args.threads))
            theirs.append(llama_cpp(args.peer, path, args.threads))
        for shape in SHAPES:
            a, b = [r[shape] for r in ours], [r[shape] for r in theirs]
            ratios = [x / y for x, y in zip(a, b)]
            results.setdefault(name, {})[shape] = {"ondol": statistics.median(a), "llama_cpp": statistics.median(b), "ratio": statistics.median(ratios)}
            print(f"{name:20} {shape:8} {statistics.median(a):10.1f} {statistics.median(b):10.1f} {statistics.median(ratios):6.2f}   "
                  + " ".join(f"{r:.2f}" for r in ratios), flush=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
