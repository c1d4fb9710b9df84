"""Anthropic's official JavaScript client: each case of tests/clients/anthropic/run.mjs as a test, and what needs a server of its own."""

import os
import pathlib
import re
import subprocess

import pytest

from node_packages import node_of

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients" / "anthropic"
CASES = re.findall(r'^  async "(.+)"\(\)', (CLIENTS / "run.mjs").read_text(), re.MULTILINE)


@pytest.fixture(scope="session")
def anthropic_node():
    return node_of(CLIENTS)


def test_cases_were_found():
    assert len(CASES) >= 10


@pytest.mark.parametrize("case", CASES)
def test_client(anthropic_node, server, case):
    environment = os.environ | {"ANTHROPIC_BASE_URL": server.url}
    command = [str(anthropic_node), str(CLIENTS / "run.mjs"), case]
    result = subprocess.run(command, cwd=CLIENTS, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip().endswith("ok")


def test_other_methods_are_refused(server):
    answer = server.http.get("/v1/messages")
    assert answer.status_code == 405
    assert answer.json()["type"] == "error"
    assert answer.headers["request-id"] == answer.headers["x-request-id"]


def test_bodies_that_are_no_json(server):
    answer = server.http.post("/v1/messages", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_large_bodies_are_answered(server):
    body = {"model": "no-such-model", "max_tokens": 1, "messages": [{"role": "user", "content": "a" * 100_000}]}
    answer = server.http.post("/v1/messages", json=body)
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found_error"
