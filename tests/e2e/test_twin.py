"""The twins through the real binary, with the official client: both surfaces, cancellation, faults, the device tree."""

import contextlib
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

    def device_j(self, name):
        devices = httpx.get(self.control + "/twin/floor").json()["devices"]
        return next(each["energy_j"] for each in devices if each["name"] == name)

    def state(self, engine):
        engines = httpx.get(self.control + "/twin/floor").json()["engines"]
        return next(each for each in engines if each["name"] == engine)


def wait_for(condition):
    limit = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit, "it did not come to pass"
        time.sleep(0.02)


@contextlib.contextmanager
def run_twin(floor, tree):
    binary = os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))
    command = [binary, "twin", "--floor", str(floor), "--port-base", "0", "--speed", "20", "--tree", str(tree), "--json"]
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


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    with run_twin(ROOT / "deploy/floors/small.yaml", tmp_path_factory.mktemp("twin") / "tree") as running:
        yield running


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


RELAY_FLOOR = """
devices: [{{kind: rngd}}, {{kind: h100}}]
engines:
  - {{name: npu, kind: furiosa-llm, model: llama-3.1-8b, devices: "npu:0", relay: {{url: "{url}", model: tiny}}}}
  - {{name: gpu, kind: vllm, model: llama-3.1-8b, devices: "gpu:0", relay: {{url: "{url}", model: {gpu_model}}}}}
"""


def test_a_relay_says_what_a_real_model_says(server, tmp_path):
    floor = tmp_path / "floor.yaml"
    floor.write_text(RELAY_FLOOR.format(url=server.url, gpu_model="tiny"))
    asked = {"messages": MESSAGES, "max_tokens": 16, "temperature": 0}
    truth = server.client.chat.completions.create(model="tiny", **asked).choices[0]
    with run_twin(floor, tmp_path / "tree") as twin:
        for engine in ("npu", "gpu"):
            client = twin.client(engine)
            answer = client.chat.completions.create(model="llama-3.1-8b", **asked)
            assert answer.choices[0].message.content == truth.message.content
            assert answer.choices[0].finish_reason == truth.finish_reason
            stream = client.chat.completions.create(model="llama-3.1-8b", stream=True, **asked)
            assert "".join(c.choices[0].delta.content for c in stream if c.choices) == truth.message.content
            assert httpx.get(twin.engines[engine] + "/version").json()["ondol_text"] == "relay to tiny"
            # Who leaves the twin leaves the model, too.
            stream = client.chat.completions.create(model="llama-3.1-8b", messages=MESSAGES, stream=True,
                                                    max_tokens=4000, extra_body={"ignore_eos": True})
            next(iter(stream))
            stream.close()
            wait_for(lambda: server.metric("ondol_requests_running") == 0)
            assert twin.state(engine)["relay_problem"] == ""


def test_a_relay_that_fails_is_an_error_with_a_reason(server, tmp_path):
    floor = tmp_path / "floor.yaml"
    floor.write_text(RELAY_FLOOR.format(url=server.url, gpu_model="nobody"))
    with run_twin(floor, tmp_path / "tree") as twin:
        with pytest.raises(openai.InternalServerError):
            twin.client("gpu").chat.completions.create(model="llama-3.1-8b", messages=MESSAGES, max_tokens=4)
        assert "404" in twin.state("gpu")["relay_problem"]


def test_a_power_limit_holds_the_engine_back(twin, tmp_path):
    binary = os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))

    def set_device(*options):
        subprocess.run([binary, "device", "set", "--sysroot", str(twin.tree), "--no-vendor-libraries", *options], check=True,
                       env={**os.environ, "XDG_STATE_HOME": str(tmp_path)})

    stream = twin.client("llama-0").chat.completions.create(
        model="llama-3.1-8b", messages=MESSAGES, max_tokens=100000, stream=True)
    next(iter(stream))
    assert not twin.state("llama-0")["capped"]
    set_device("--device", "npu0", "--power-limit", "80")
    wait_for(lambda: twin.state("llama-0")["capped"])
    wait_for(lambda: 60 < twin.state("llama-0")["power_w"] < 80.1)
    set_device("--restore")
    wait_for(lambda: not twin.state("llama-0")["capped"])
    stream.close()
    # What the card has drawn is what its engine has counted.
    wait_for(lambda: twin.metric("llama-0", "furiosa_llm_num_requests_running") == 0)
    engine_j = twin.state("llama-0")["energy_j"]
    wait_for(lambda: twin.device_j("npu0") >= engine_j)
