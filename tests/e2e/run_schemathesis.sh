#!/usr/bin/env bash
# Sends generated requests (10,000; or as many as said) to the tiny model's server by its own /openapi.json, and fails on any 5xx:
#   tests/e2e/run_schemathesis.sh [REQUESTS]
# Run by hand. ONDOL_BIN = the binary (build/ondol). Schemathesis lives in a virtual environment of its own under the build folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
requests=${1:-10000}
build=${BUILD:-build}
version=4.32.5
venv=$build/schemathesis-venv
if ! [ -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

work=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
  rm -rf "$work"
}
trap finish EXIT
"${ONDOL_BIN:-$build/ondol}" serve --model tests/models/tiny-chat --name tiny --embeddings tests/models/tiny-e5s1/model.e5s1 --port 0 --threads 1 --kv-bytes 32M --ctx 256 \
  >"$work/out" 2>"$work/log" &
server=$!
url=
while [ -z "$url" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  url=$(sed -n 's/^listening on //p' "$work/out")
  sleep 0.1
done

# By the server's own count: "ondol_http_requests_total" of statuses that match the pattern.
answered() {
  curl -sf "$url/metrics" | awk -v status="^ondol_http_requests_total[{]status=\"$1\"[}]" '$0 ~ status {sum += $2} END {print sum + 0}'
}

# Only operations with parameters or bodies get many requests, so runs are repeated until there were enough.
for ((seed = 1; $(answered '[0-9]+') < requests; ++seed)); do
  "$venv/bin/schemathesis" run "$url/openapi.json" --checks not_a_server_error,response_schema_conformance,content_type_conformance \
    --phases examples,coverage,fuzzing --max-examples "$(((requests + 2) / 3))" --seed "$seed" --request-timeout 60 --no-shrink \
    --suppress-health-check all --warnings off
done
wrong=$(answered '5[0-9]+')
echo "$(answered '[0-9]+') requests answered, $wrong of them with 5xx"
[ "$wrong" = 0 ]
