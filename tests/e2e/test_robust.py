"""What the server does for clients that leave, crowd, or send nonsense."""

import concurrent.futures
import json
import time

import httpx
import openai
import pytest
from conftest import serve

PATIENCE_S = 30
ENDLESS = {"model": "tiny", "messages": [{"role": "user", "content": "go on"}], "temperature": 0, "ignore_eos": True}


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s: {what}"
        time.sleep(0.01)


def idle(server):
    return server.metric("ondol_requests_running") == 0 and server.metric("ondol_requests_waiting") == 0


def test_small_routes(server):
    assert server.http.get("/health").json() == {"status": "ok"}
    assert server.http.get("/ready").status_code == 200
    assert "version" in server.http.get("/version").json()
    assert "ondol_requests_running" in server.http.get("/metrics").text
    assert server.http.get("/nowhere").json()["error"]["code"] == "unknown_url"
    wrong = server.http.get("/v1/chat/completions")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


def test_a_client_that_leaves_frees_its_work(server):
    with server.http.stream("POST", "/v1/chat/completions", json=ENDLESS | {"stream": True}) as response:
        assert response.status_code == 200
        lines = response.iter_lines()  # kept: httpx closes the connection with it
        next(lines)
        # The figure may be a step older than the token.
        wait_until(lambda: server.metric("ondol_requests_running") == 1, "the stream does not show up as running")
    wait_until(lambda: idle(server), "the work of a stream whose client left goes on")


def test_a_client_that_leaves_before_its_answer_frees_its_work(server):
    cancelled = server.metric("ondol_answers_total") if "ondol_answers_total" in server.http.get("/metrics").text else 0
    with httpx.Client(base_url=server.url, timeout=httpx.Timeout(60, read=0.05)) as impatient:
        with pytest.raises(httpx.ReadTimeout):
            impatient.post("/v1/chat/completions", json=ENDLESS)
    wait_until(lambda: server.metric("ondol_answers_total") > cancelled and idle(server), "the work of a client that left goes on")


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"", "ends too early at byte 0"),
        (b"{", "ends too early at byte 1"),
        (b'{"model": tiny}', "at byte 10"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"model": "\xff"}', "invalid UTF-8 at byte 11"),
        (b'{"model": "\\ud800"}', "surrogate"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"model": 1e999}', "range"),
        (b'{"model": "tiny", "messages": {}}', "messages must be an array"),
        (b'{"model": "tiny", "messages": [' + b"0," * 2_100_000 + b"0]}", "JSON values"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_malformed_bodies(server, path, body, part):
    if path == "/v1/completions" and b"messages" in body:
        body, part = body.replace(b"messages", b"prompt"), part.replace("messages must be an array", "prompt must be")
    response = server.http.post(path, content=body)
    assert response.status_code == 400, response.text
    assert part in response.json()["error"]["message"]
    assert server.http.get("/health").status_code == 200


def test_oversized_body(server):
    try:
        response = server.http.post("/v1/completions", content=b" " * (33 << 20))
    except (httpx.WriteError, httpx.ReadError):
        pass  # refused by closing while the body was still on its way
    else:
        assert response.status_code == 413
    assert server.http.get("/health").status_code == 200


def test_wrong_content_type(server):
    response = server.http.post("/v1/completions", content=b"model=tiny", headers={"content-type": "application/x-www-form-urlencoded"})
    assert response.status_code == 415


@pytest.mark.parametrize("options", [{"temperature": 0}, {"temperature": 1, "seed": 11}], ids=["greedy", "seeded"])
def test_32_at_once_answer_as_each_alone(server, options):
    words = "the stone under the floor is warm and the house is quiet 온돌 방바닥".split()
    prompts = [" ".join(words[: 1 + i % len(words)]) + f" {i}" for i in range(32)]

    def ask(prompt):
        answer = server.client.completions.create(model="tiny", prompt=prompt, max_tokens=40, extra_body={"ignore_eos": True}, **options)
        return answer.choices[0].text

    alone = [ask(prompt) for prompt in prompts]
    assert len(set(alone)) > 16
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert list(pool.map(ask, prompts)) == alone


def test_streams_are_whole_under_load(server):
    def stream(i):
        text, finish, done = "", None, False
        body = ENDLESS | {"stream": True, "max_tokens": 60, "messages": [{"role": "user", "content": f"room {i}"}]}
        with server.http.stream("POST", "/v1/chat/completions", json=body) as response:
            for line in response.iter_lines():
                if line == "data: [DONE]":
                    done = True
                elif line:
                    choice = json.loads(line.removeprefix("data: "))["choices"][0]
                    text += choice["delta"].get("content", "")
                    finish = choice["finish_reason"] or finish
        return text, finish, done

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for text, finish, done in pool.map(stream, range(32)):
            assert text and finish == "length" and done


def test_an_answer_without_a_limit_ends_at_the_context():
    with serve("--threads", "1", "--kv-bytes", "16M", "--ctx", "128") as server:
        answer = server.http.post("/v1/chat/completions", json=ENDLESS).json()
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["total_tokens"] == server.http.get("/v1/models/tiny").json()["max_model_len"] == 128


def test_full_queue_says_429_and_when_to_come_back():
    with (
        serve("--threads", "1", "--kv-bytes", "64M", "--max-running", "1", "--max-waiting", "1") as server,
        httpx.Client(base_url=server.url, timeout=60) as other,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        with server.http.stream("POST", "/v1/chat/completions", json=ENDLESS | {"stream": True}) as running:
            lines = running.iter_lines()
            next(lines)
            second = pool.submit(other.post, "/v1/chat/completions", json=ENDLESS | {"max_tokens": 1})
            wait_until(lambda: server.metric("ondol_requests_waiting") == 1, "the second request does not wait")
            refused = server.http.post("/v1/chat/completions", json=ENDLESS)
            assert refused.status_code == 429, refused.text
            assert int(refused.headers["retry-after"]) >= 1
            assert refused.json()["error"]["type"] == "rate_limit_error"
            with pytest.raises(openai.RateLimitError):
                server.client.chat.completions.create(model="tiny", messages=ENDLESS["messages"])
            assert not second.done()
        assert second.result().status_code == 200
