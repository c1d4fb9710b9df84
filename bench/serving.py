"""What the serving benchmarks share: starting a server, streaming requests with the times of their chunks, statistics."""
import http.client
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ONDOL = os.environ.get("ONDOL_BIN", str(ROOT / "build/ondol"))
WORDS = ("time year people way day man thing woman life child world school state family student group country problem hand part place case week "
         "company system program question work government number night point home water room mother area money story fact month lot right").split()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """Ondol ("ondol") or the peer ("llama.cpp"), ready when the constructor returns; a context manager that ends it."""

    def __init__(self, kind, model, threads=2, peer=None, slots=32, context=1024, extra=()):
        self.port = free_port()
        self.name = "m"
        if kind == "ondol":
            command = [ONDOL, "serve", "--model", model, "--name", "m", "--port", str(self.port), "--threads", str(threads), "--ctx", str(context)]
        else:
            command = [str(pathlib.Path(peer) / "llama-server"), "-m", model, "--port", str(self.port), "-t", str(threads), "-tb", str(threads),
                       "-np", str(slots), "-c", str(slots * context), "--no-webui", "-a", "m"]
        self.process = subprocess.Popen(command + list(extra), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.time() + 120
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/health")
                answer = connection.getresponse()
                if answer.status == 200 and json.loads(answer.read())["status"] == "ok":
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.time() > deadline:
                raise SystemExit(f"{kind} did not start: {' '.join(command)}")
            time.sleep(0.1)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Stream:
    """One streamed answer: times of its chunks with text (seconds, time.monotonic), its text and its usage."""

    def __init__(self, server, body, path="/v1/chat/completions"):
        self.times, self.text, self.usage, self.error = [], "", None, None
        self.body = {"model": server.name, "stream": True, "stream_options": {"include_usage": True}, "temperature": 0, **body}
        self.server, self.path = server, path
        self.sent = time.monotonic()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=600)
        self.sent = time.monotonic()
        connection.request("POST", self.path, json.dumps(self.body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            self.error = f"{answer.status} {answer.read()[:300]!r}"
            return self
        for line in answer:
            if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                continue
            event = json.loads(line[6:])
            self.usage = event.get("usage") or self.usage
            for choice in event.get("choices", []):
                delta = choice.get("delta", choice)
                text = delta.get("content") or delta.get("text") or ""
                if text:
                    self.times.append(time.monotonic())
                    self.text += text
        return self

    def start(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def join(self):
        self.thread.join()
        if self.error:
            raise SystemExit(self.error)
        return self

    @property
    def ttft(self):
        return self.times[0] - self.sent

    @property
    def gaps(self):
        return [b - a for a, b in zip(self.times, self.times[1:])]


def words(count, seed):
    """About one token a word; different seeds share no beginning."""
    state = seed * 2654435761 % 2**32
    out = []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(WORDS[(state >> 16) % len(WORDS)])
    return " ".join(out)


def chat(text, max_tokens, **more):
    return {"messages": [{"role": "user", "content": text}], "max_tokens": max_tokens, "ignore_eos": True, **more}


def percentile(values, share):
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def median(values):
    return statistics.median(values)
