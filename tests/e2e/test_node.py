"""`ondol node` through the real binary: engines that start, crash, are killed, come and go with the file, and end with the node."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
from conftest import MODEL, ROOT, START_LIMIT_S

BINARY = pathlib.Path(os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))).resolve()
PATIENCE_S = 60

# Crashes the first time, serves the second time; drains as `ondol serve` does.
FLAKY = """
import http.server, pathlib, signal, sys
mark, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
if not mark.exists():
    mark.touch()
    sys.exit("no card answers")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def wait_for(condition):
    """What the condition returns once it is true."""
    limit = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < limit, "it did not come to pass"
        time.sleep(0.02)
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def own(name, port):
    return {"name": name, "kind": "ondol", "model": str(MODEL), "port": port, "devices": ["cpu"], "drain": 20,
            "arguments": ["--name", name, "--threads", "1", "--kv-bytes", "16M"]}


class Node:
    def __init__(self, folder, engines, *options):
        self.file = folder / "node.yaml"
        self.declare(engines)
        self.log = folder / "stderr"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([BINARY, "node", "--file", self.file, "--port", "0", *options], stdout=subprocess.PIPE,
                                            stderr=log, text=True)
        alarm = threading.Timer(START_LIMIT_S, self.process.kill)
        alarm.start()
        line = self.process.stdout.readline()
        alarm.cancel()
        match = re.search(r"node status on (http://[^/]+)/node/status", line)
        assert match, self.log.read_text()
        self.url = match.group(1)

    def declare(self, engines):
        self.file.write_text(json.dumps({"engines": engines}))  # JSON is YAML

    def reload(self, engines):
        self.declare(engines)
        self.process.send_signal(signal.SIGHUP)

    def status(self):
        command = [BINARY, "node", "status", "--url", self.url, "--json"]
        engines = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["engines"]
        return {engine["name"]: engine for engine in engines}

    def engines(self):
        return {engine["name"]: engine for engine in httpx.get(self.url + "/node/status").json()["engines"]}

    def ready(self, name, not_pid=None):
        def look():
            engine = self.engines().get(name, {})
            return engine if engine.get("phase") == "ready" and engine["pid"] != not_pid else None
        return wait_for(look)

    def said(self, text):
        return wait_for(lambda: text in self.log.read_text(errors="replace"))


@contextlib.contextmanager
def node(folder, engines, *options):
    running = Node(folder, engines, *options)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        running.process.stdout.close()


