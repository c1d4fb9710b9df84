#!/usr/bin/env bash
# `make bench`: the peer built once, then both programs in turn on the three models. ROUNDS (default 3) and MODELS choose less or more.
set -euo pipefail
cd "$(dirname "$0")/.."
peer=$(bench/peer.sh)
exec python3 bench/compare.py --peer "$peer" --rounds "${ROUNDS:-3}" ${MODELS:+--models "$MODELS"} "$@"
