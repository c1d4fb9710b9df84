"""/v1/embeddings and /v1/rerank of the real binary, over the tiny embedding model; its vectors were computed in Python (see
tests/models/make_tiny_e5s1.py)."""

import base64
import json
import math
import struct

import openai
import pytest
from conftest import ROOT, serve

FOLDER = ROOT / "tests" / "models" / "tiny-e5s1"
CASES = [case for case in json.loads((FOLDER / "expected.json").read_text()) if case["text"].strip()]
TEXTS = [case["text"] for case in CASES]
ROUNDING = 4e-3  # the kernels round activations to 8 bits; at a tie they may go the other way


@pytest.fixture(scope="module")
def server():
    with serve("--threads", "2", "--kv-bytes", "16M", "--embeddings", str(FOLDER / "model.e5s1")) as running:
        yield running


@pytest.fixture(scope="module")
def name(server):
    (model,) = [model for model in server.http.get("/v1/models").json()["data"] if "dimensions" in model]
    assert (model["state"], model["dimensions"], model["max_model_len"]) == ("ready", 64, 40)
    return model["id"]


def embed(server, name, texts, **more):
    response = server.http.post("/v1/embeddings", json={"model": name, "input": texts} | more)
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["model"] == name and [entry["index"] for entry in body["data"]] == list(range(len(body["data"])))
    return [entry["embedding"] for entry in body["data"]], body["usage"]


def unpack(text):
    data = base64.b64decode(text, validate=True)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def single(value):
    """The nearest float of 32 bits."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_vectors_are_those_of_the_reference(server, name):
    vectors, usage = embed(server, name, TEXTS)
    for case, vector in zip(CASES, vectors, strict=True):
        assert len(vector) == 64
        assert max(abs(x - y) for x, y in zip(case["embedding"], vector, strict=True)) < ROUNDING, case["text"]
        assert math.isclose(dot(vector, vector), 1, abs_tol=1e-5)
    assert usage == {"prompt_tokens": sum(len(case["ids"]) for case in CASES), "total_tokens": sum(len(case["ids"]) for case in CASES)}


def test_base64_holds_the_same_floats(server, name):
    numbers, _ = embed(server, name, TEXTS, encoding_format="float")
    texts, _ = embed(server, name, TEXTS, encoding_format="base64")
    assert [unpack(text) for text in texts] == [[single(x) for x in vector] for vector in numbers]


def test_the_official_client(server, name):
    numbers, _ = embed(server, name, TEXTS)
    answer = server.client.embeddings.create(model=name, input=TEXTS)  # asks for base64 and decodes it
    assert [[single(x) for x in entry.embedding] for entry in answer.data] == [[single(x) for x in vector] for vector in numbers]
    one = server.client.embeddings.create(model=name, input=TEXTS[0], encoding_format="float")
    assert one.data[0].embedding == numbers[0] and len(one.data) == 1


def test_a_vector_depends_on_its_own_text_only(server, name):
    together, _ = embed(server, name, TEXTS * 20)
    alone = [embed(server, name, text)[0][0] for text in TEXTS]
    assert together == alone * 20


def test_token_ids_prefixes_and_fewer_dimensions(server, name):
    numbers, _ = embed(server, name, TEXTS)
    assert embed(server, name, [case["ids"] for case in CASES])[0] == numbers
    assert embed(server, name, "온돌", input_type="query")[0] == embed(server, name, "query: 온돌")[0]
    assert embed(server, name, "온돌", input_type="passage")[0] == embed(server, name, "passage: 온돌")[0]
    (short,), _ = embed(server, name, TEXTS[0], dimensions=16)
    length = math.sqrt(dot(numbers[0][:16], numbers[0][:16]))
    assert len(short) == 16 and all(abs(x * length - y) < 1e-6 for x, y in zip(short, numbers[0][:16], strict=True))


def test_what_cannot_be_embedded_says_why(server, name):
    long = "a " * 100
    refused = server.http.post("/v1/embeddings", json={"model": name, "input": long})
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "context_length_exceeded"
    vectors, usage = embed(server, name, long, truncate_prompt_tokens=-1)
    assert len(vectors) == 1 and usage["prompt_tokens"] == 40
    with pytest.raises(openai.NotFoundError, match="embedding model"):
        server.client.embeddings.create(model="tiny", input="a")
    for more in ({"input": []}, {"input": ""}, {"input": [[]]}, {"input": [[99999]]}, {"dimensions": 65}, {"dimensions": 0}):
        refused = server.http.post("/v1/embeddings", json={"model": name, "input": "a"} | more)
        assert refused.status_code == 400 and refused.json()["error"]["message"], more
    chat = server.http.post("/v1/chat/completions", json={"model": name, "messages": [{"role": "user", "content": "hi"}]})
    assert chat.status_code == 404


def test_rerank_orders_by_the_cosine(server, name):
    query = "온돌 방바닥"
    (asked,), _ = embed(server, name, query, input_type="query")
    passages, _ = embed(server, name, TEXTS, input_type="passage")
    scores = {i: dot(asked, passage) for i, passage in enumerate(passages)}
    body = {"model": name, "query": query, "documents": TEXTS, "return_documents": True}
    for path in ("/v1/rerank", "/rerank"):
        results = server.http.post(path, json=body).json()["results"]
        assert [entry["index"] for entry in results] == sorted(scores, key=scores.get, reverse=True)
        for entry in results:
            assert math.isclose(entry["relevance_score"], scores[entry["index"]], abs_tol=1e-5)
            assert entry["document"]["text"] == TEXTS[entry["index"]]
    first = server.http.post("/v1/rerank", json=body | {"top_n": 2, "return_documents": False}).json()["results"]
    assert [entry["index"] for entry in first] == [entry["index"] for entry in results[:2]] and "document" not in first[0]


def test_chats_go_on_beside_it(server, name):
    answer = server.client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "hi"}], max_tokens=4)
    assert answer.choices[0].finish_reason in ("length", "stop")
