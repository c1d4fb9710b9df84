#!/usr/bin/env python3
"""Does the meter add up? A mixed load on a floor of twins, through the door, with failures: joules of requests and idle on /metrics against what each
device really drew (the twin's own integral), minute by minute.

    bench/meter_closes.py [--minutes 5] [--floor FILE] [--model TINY] [--json FILE]

Streams and whole answers, short and long prompts, clients that leave in the middle; every 15 s a fault: an engine crashes, hangs, slows down or throttles for a few
seconds (by turns and by engine). Prints the deviation of each device over each minute, and at the end, when no request is in progress,
what requests and idle add up to.
"""
import argparse
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from serving import ONDOL, ROOT  # noqa: E402

FAULTS = ["crash", "hang", "slow", "throttle"]


class Up:
    def __init__(self, floor, model, tree):
        command = [ONDOL, "up", "--model", model, "--name", "near", "--port", "0", "--threads", "1", "--kv-bytes", "16M", "--floor", floor,
                   "--floor-tree", tree, "--floor-port", "0", "--price-electricity", "150"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.control = None
        for line in self.process.stdout:
            if match := re.search(r"control at (http://[^:]+:\d+)", line):
                self.control = match[1]
            if match := re.search(r"listening on (http://\S+)", line):
                self.url = match[1]
                return
        sys.exit("ondol up did not start")

    def get(self, url):
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def fault(self, **fields):
        request = urllib.request.Request(self.control + "/twin/fault", json.dumps(fields).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).read()

    def booked(self):
        """Joules by device: requests (unclaimed ones too) and idle."""
        out = {}
        for name, device, joules in re.findall(r'^ondol_(request|idle|metered)_energy_joules_total\{[^}]*device="([^"]+)"[^}]*\} (\S+)$', self.get(self.url + "/metrics"), re.M):
            out.setdefault(device, {}).setdefault(name, 0.0)
            out[device][name] += float(joules)
        return out

    def drawn(self):
        return {device["name"]: device["energy_j"] for device in json.loads(self.get(self.control + "/twin/floor"))["devices"]}


def client(up, seed, over, counts):
    dice = random.Random(seed)
    while not over.is_set():
        words = dice.choice([20, 200, 1500])
        body = {"model": "llama-3.1-8b", "max_tokens": dice.choice([16, 64, 256]), "stream": dice.random() < 0.7,
                "messages": [{"role": "user", "content": " ".join(f"w{dice.randrange(9999)}" for _ in range(words))}]}
        request = urllib.request.Request(up.url + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                if dice.random() < 0.1:
                    answer.read(200)
                    counts["left"] += 1
                    continue
                text = answer.read()
            counts["failed" if b'"error"' in text else "answered"] += 1
        except (OSError, urllib.error.HTTPError):
            counts["failed"] += 1
            over.wait(0.2)


def trouble(up, over, counts):
    engines = [engine["name"] for engine in json.loads(up.get(up.control + "/twin/floor"))["engines"]]
    turn = 0
    while not over.wait(15):
        kind = FAULTS[turn % len(FAULTS)]
        factor = {"factor": 3} if kind in ("slow", "throttle") else {}
        up.fault(engine=engines[turn // 2 % len(engines)], kind=kind, seconds=4, **factor)
        counts[kind] += 1
        turn += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=5)
    parser.add_argument("--floor", default=str(ROOT / "deploy/floors/small.yaml"))
    parser.add_argument("--model", default=str(ROOT / "tests/models/tiny-chat"))
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        up = Up(args.floor, args.model, os.path.join(folder, "tree"))
        over = threading.Event()
        counts = dict.fromkeys(["answered", "failed", "left", *FAULTS], 0)
        time.sleep(2)
        threads = [threading.Thread(target=client, args=(up, seed, over, counts)) for seed in range(args.clients)]
        threads.append(threading.Thread(target=trouble, args=(up, over, counts)))
        for thread in threads:
            thread.start()
        rows = []
        drawn, booked = up.drawn(), up.booked()
        for minute in range(args.minutes):
            time.sleep(60)
            now_drawn, now_booked = up.drawn(), up.booked()
            for device in sorted(now_drawn):
                true_j = now_drawn[device] - drawn[device]
                parts = {kind: now_booked[device].get(kind, 0) - booked.get(device, {}).get(kind, 0) for kind in ("request", "idle", "metered")}
                rows.append({"minute": minute + 1, "device": device, "drawn_j": true_j, **parts, "deviation": parts["metered"] / true_j - 1})
                print(f"minute {minute + 1} {device}: drawn {true_j:.0f} J, metered {parts['metered']:.0f} J (ended requests {parts['request']:.0f} J, idle {parts['idle']:.0f} J), "
                      f"{100 * rows[-1]['deviation']:+.2f} %", flush=True)
            drawn, booked = now_drawn, now_booked
        over.set()
        for thread in threads:
            thread.join()
        time.sleep(1)  # a reading after the last answer
        for device, parts in sorted(up.booked().items()):
            if parts.get("metered"):
                print(f"all in all {device}: requests and idle over metered {parts['request'] + parts['idle']:.0f} / {parts['metered']:.0f} J, "
                      f"{100 * ((parts['request'] + parts['idle']) / parts['metered'] - 1):+.2f} %")
        up.process.send_signal(signal.SIGTERM)
        up.process.wait(60)
    print(json.dumps(counts))
    print(f"worst minute: {100 * max(abs(row['deviation']) for row in rows):.2f} %")
    if args.json:
        args.json.write_text(json.dumps({"rows": rows, "counts": counts}, indent=1))


if __name__ == "__main__":
    main()
