#!/usr/bin/env python3
"""Ondol and llama-server beside each other as servers: same weights, same threads, in turn; medians over the rounds.

    bench/compare_serve.py --peer PEER_BIN_FOLDER [--models NAME,...] [--rounds 3] [--only clients,gap,prefix,schema,http] [--json FILE]

clients: 1, 8 and 32 streams, 128 tokens in and out, closed loop (`ondol bench serve` asks both servers).
gap:     a 2,000-token prompt enters while four streams of the 0.5B run: the largest gap of a stream over its median gap.
prefix:  two prompts with the same 1,000 tokens in front, the second sent while the first is computed: from the first's first token to the
         second's, over the time to first token of a cache hit.
schema:  decoding under a JSON schema over decoding freely, tokens/s.
http:    200 short requests a second to a model of a few kilobytes; CPU time of the server's threads that do not compute, per request.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from compare import find, machine  # noqa: E402
from serving import ONDOL, ROOT, Server, Stream, chat, median, percentile, words  # noqa: E402

CLIENTS = [1, 8, 32]
KINDS = ["ondol", "llama.cpp"]


def load(server, clients):
    requests = max(4, clients * 2)
    done = subprocess.run([ONDOL, "bench", "serve", "--url", server.url, "--model", "m", "--concurrency", str(clients), "--requests",
                           str(requests), "--input-tokens", "128", "--output-tokens", "128", "--temperature", "0", "--json"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench serve failed: {done.stderr[-1000:]}")
    report = json.loads(done.stdout)
    if report["requests"]["failed"] or report["requests"]["short_answers"]:
        print(f"    note: {report['requests']} {report['errors']}", flush=True)
    return {"tokens_per_s": report["throughput"]["output_tokens_per_s"], "itl_p95_ms": report["itl_ms"]["p95"],
            "ttft_p50_ms": report["ttft_ms"]["p50"], "max_gap_ms": report["max_gap_ms"]["max"]}


def clients(args, results):
    print(f"{'model':20} {'clients':>7} {'ondol t/s':>10} {'llama':>8} {'ratio':>6} {'p95 ITL ms':>11} {'llama':>8}   ratios of the rounds")
    for name in args.models.split(","):
        rounds = {kind: {c: [] for c in CLIENTS} for kind in KINDS}
        for number in range(args.rounds):
            print(f"  {name}: round {number + 1} of {args.rounds}", file=sys.stderr, flush=True)
            for kind in KINDS:
                with Server(kind, find(name), args.threads, args.peer, slots=32, context=512) as server:
                    for c in CLIENTS:
                        rounds[kind][c].append(load(server, c))
        for c in CLIENTS:
            ours, theirs = rounds["ondol"][c], rounds["llama.cpp"][c]
            ratios = [a["tokens_per_s"] / b["tokens_per_s"] for a, b in zip(ours, theirs)]
            row = {key: (median([r[key] for r in ours]), median([r[key] for r in theirs])) for key in ours[0]}
            print(f"{name:20} {c:7} {row['tokens_per_s'][0]:10.1f} {row['tokens_per_s'][1]:8.1f} {median(ratios):6.2f} "
                  f"{row['itl_p95_ms'][0]:11.1f} {row['itl_p95_ms'][1]:8.1f}   {' '.join(f'{r:.2f}' for r in ratios)}", flush=True)
            results.setdefault("clients", {})[f"{name} {c}"] = {"row": row, "ratios": ratios}


def gap(args, results):
    for kind in KINDS:
        ratios = []
        for number in range(args.rounds):
            with Server(kind, find("qwen2.5-coder-0.5b"), args.threads, args.peer, slots=5, context=4096) as server:
                Stream(server, chat(words(20, 99), 16)).run()
                streams = [Stream(server, chat(words(30, i + 1), 220)).start() for i in range(4)]
                while any(len(s.times) < 30 for s in streams):
                    time.sleep(0.01)
                entered = Stream(server, chat(words(1990, 50 + number), 4)).run()
                for s in streams:
                    s.join()
                ratios.append(max(max(s.gaps) / median(s.gaps) for s in streams))
                longest = max(max(s.gaps) for s in streams)
                print(f"gap: {kind}: largest {longest * 1000:.0f} ms, {ratios[-1]:.1f} x the median; prompt of "
                      f"{entered.usage['prompt_tokens']} tokens: TTFT {entered.ttft:.2f} s", flush=True)
        results.setdefault("gap", {})[kind] = {"median_ratio": median(ratios), "ratios": ratios}


def prefix(args, results):
    for kind in KINDS:
        values = []
        for number in range(args.rounds):
            with Server(kind, find("qwen2.5-coder-0.5b"), args.threads, args.peer, slots=4, context=2048) as server:
                Stream(server, chat(words(20, 99), 4)).run()
                shared = words(1000, 60 + number)
                first = Stream(server, chat(shared + " What is this about?", 8)).start()
                time.sleep(0.3)
                second = Stream(server, chat(shared + " Name three of the words.", 8)).run()
                first.join()
                hit = Stream(server, chat(shared + " Write the first word.", 8)).run()
                behind = second.times[0] - first.times[0]
                values.append(behind / hit.ttft)
                print(f"prefix: {kind}: first's TTFT {first.ttft * 1000:.0f} ms, the second's first token {behind * 1000:.0f} ms behind it, a cache "
                      f"hit takes {hit.ttft * 1000:.0f} ms: {values[-1]:.2f} x", flush=True)
        results.setdefault("prefix", {})[kind] = {"median_ratio": median(values), "ratios": values}


SCHEMA = {"type": "object", "additionalProperties": False, "required": ["title", "items"], "properties": {
    "title": {"type": "string", "minLength": 20, "maxLength": 60},
    "items": {"type": "array", "minItems": 4, "maxItems": 4, "items": {
        "type": "object", "additionalProperties": False, "required": ["name", "price", "note"], "properties": {
            "name": {"type": "string", "minLength": 10, "maxLength": 40}, "price": {"type": "number"},
            "note": {"type": "string", "minLength": 60, "maxLength": 200}}}}}}


def decode_rate(stream):
    return (stream.usage["completion_tokens"] - 1) / (stream.times[-1] - stream.times[0])


def schema(args, results):
    form = {"type": "json_schema", "json_schema": {"name": "list", "schema": SCHEMA, "strict": True}}
    ratios = []
    for number in range(args.rounds * 2):
        with Server("ondol", find("qwen2.5-coder-0.5b"), args.threads, args.peer, context=2048) as server:
            text = "Write a shopping list with four things, long notes. " + words(10, number)
            bound = Stream(server, chat(text, 400, response_format=form)).run()
            free = Stream(server, chat(text, bound.usage["completion_tokens"])).run()
            again = Stream(server, chat(text + " Please.", 400, response_format=form)).run()
            json.loads(bound.text), json.loads(again.text)
            ratios.append(decode_rate(again) / decode_rate(free))
            print(f"schema: free {decode_rate(free):.1f}, bound {decode_rate(bound):.1f} (first use), {decode_rate(again):.1f} (again) tokens/s; "
                  f"{again.usage['completion_tokens']} tokens", flush=True)
    results["schema"] = {"median_ratio": median(ratios), "ratios": ratios}
    print(f"schema: bound over free {median(ratios):.3f}")


def cpu_by_thread(pid):
    """Seconds of CPU by thread name."""
    out = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        text = (task / "stat").read_text()
        name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        runtime = int((task / "schedstat").read_text().split()[0]) / 1e9
        out[name] = out.get(name, 0) + (runtime or (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK"))
    return out


def steady(server, path, body, rate, count, connections=4):
    """`count` requests at `rate` a second over kept connections."""
    def run(first):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        for i in range(first, count, connections):
            time.sleep(max(0, begin + i / rate - time.monotonic()))
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                sys.exit(f"{path}: {answer.status} {answer.read()[:200]!r}")
            answer.read()
    begin = time.monotonic() + 0.1
    threads = [threading.Thread(target=run, args=(i,)) for i in range(connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return count / (time.monotonic() - begin)


def http(args, results):
    """The tiny model of the tests: its engine takes next to nothing."""
    bodies = {"completion": ("/v1/completions", {"model": "m", "prompt": [5, 6, 7], "max_tokens": 1}),
              "chat": ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}),
              "chat, streamed": ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1,
                                                         "stream": True})}
    for name, (path, body) in bodies.items():
        per_request = []
        for _ in range(args.rounds):
            with Server("ondol", str(ROOT / "tests/models/tiny-chat"), args.threads, args.peer, context=128) as server:
                steady(server, path, body, 200, 100)
                before = cpu_by_thread(server.process.pid)
                rate = steady(server, path, body, 200, 2000)
                after = cpu_by_thread(server.process.pid)
            spent = {thread: (after[thread] - before.get(thread, 0)) / 2 for thread in after}  # seconds of 2,000 requests: ms of one
            per_request.append(sum(s for thread, s in spent.items() if thread not in ("step", "compute")))
            shares = ", ".join(f"{thread} {s:.3f}" for thread, s in sorted(spent.items()))
            print(f"http: {name}: {rate:.0f} requests/s, {per_request[-1]:.3f} ms of CPU a request outside the engine ({shares})", flush=True)
        results.setdefault("http", {})[name] = {"ms_per_request": median(per_request)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, type=pathlib.Path)
    parser.add_argument("--models", default="smollm2-135m,qwen2.5-coder-0.5b,qwen2.5-coder-1.5b")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="clients,gap,prefix,schema,http")
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    print(machine(), flush=True)
    results = {"machine": machine()}
    for part in args.only.split(","):
        {"clients": clients, "gap": gap, "prefix": prefix, "schema": schema, "http": http}[part](args, results)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
