"""Starts the real binary ($ONDOL_BIN, else build/ondol) over the tiny chat model, once per set of options."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import threading

import httpx
import openai
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests" / "models" / "tiny-chat"
START_LIMIT_S = 60


class Server:
    def __init__(self, url, process):
        self.url = url
        self.process = process
        self.http = httpx.Client(base_url=url, timeout=60, verify=False)
        self.client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=60)

    def metric(self, name):
        """The sum over the series of a metric."""
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.http.get("/metrics").text, re.MULTILINE)
        assert values, f"{name} is not on /metrics"
        return sum(float(value) for value in values)


@contextlib.contextmanager
def serve(*options):
    binary = os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))
    command = [binary, "serve", "--model", str(MODEL), "--name", "tiny", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    alarm = threading.Timer(START_LIMIT_S, process.kill)  # ends the loop below
    alarm.start()
    try:
        url = None
        for line in process.stdout:
            if match := re.search(r"listening on (https?://\S+)", line):
                url = match.group(1)
                break
        alarm.cancel()
        assert url, f"{' '.join(command)} did not start (exit status {process.wait()})"
        yield Server(url, process)
        assert process.poll() is None, f"the server died with status {process.returncode}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        alarm.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def server():
    with serve("--threads", "2", "--kv-bytes", "64M") as running:
        yield running


@pytest.fixture(scope="session")
def client(server):
    return server.client
