#!/usr/bin/env bash
# Runs every fuzz target of a fuzz build for some seconds from its corpus: scripts/fuzz.sh BUILD_DIR SECONDS. New finds stay in BUILD_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?build folder}
seconds=${2:?seconds for each target}
for target in "$build"/*_fuzz; do
  name=$(basename "$target" _fuzz)
  mkdir -p "$build/corpus/$name"
  echo "== $name"
  "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 -artifact_prefix="$build/$name-" \
    "$build/corpus/$name" "tests/fuzz/$name"
done
echo "all fuzz targets ran $seconds s without a finding"
