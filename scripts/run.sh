#!/usr/bin/env bash
# What `make run` does after the build: fetches the model, starts `ondol up`, asks it a question, prints the streamed answer.
# ONCE=1 stops after the answer. MODEL picks another model (see `build/ondol model list`), PORT another port, QUESTION another question.
set -euo pipefail
cd "$(dirname "$0")/.."

ondol=build/ondol
port=${PORT:-8080}
memory_mib=$(awk '/MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
if [ -n "${MODEL:-}" ]; then
  model=$MODEL
elif [ "$memory_mib" -lt 3072 ]; then
  model=qwen2.5-coder-0.5b
else
  model=qwen2.5-coder-1.5b
fi
question=${QUESTION:-"대한민국의 수도는 어디인가요? 한 문장으로 답해 주세요."}

$ondol model get "$model"

ready=$(mktemp -u)
mkfifo "$ready"
$ondol up --model "$model" --port "$port" >"$ready" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$ready"' EXIT
url=
while read -r line; do
  echo "$line"
  case $line in listening\ on\ *) url=${line#listening on }; break ;; esac
done <"$ready"
if [ -z "$url" ]; then
  echo "the server ended before it was ready; its messages are above" >&2
  exit 1
fi

echo
echo "> $question"
$ondol chat --url "$url" --stats --temperature 0 --max-tokens 128 "$question"
echo
if [ "${ONCE:-0}" = 1 ]; then exit 0; fi
echo "The API is at $url/v1. Try:  $ondol chat --url $url      Stop with Ctrl-C."
trap 'kill "$server" 2>/dev/null || true' INT TERM
wait "$server" || true
