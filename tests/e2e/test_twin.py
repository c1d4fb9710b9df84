"""The twins through the real binary, with the official client: both surfaces, cancellation, faults, the device tree."""

import json
import os
import re
import signal
import subprocess
import time

import httpx
import openai
import pytest

from conftest import ROOT

PATIENCE_S = 60
MESSAGES = [{"role": "user", "content": "hello there"}]


class Twin:
    def __init__(self, floor, tree):
        self.control = floor["control"]
        self.engines = {engine["name"]: engine["url"] for engine in floor["engines"]}
        self.tree = tree

    def client(self, engine):
        return openai.OpenAI(base_url=self.engines[engine] + "/v1", api_key="none", max_retries=0, timeout=60)

    def metric(self, engine, name):
        page = httpx.get(self.engines[engine] + "/metrics").text
        return sum(float(value) for value in re.findall(rf"^{name}{{[^}}]*}} (\S+)$", page, re.MULTILINE))

    def fault(self, engine, kind, **more):
        answer = httpx.post(self.control + "/twin/fault", json={"engine": engine, "kind": kind, **more})
        assert answer.status_code == 200, answer.text

    def state(self, engine):
        engines = httpx.get(self.control + "/twin/floor").json()["engines"]
        return next(each for each in engines if each["name"] == engine)


def wait_for(condition):
    limit = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    binary = os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))
    tree = tmp_path_factory.mktemp("twin") / "tree"
    command = [binary, "twin", "--floor", str(ROOT / "deploy/floors/small.yaml"), "--port-base", "0", "--speed", "20",
               "--tree", str(tree), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        text = ""
        for line in process.stdout:
            text += line
            if line.startswith("}"):
                break
        yield Twin(json.loads(text), tree)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert not tree.exists()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("engine,prefix", [("llama-0", "chat-"), ("llama-gpu-0", "chatcmpl-")])
def test_chat(twin, engine, prefix):
    client = twin.client(engine)
    answer = client.chat.completions.create(model="llama-3.1-8b", messages=MESSAGES, max_tokens=12)
    assert answer.id.startswith(prefix)
    assert answer.choices[0].message.content.startswith("Lorem ipsum")
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 12


@pytest.mark.parametrize("engine", ["llama-0", "llama-gpu-0"])
def test_stream(twin, engine):
    stream = twin.client(engine).chat.completions.create(
        model="llama-3.1-8b", messages=MESSAGES, max_tokens=10, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content for c in chunks if c.choices).startswith("Lorem ipsum")
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"
    assert chunks[-1].usage.completion_tokens == 10


@pytest.mark.parametrize("engine", ["llama-0", "llama-gpu-0"])
def test_completions_and_responses(twin, engine):
    client = twin.client(engine)
    answer = client.completions.create(model="llama-3.1-8b", prompt=["one", "two"], max_tokens=3)
    assert [choice.index for choice in answer.choices] == [0, 1]
    if engine == "llama-0":
        response = client.responses.create(model="llama-3.1-8b", input="hello", max_output_tokens=4)
        assert response.status == "incomplete"
        assert response.output_text.startswith("Lorem")


@pytest.mark.parametrize("engine,prefix", [("llama-0", "furiosa_llm_"), ("llama-gpu-0", "vllm:")])
def test_a_client_that_leaves_frees_its_slot(twin, engine, prefix):
    running = prefix + "num_requests_running"
    stream = twin.client(engine).chat.completions.create(
        model="llama-3.1-8b", messages=MESSAGES, max_tokens=20000, stream=True)
    next(iter(stream))
    assert twin.metric(engine, running) == 1
    stream.close()
    wait_for(lambda: twin.metric(engine, running) == 0)
    assert twin.metric(engine, prefix + "generation_tokens_total") < 20000


@pytest.mark.parametrize("engine", ["llama-0", "llama-gpu-0"])
def test_errors(twin, engine):
    client = twin.client(engine)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="llama-3.1-8b", messages=MESSAGES, max_tokens=10**9)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="llama-3.1-8b", messages=MESSAGES, temperature=-1)


def test_a_crash_is_told_and_the_engine_comes_back(twin):
    stream = twin.client("llama-0").chat.completions.create(
        model="llama-3.1-8b", messages=MESSAGES, max_tokens=20000, stream=True)
    next(iter(stream))
    twin.fault("llama-0", "crash")
    with pytest.raises(openai.APIError):
        for _ in stream:
            pass
    wait_for(lambda: not twin.state("llama-0")["serving"])
    with pytest.raises(httpx.ConnectError):
        httpx.get(twin.engines["llama-0"] + "/health")
    assert httpx.get(twin.engines["llama-gpu-0"] + "/health").status_code == 200
    twin.fault("llama-0", "none")
    wait_for(lambda: twin.state("llama-0")["serving"])
    assert httpx.get(twin.engines["llama-0"] + "/health").status_code == 200


def test_the_tree_is_read_as_a_real_one(twin):
    binary = os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))

    def card():
        out = subprocess.run([binary, "device", "list", "--sysroot", str(twin.tree), "--no-vendor-libraries", "--json"],
                             capture_output=True, text=True, check=True).stdout
        return next((d for d in json.loads(out)["devices"] if d["kind"] == "rngd"), None)

    wait_for(lambda: card() and card()["power_w"] > 20)
    assert card().get("unhealthy", "") in ("", None)
    twin.fault("llama-0", "garbage")
    wait_for(lambda: card()["unhealthy"])
    twin.fault("llama-0", "none")
    wait_for(lambda: not card()["unhealthy"])
    twin.fault("llama-0", "lost")
    wait_for(lambda: card() is None)
    twin.fault("llama-0", "none")
    wait_for(lambda: card() is not None and twin.state("llama-0")["serving"])
