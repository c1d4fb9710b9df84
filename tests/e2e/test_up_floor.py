"""`ondol up --floor`: twins of NPUs and GPUs beside the server of this machine, in one process."""

import os
import re
import signal
import subprocess
import threading

import httpx
import openai
import pytest
from conftest import MODEL, ROOT, START_LIMIT_S

FLOOR = ROOT / "deploy" / "floors" / "small.yaml"


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    tree = tmp_path_factory.mktemp("floor") / "tree"
    binary = os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))
    command = [binary, "up", "--model", str(MODEL), "--name", "tiny", "--port", "0", "--threads", "1", "--kv-bytes", "16M",
               "--floor", str(FLOOR), "--floor-tree", str(tree), "--floor-port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    alarm = threading.Timer(START_LIMIT_S, process.kill)
    alarm.start()
    engines, url = {}, None
    for line in process.stdout:
        if match := re.match(r"(llama\S+) .*(http://\S+)$", line.rstrip()):
            engines[match.group(1)] = match.group(2)
        if match := re.search(r"listening on (http://\S+)", line):
            url = match.group(1)
            break
    alarm.cancel()
    assert url, process.wait()
    yield url, engines, tree
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    process.stdout.close()
    assert not tree.exists(), "the tree outlived the floor"


def test_all_of_the_floor_answers(up):
    url, engines, _ = up
    assert set(engines) == {"llama-0", "llama-gpu-0"}
    for base, model in [(url, "tiny"), (engines["llama-0"], "llama-3.1-8b"), (engines["llama-gpu-0"], "llama-3.1-8b")]:
        client = openai.OpenAI(base_url=base + "/v1", api_key="none", max_retries=0, timeout=60)
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}], max_tokens=3)
        assert answer.usage.completion_tokens == 3


def test_metrics_show_every_device(up):
    page = httpx.get(up[0] + "/metrics").text
    kinds = re.findall(r'^ondol_device_healthy\{[^}]*kind="(\w+)"[^}]*\} 1$', page, re.MULTILINE)
    assert sorted(kinds) == ["cpu", "nvidia", "rngd"]
    power = {kind: float(watts) for kind, watts in re.findall(r'^ondol_device_power_watts\{[^}]*kind="(\w+)"[^}]*\} (\S+)$', page, re.MULTILINE)}
    assert power["rngd"] > 0 and power["nvidia"] > 0
