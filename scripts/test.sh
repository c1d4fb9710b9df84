#!/usr/bin/env bash
# Everything that must pass, on a finished build: layers, unit tests, golden models, and the end-to-end tests against the real binary.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}

python3 tests/layers.py
ctest --test-dir "$build" --output-on-failure

venv=$build/venv
if ! cmp -s tests/requirements.txt "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/requirements.txt
  cp tests/requirements.txt "$venv/requirements.txt"
fi
ONDOL_BIN=$PWD/$build/ondol "$venv/bin/python" -m pytest -q tests/e2e
# The schema compiler against the official suite and an independent validator; without the arguments it takes minutes and tries more.
"$venv/bin/python" tests/grammar/check_schema_suite.py "$build" --random 60 --seeds 2