def chats(port, model):
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", timeout=60,
                        json={"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3})
    return answer.status_code == 200 and answer.json()["usage"]["completion_tokens"] == 3


def test_the_life_of_a_node(tmp_path):
    (tmp_path / "flaky.py").write_text(FLAKY)
    ports = [free_port() for _ in range(4)]
    a, b, c = own("a", ports[0]), own("b", ports[1]), own("c", ports[3])
    flaky = {"name": "flaky", "kind": "openai", "port": ports[2], "drain": 5,
             "command": [sys.executable, str(tmp_path / "flaky.py"), str(tmp_path / "mark"), str(ports[2])]}
    with node(tmp_path, [a, b, flaky]) as running:
        # All get ready: the third after its first failure, which is counted and can be read.
        first = {name: running.ready(name) for name in ("a", "b", "flaky")}
        assert chats(ports[0], "a") and chats(ports[1], "b")
        assert first["a"]["devices"] == ["cpu"] and first["a"]["device_health"] == [] and first["a"]["restarts"] == 0
        assert first["flaky"]["restarts"] == 1 and "no card answers" in first["flaky"]["log"]
        assert set(running.status()) == {"a", "b", "flaky"}
        table = subprocess.run([BINARY, "node", "status", "--url", running.url], capture_output=True, text=True, check=True).stdout
        assert re.search(r"^a +ondol +ready +\d+ ", table, re.MULTILINE), table

        # One is killed, and comes back; the others run on.
        os.kill(first["a"]["pid"], signal.SIGKILL)
        again = running.ready("a", not_pid=first["a"]["pid"])
        assert again["restarts"] == 1 and running.ready("b")["pid"] == first["b"]["pid"]
        assert chats(ports[0], "a")

        # A broken file, and one with a mistake, change nothing.
        for wrong, message in [("engines: [", "node.yaml line"), (json.dumps({"engines": [a, a]}), "two of that name")]:
            running.file.write_text(wrong)
            running.process.send_signal(signal.SIGHUP)
            running.said(message)
        assert {name: engine["pid"] for name, engine in running.engines().items()} == {
            "a": again["pid"], "b": first["b"]["pid"], "flaky": first["flaky"]["pid"]}

        # One goes, one comes.
        running.reload([a, flaky, c])
        running.ready("c")
        wait_for(lambda: "b" not in running.engines())
        assert not lives(first["b"]["pid"])
        assert chats(ports[3], "c") and running.ready("a")["pid"] == again["pid"]

        # SIGTERM drains: an answer in progress is finished first.
        pids = [engine["pid"] for engine in running.engines().values()]
        with httpx.stream("POST", f"http://127.0.0.1:{ports[0]}/v1/chat/completions", timeout=60,
                          json={"model": "a", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 200,
                                "stream": True, "ignore_eos": True}) as answer:
            lines = answer.iter_lines()
            next(lines)
            running.process.send_signal(signal.SIGTERM)
            assert "data: [DONE]" in list(lines)
        assert running.process.wait(timeout=60) == 0
        assert not any(lives(pid) for pid in pids)


def test_a_node_that_is_killed_leaves_no_engine(tmp_path):
    (tmp_path / "mark").touch()
    (tmp_path / "flaky.py").write_text(FLAKY)
    ports = [free_port(), free_port()]
    engines = [own("a", ports[0]), {"name": "b", "kind": "openai", "port": ports[1],
                                    "command": [sys.executable, str(tmp_path / "flaky.py"), str(tmp_path / "mark"), str(ports[1])]}]
    with node(tmp_path, engines) as running:
        pids = [running.ready(name)["pid"] for name in ("a", "b")]
        running.process.kill()
        running.process.wait()
        wait_for(lambda: not any(lives(pid) for pid in pids))


@pytest.fixture
def cards(tmp_path):
    """The tree of two twin cards, and who loses and restores them."""
    floor = tmp_path / "floor.yaml"
    floor.write_text("devices: [{kind: rngd}, {kind: rngd}]\nengines:\n"
                     "  - {name: e0, kind: furiosa-llm, model: llama-3.1-8b, devices: 'npu:0'}\n"
                     "  - {name: e1, kind: furiosa-llm, model: llama-3.1-8b, devices: 'npu:1'}\n")
    tree = tmp_path / "tree"
    process = subprocess.Popen([BINARY, "twin", "--floor", floor, "--port-base", "0", "--tree", tree, "--json"],
                               stdout=subprocess.PIPE, text=True)
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            break
    control = json.loads(text)["control"]

    def fault(engine, kind):
        assert httpx.post(control + "/twin/fault", json={"engine": engine, "kind": kind}).status_code == 200
    try:
        yield tree, fault
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_engines_follow_their_cards(tmp_path, cards):
    tree, fault = cards
    (tmp_path / "mark").touch()
    (tmp_path / "flaky.py").write_text(FLAKY)

    def on(name, device):
        port = free_port()
        return {"name": name, "kind": "openai", "port": port, "devices": [device], "drain": 5,
                "command": [sys.executable, str(tmp_path / "flaky.py"), str(tmp_path / "mark"), str(port)]}

    a, b = on("a", "npu:0:0-3"), on("b", "npu:1")
    (tmp_path / "wrong.yaml").write_text(json.dumps({"engines": [a, on("x", "npu:3")]}))
    refused = subprocess.run([BINARY, "node", "--file", tmp_path / "wrong.yaml", "--port", "0", "--sysroot", tree],
                             capture_output=True, text=True)
    assert refused.returncode == 1 and "npu3 is not there; this machine has npu0, npu1" in refused.stderr

    with node(tmp_path, [a, b], "--sysroot", str(tree)) as running:
        first = {name: running.ready(name) for name in ("a", "b")}
        assert first["a"]["device_health"] == [{"device": "npu:0:0-3", "state": "well", "reason": ""}]
        running.reload([a, b, on("x", "npu:2")])
        running.said("npu2 is not there")
        fault("e1", "lost")
        gone = wait_for(lambda: (e := running.engines()["b"])["phase"] == "waiting" and e)
        assert gone["reason"] == "npu1 is not there; this machine has npu0" and not lives(first["b"]["pid"])
        assert gone["device_health"][0]["state"] == "gone"
        table = subprocess.run([BINARY, "node", "status", "--url", running.url], capture_output=True, text=True, check=True).stdout
        assert "npu:1 gone" in table
        assert running.ready("a")["pid"] == first["a"]["pid"]
        fault("e1", "none")
        running.ready("b", not_pid=first["b"]["pid"])


def test_beside_a_server(tmp_path):
    """`ondol up --node`: the engines start with it and end with it."""
    port = free_port()
    file = tmp_path / "node.yaml"
    file.write_text(json.dumps({"engines": [own("a", port)]}))
    process = subprocess.Popen([BINARY, "up", "--model", str(MODEL), "--name", "tiny", "--port", "0", "--threads", "1",
                                "--kv-bytes", "16M", "--node", file], stdout=subprocess.PIPE, text=True)
    alarm = threading.Timer(START_LIMIT_S, process.kill)
    alarm.start()
    try:
        door = next(int(line.rsplit(":", 1)[1]) for line in process.stdout if "listening on" in line)
        alarm.cancel()

        def answers():
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
        wait_for(answers)
        assert chats(port, "a")
        wait_for(lambda: "a" in [model["id"] for model in httpx.get(f"http://127.0.0.1:{door}/v1/models").json()["data"]])
        assert chats(door, "a") and chats(door, "tiny")

        def is_shown():
            endpoint = httpx.get(f"http://127.0.0.1:{door}/ondol/endpoints").json()["data"][0]
            return (endpoint["name"], endpoint["state"], endpoint["process"]) == ("a", "ready", "ready")
        wait_for(is_shown)
        children = pathlib.Path("/proc").glob(f"{process.pid}/task/*/children")
        engines = [int(pid) for child in children for pid in child.read_text().split()]
        assert len(engines) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert not lives(engines[0])
    finally:
        alarm.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
