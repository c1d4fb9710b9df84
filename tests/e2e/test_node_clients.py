"""The official JavaScript clients: each case of tests/clients/run.mjs as a test. Skipped where Node and its packages cannot be had."""

import pathlib
import re
import subprocess

import pytest

from node_packages import node_of

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"
CASES = re.findall(r'^  async "(.+)"\(\)', (CLIENTS / "run.mjs").read_text(), re.MULTILINE)


@pytest.fixture(scope="session")
def node():
    return node_of(CLIENTS)


def test_cases_were_found():
    assert len(CASES) >= 10


@pytest.mark.parametrize("case", CASES)
def test_client(node, server, case):
    command = [str(node), str(CLIENTS / "run.mjs"), server.url + "/v1", case]
    result = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip().endswith("ok")
