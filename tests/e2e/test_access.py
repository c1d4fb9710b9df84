"""API keys, web pages and TLS of the real binary."""

import contextlib
import json
import os
import pathlib
import ssl
import subprocess
import time

import httpx
import openai
import pytest
from conftest import ROOT, serve
from test_hostile import connect, rss_bytes
from test_robust import wait_until

BINARY = os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))
SMALL = ("--threads", "1", "--kv-bytes", "16M")
PAGE = "https://chat.example.com"


def ondol(*arguments):
    return subprocess.run([BINARY, *arguments], check=True, capture_output=True, text=True).stdout


def test_keys_are_made_used_and_revoked_without_a_restart(tmp_path):
    file = str(tmp_path / "keys.jsonl")
    key = ondol("key", "create", "--file", file, "--name", "alice").strip()
    assert (tmp_path / "keys.jsonl").stat().st_mode & 0o777 == 0o600
    with serve(*SMALL, "--api-keys", file, "--require-key") as server:
        refused = server.http.get("/v1/models")
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.json()["error"]["code"] == "missing_api_key"
        for open_path in ("/health", "/ready", "/metrics"):
            assert server.http.get(open_path).status_code == 200
        with pytest.raises(openai.AuthenticationError):
            server.client.models.list()
        client = openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0)
        assert client.models.list().data[0].id == "tiny"
        stream = client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "hi"}], max_tokens=4, stream=True)
        assert list(stream)[-1].choices[0].finish_reason
        with_header = {"x-api-key": key}
        assert server.http.get("/v1/models", headers=with_header).status_code == 200

        second = json.loads(ondol("key", "create", "--file", file, "--name", "bob", "--expires", "1h", "--json"))
        wait_until(lambda: server.http.get("/v1/models", headers={"x-api-key": second["key"]}).status_code == 200, "a new key is not seen")
        ondol("key", "revoke", "--file", file, key[9:17])
        wait_until(lambda: server.http.get("/v1/models", headers=with_header).status_code == 401, "a revoked key goes on")
        pathlib.Path(file).write_text("garbage")
        time.sleep(1.1)
        assert server.http.get("/v1/models", headers={"x-api-key": second["key"]}).status_code == 200, "the last good keys stay"


def test_without_a_key_a_large_body_is_refused_before_it_is_read(tmp_path):
    file = str(tmp_path / "keys.jsonl")
    key = ondol("key", "create", "--file", file, "--name", "alice").strip()
    body = b" " * (30 << 20)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with serve(*SMALL, "--api-keys", file, "--require-key") as server, contextlib.ExitStack() as stack:
        before = rss_bytes(server)
        for secret in ("", "Authorization: Bearer sk-ondol-wrong\r\n"):
            for _ in range(20):
                connection = stack.enter_context(connect(server))
                connection.sendall((head + secret + "\r\n").encode() + body[:1000])
                answer = connection.recv(65536)  # the rest is never sent
                assert answer.startswith(b"HTTP/1.1 401 ") and b"\r\nConnection: close\r\n" in answer, answer
                code = b"invalid_api_key" if secret else b"missing_api_key"
                assert code in answer, answer
        assert rss_bytes(server) < before + (8 << 20)
        with_key = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        taken = server.http.post("/v1/completions", content=body, headers=with_key)
        assert taken.status_code == 400 and "JSON" in taken.json()["error"]["message"], taken.text


def test_pages_that_may_call(tmp_path):
    with serve(*SMALL, "--cors-origin", PAGE, "--cors-origin", "http://localhost:3000") as server:
        asked = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
        preflight = server.http.options("/v1/chat/completions", headers=asked)
        assert preflight.status_code == 204 and preflight.headers["access-control-allow-origin"] == PAGE
        body = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4, "stream": True}
        streamed = server.http.post("/v1/chat/completions", json=body, headers={"origin": PAGE})
        assert streamed.headers["access-control-allow-origin"] == PAGE and streamed.headers["vary"] == "Origin"
        assert "x-request-id" in streamed.headers["access-control-expose-headers"]
        assert int(streamed.headers["openai-processing-ms"]) >= 0
        other = server.http.options("/v1/chat/completions", headers=asked | {"origin": "https://evil.example"})
        assert other.status_code == 403 and "access-control-allow-origin" not in other.headers


def test_https(tmp_path):
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*make, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    with serve(*SMALL, "--tls-cert", cert, "--tls-key", key) as server:
        assert server.url.startswith("https://")
        with httpx.Client(base_url=server.url, verify=ssl.create_default_context(cafile=cert)) as client:
            body = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8, "stream": True}
            answer = client.post("/v1/chat/completions", json=body)
            assert answer.status_code == 200 and answer.text.rstrip().endswith("[DONE]")
        plain = httpx.get(server.url.replace("https://", "http://") + "/health")
        assert plain.status_code == 400 and "https://" in plain.json()["error"]["message"]


def test_options_that_cannot_work_are_refused_at_once(tmp_path):
    for options in (["--require-key"], ["--api-keys", "/no/such/file"], ["--tls-cert", "/no/such/file"], ["--cors-origin", "example.com"]):
        command = [BINARY, "serve", "--model", str(ROOT / "tests" / "models" / "tiny-chat"), "--port", "0", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and done.stderr.startswith("ondol: "), done.stderr
