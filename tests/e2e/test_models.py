"""Two chat models in one server: loaded when they are asked for, one in memory at a time if so wanted."""

import concurrent.futures

import pytest
from conftest import MODEL, serve
from test_robust import ENDLESS, wait_until

SMALL = ("--threads", "1", "--kv-bytes", "16M")


@pytest.fixture
def second(tmp_path):
    """The tiny chat model under another name."""
    path = tmp_path / "second"
    path.symlink_to(MODEL)
    return ("--also", str(path))


def states(server):
    return {model["id"]: model["state"] for model in server.http.get("/v1/models").json()["data"]}


def ask(server, model, **more):
    body = ENDLESS | {"model": model, "max_tokens": 20} | more
    return server.http.post("/v1/chat/completions", json=body)


def text(response):
    assert response.status_code == 200, response.text
    assert response.json()["usage"]["completion_tokens"] == 20
    return response.json()["choices"][0]["message"]["content"]


def ask_until_there_is_room(server, model):
    """The model that has to go is in use until its last answer is cleared away."""
    answers = []

    def answered():
        answers.append(ask(server, model))
        return answers[-1].status_code != 429

    wait_until(answered, "the other model stays in use")
    return answers[-1]


def test_a_second_model_is_loaded_when_it_is_asked_for(second):
    with serve(*SMALL, *second) as server:
        assert states(server) == {"tiny": "ready", "second": "unloaded"}
        first = text(ask(server, "tiny"))
        assert states(server)["second"] == "unloaded"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:  # they wait for it together
            answers = list(pool.map(lambda i: text(ask(server, "tiny" if i % 2 else "second")), range(8)))
        assert states(server) == {"tiny": "ready", "second": "ready"}
        assert first and set(answers) == {first}, "two names of the same weights"
        other = ask(server, "third")
        assert other.status_code == 404 and '"tiny", "second"' in other.json()["error"]["message"].replace("'", '"')


def test_with_max_loaded_one_model_goes_before_the_other_comes(second):
    with serve(*SMALL, *second, "--max-loaded", "1") as server:
        first = text(ask(server, "tiny"))
        assert text(ask_until_there_is_room(server, "second")) == first
        assert states(server) == {"tiny": "unloaded", "second": "ready"}
        assert text(ask_until_there_is_room(server, "tiny")) == first
        assert states(server) == {"tiny": "ready", "second": "unloaded"}


def test_a_model_that_answers_is_not_unloaded(second):
    with serve(*SMALL, *second, "--max-loaded", "1") as server:
        with server.http.stream("POST", "/v1/chat/completions", json=ENDLESS | {"stream": True}) as running:
            lines = running.iter_lines()
            next(lines)
            refused = ask(server, "second")
            assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
            assert "in use" in refused.json()["error"]["message"]
            for _ in range(10):
                assert next(lines) is not None
            assert states(server)["tiny"] == "ready"
        assert text(ask_until_there_is_room(server, "second"))


def test_an_unused_model_leaves_memory(second):
    with serve(*SMALL, *second, "--idle-unload", "1") as server:
        answer = text(ask(server, "second"))
        wait_until(lambda: set(states(server).values()) == {"unloaded"}, "unused models stay")
        assert text(ask(server, "tiny")) == text(ask(server, "second")) == answer


def test_a_model_that_cannot_be_loaded_says_why(tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF, it says")
    with serve(*SMALL, "--also", str(broken)) as server:
        failed = ask(server, "broken")
        assert failed.status_code >= 400 and "broken.gguf" in failed.json()["error"]["message"], failed.text
        assert states(server) == {"tiny": "ready", "broken": "failed"}
        assert text(ask(server, "tiny"))
