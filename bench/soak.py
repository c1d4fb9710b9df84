#!/usr/bin/env python3
"""A long run at a share of the server's own capacity: does memory stay, does latency stay?

    bench/soak.py [--model NAME] [--minutes 60] [--share 0.8] [--input-tokens 64] [--output-tokens 32] [--threads 2] [--json FILE]

First measures the capacity (closed loop of 16), then sends Poisson arrivals at that share of it. Resident memory is read every 5 seconds; the first tenth of
the run is warm-up. Prints memory and the p95 of time to first token and of the time per token in the second and the last tenth.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from compare import find, machine  # noqa: E402
from serving import ONDOL, Server, percentile  # noqa: E402


def resident_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def bench(server, *options):
    done = subprocess.run([ONDOL, "bench", "serve", "--url", server.url, "--model", "m", "--json", *map(str, options)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench serve failed: {done.stderr[-1000:]}")
    return json.loads(done.stdout)


def tenth(samples, begin, end):
    part = [s for s in samples if begin <= s["sent_us"] < end and s.get("error") in (None, "")]
    ttft = [(s["first_us"] - s["sent_us"]) / 1000 for s in part]
    tpot = [(s["last_us"] - s["first_us"]) / 1000 / (s["completion_tokens"] - 1) for s in part if s["completion_tokens"] > 1]
    return {"answers": len(part), "ttft_p95_ms": percentile(ttft, 0.95), "tpot_p95_ms": percentile(tpot, 0.95)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--share", type=float, default=0.8)
    parser.add_argument("--input-tokens", type=int, default=64)
    parser.add_argument("--output-tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2, help="1, and taskset in front: the other CPUs are free for other work")
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    print(machine(), flush=True)
    shape = ["--input-tokens", args.input_tokens, "--output-tokens", args.output_tokens]
    with Server("ondol", find(args.model), threads=args.threads, context=1024, extra=["--kv-bytes", "1G"]) as server:
        capacity = bench(server, "--concurrency", 16, "--requests", 200, *shape)["throughput"]["requests_per_s"]
        rate = capacity * args.share
        count = int(rate * args.minutes * 60)
        print(f"capacity {capacity:.2f} requests/s; {count} requests at {rate:.2f} a second", flush=True)
        memory, over = [], threading.Event()

        def watch():
            begin = time.monotonic()
            while not over.wait(5):
                memory.append((time.monotonic() - begin, resident_mib(server.process.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
            report = bench(server, "--rate", f"{rate:.4f}", "--requests", count, "--save", file.name, *shape)
            lines = [json.loads(line) for line in pathlib.Path(file.name).read_text().splitlines()]
        over.set()
        watcher.join()
    samples = [line for line in lines if "sent_us" in line]
    end = max(s["sent_us"] for s in samples)
    early, late = tenth(samples, end * 0.1, end * 0.2), tenth(samples, end * 0.9, end + 1)
    settled = [m for t, m in memory if t >= memory[-1][0] * 0.1]
    out = {"minutes": args.minutes, "requests": report["requests"], "errors": report["errors"], "rate": rate,
           "memory_mib": {"after_warm_up": settled[0], "end": settled[-1], "max": max(settled)}, "second_tenth": early, "last_tenth": late}
    print(json.dumps(out, indent=1))
    print(f"memory {100 * (settled[-1] / settled[0] - 1):+.2f} %, p95 TTFT {100 * (late['ttft_p95_ms'] / early['ttft_p95_ms'] - 1):+.1f} %, "
          f"p95 time per token {100 * (late['tpot_p95_ms'] / early['tpot_p95_ms'] - 1):+.1f} %")
    if args.json:
        args.json.write_text(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
