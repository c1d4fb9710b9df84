#!/usr/bin/env bash
# Sends generated requests (10,000; or as many as said) to the tiny model's server by its own /openapi.json, and fails on any 5xx:
#   tests/e2e/run_schemathesis.sh [REQUESTS]
# Run by hand. ONDOL_BIN = the binary (build/ondol), JOBS = generators at once (one for each CPU).
# Schemathesis lives in a virtual environment of its own under the build folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
requests=${1:-10000}
jobs=${JOBS:-$(nproc)}
build=$(realpath -m "${BUILD:-build}")
version=4.32.5
venv=$build/schemathesis-venv
if ! [ -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

work=$(mktemp -d)
: >"$work/out"
server=
generators=()
finish() {
  for pid in "${generators[@]}" $server; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  rm -rf "$work"
}
trap finish EXIT
"$(realpath "${ONDOL_BIN:-$build/ondol}")" serve --model "$root/tests/models/tiny-chat" --name tiny \
  --embeddings "$root/tests/models/tiny-e5s1/model.e5s1" --port 0 --threads 1 --kv-bytes 32M --ctx 256 >"$work/out" 2>"$work/log" &
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

# generate NAME OPTION...; what it prints is shown if it fails.
generate() {
  local name=$1
  shift
  mkdir -p "$work/$name"  # for its database of examples
  (cd "$work/$name" && exec "$venv/bin/schemathesis" run "$url/openapi.json" --request-timeout 60 --no-shrink --warnings off \
    --checks not_a_server_error,response_schema_conformance,content_type_conformance --suppress-health-check all "$@") \
    >"$work/$name/out" 2>&1 || { cat "$work/$name/out" >&2; return 1; }
}

# Making a request up takes far longer than answering it, and Python uses one CPU: so there is a process for each, with a seed of its own.
# Short rounds, because each gives every operation the same number of requests, and some take ten times as long as others.
fuzz() {
  local seed
  for ((seed = $1; $(answered '[0-9]+') < requests; seed += jobs)); do
    generate "fuzz$1" --phases fuzzing --max-examples 50 --seed "$seed"
    echo "$(answered '[0-9]+') of $requests"
  done
}

generate coverage --phases examples,coverage --seed 1  # by rule, the same every time
for ((job = 1; job <= jobs; ++job)); do
  fuzz "$job" &
  generators+=($!)
done
failed=0
for pid in "${generators[@]}"; do wait "$pid" || failed=1; done
generators=()
wrong=$(answered '5[0-9]+')
echo "$(answered '[0-9]+') requests answered, $wrong of them with 5xx"
[ "$wrong" = 0 ] && [ "$failed" = 0 ]
