"""What answers cost: in their usage, and on /metrics."""

import pytest
from conftest import serve

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8, "seed": 1}


@pytest.fixture(scope="module")
def metered():
    with serve("--threads", "1", "--kv-bytes", "16M", "--price-electricity", "1000000", "--pue", "1.4", "--price-device-hour", "1000000",
               "--grid-co2", "420", "--cpu-idle-power", "40", "--cpu-busy-power", "200") as server:
        yield server


def check(account):
    assert account["device"] == "cpu"
    assert account["energy_source"] in ("estimate", "counter")
    assert account["energy_j"] > 0
    assert account["device_seconds"] > 0
    assert account["queue_ms"] >= 0
    assert account["cost_krw"] > 0
    assert account["co2_g"] == pytest.approx(account["energy_j"] * 1.4 / 3.6e6 * 420, abs=2e-6)


def test_a_whole_answer_says_what_it_cost(metered):
    for path, body in [("/v1/chat/completions", CHAT), ("/v1/completions", {"model": "tiny", "prompt": "a", "max_tokens": 8}),
                       ("/v1/responses", {"model": "tiny", "input": "hello", "max_output_tokens": 16})]:
        answer = metered.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        check(answer.json()["usage"]["ondol"])


def test_the_last_chunk_of_a_stream_says_it_too(metered):
    chunks = list(metered.client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))
    check(chunks[-1].usage.model_extra["ondol"])


def test_several_answers_are_added_up(metered):
    usage = metered.http.post("/v1/chat/completions", json=CHAT | {"n": 3}).json()["usage"]
    check(usage["ondol"])


def test_metrics_know_the_device(metered):
    assert metered.metric("ondol_device_healthy") == 1
    assert metered.metric("ondol_device_memory_total_bytes") > 0
    assert metered.metric("ondol_request_energy_joules_total") >= 0
    assert metered.metric("ondol_idle_energy_joules_total") >= 0


def test_without_prices_there_is_no_price(server):
    usage = server.http.post("/v1/chat/completions", json=CHAT).json()["usage"]["ondol"]
    assert usage["energy_j"] > 0
    assert "cost_krw" not in usage and "co2_g" not in usage
