#!/usr/bin/env bash
# clang-format as a check, then clang-tidy with the list in .clang-tidy over all sources.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files '*.h' '*.cc' | xargs clang-format-19 --dry-run --Werror
python3 tests/layers.py
cmake -S . -B build-lint -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 >/dev/null
git ls-files 'src/*.cc' | grep -v -E '_fuzz\.cc$' | xargs -P "$(nproc)" -n 4 clang-tidy-19 -p build-lint --quiet
