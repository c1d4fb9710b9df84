"""`ondol up --floor`: twins of NPUs and GPUs beside the server of this machine, in one process."""

import os
import re
import signal
import subprocess
import threading
import time

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
    engines, url, control = {}, None, None
    for line in process.stdout:
        if match := re.match(r"(llama\S+) .*(http://\S+)$", line.rstrip()):
            engines[match.group(1)] = match.group(2)
        if match := re.search(r"control at (http://[^:]+:\d+)", line):
            control = match.group(1)
        if match := re.search(r"listening on (http://\S+)", line):
            url = match.group(1)
            break
    alarm.cancel()
    assert url, process.wait()
    yield url, engines, tree, control
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    process.stdout.close()
    assert not tree.exists(), "the tree outlived the floor"


def test_all_of_the_floor_answers(up):
    url, engines, _, _ = up
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


def post(url, **fields):
    body = {"model": "llama-3.1-8b", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8} | fields
    return httpx.post(url + "/v1/chat/completions", json=body, timeout=60)


@pytest.fixture(scope="module")
def door(up):
    """The server's own URL, once it knows that both engines behind it are ready."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        endpoints = httpx.get(up[0] + "/ondol/endpoints").json()["data"]
        if [endpoint["state"] for endpoint in endpoints] == ["ready", "ready"]:
            return up[0]
    raise AssertionError(endpoints)


def test_one_door_answers_for_every_model(door):
    models = {model["id"]: model for model in httpx.get(door + "/v1/models").json()["data"]}
    assert set(models) == {"tiny", "llama-3.1-8b"}
    assert models["llama-3.1-8b"]["state"] == "ready"
    used = {post(door).headers["x-ondol-endpoint"] for _ in range(4)}
    assert used == {"llama-0", "llama-gpu-0"}


def test_answers_through_the_door_say_what_they_cost(door):
    for _ in range(2):
        answer = post(door)
        assert answer.status_code == 200, answer.text
        account = answer.json()["usage"]["ondol"]
        assert account["device"] == {"llama-0": "npu0", "llama-gpu-0": "gpu0"}[answer.headers["x-ondol-endpoint"]]
        # What the GPU's counter has not told yet when an answer ends is taken from its power.
        assert account["energy_source"] in {"npu0": ("power",), "gpu0": ("counter", "power")}[account["device"]]
        assert account["energy_j"] > 0 and account["device_seconds"] > 0


def test_streams_through_the_door_say_it_in_their_last_chunk(door):
    client = openai.OpenAI(base_url=door + "/v1", api_key="none", max_retries=0, timeout=60)
    chat = {"model": "llama-3.1-8b", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 12}
    chunks = list(client.chat.completions.create(**chat, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens == 12
    assert chunks[-1].usage.model_extra["ondol"]["energy_j"] > 0
    plain = list(client.chat.completions.create(**chat, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in plain)
    items = list(client.responses.create(model="llama-3.1-8b", input="hello", max_output_tokens=16, stream=True))
    assert items[-1].response.usage.model_extra["ondol"]["energy_j"] > 0


def test_a_crashed_engine_costs_the_others_nothing(door, up):
    floor = httpx.get(up[3] + "/twin/floor").json()
    assert {engine["name"] for engine in floor["engines"]} == {"llama-0", "llama-gpu-0"}
    httpx.post(up[3] + "/twin/fault", json={"engine": "llama-0", "kind": "crash"}).raise_for_status()
    for _ in range(4):
        answer = post(door)
        assert answer.status_code == 200 or answer.headers["x-ondol-endpoint"] == "llama-0", answer.text
    httpx.post(up[3] + "/twin/fault", json={"engine": "llama-0", "kind": "none"}).raise_for_status()


def test_every_joule_of_the_floor_is_somebodys(door):
    post(door, max_tokens=64)
    page = httpx.get(door + "/metrics").text
    for device in ("npu0", "gpu0"):
        for kind in ("request", "idle"):
            assert re.search(rf'^ondol_{kind}_energy_joules_total\{{[^}}]*device="{device}"[^}}]*\}} [1-9]', page, re.MULTILINE), (kind, device)
