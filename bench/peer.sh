#!/usr/bin/env bash
# Builds the peer of our figures, llama.cpp, out of the PyPI source package that carries it, into ./peer (never committed).
# Prints the folder of its programs. About 10 minutes on two cores, once.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
archive=llama_cpp_python-$version.tar.gz
bin=$PWD/peer/build/bin
if [ -x "$bin/llama-bench" ] && [ -x "$bin/llama-batched-bench" ] && [ -x "$bin/llama-server" ]; then
  echo "$bin"
  exit 0
fi
mkdir -p peer && cd peer
{
  [ -f "$archive" ] || python3 -m pip download --no-deps --no-binary :all: --no-build-isolation "llama-cpp-python==$version" ||
    python3 -m pip download --no-deps "llama-cpp-python==$version"
  echo "$sha256  $archive" | sha256sum -c -
  tar xzf "$archive"
  cmake -S "llama_cpp_python-$version/vendor/llama.cpp" -B build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DBUILD_SHARED_LIBS=OFF
  cmake --build build -j "$(nproc)" --target llama-bench llama-batched-bench llama-server
} >&2
echo "$bin"
