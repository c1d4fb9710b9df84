#!/usr/bin/env bash
# Makes sure that the Debian packages for the named uses are there: scripts/deps.sh build [test] [tools].
# As root it installs what is missing; otherwise it says exactly what is missing and the command that installs it.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for use in "$@"; do
  while read -r package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done < <(awk -v use="$use" '!/^#/ && $2 == use { print $1 }' packages.txt)
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are missing: ${missing[*]}" >&2
  echo "Install them with:  sudo apt-get update && sudo apt-get install -y ${missing[*]}" >&2
  exit 1
fi
echo "installing: ${missing[*]}"
log=$(mktemp)
if ! { DEBIAN_FRONTEND=noninteractive apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt-get could not install them; the whole log is in $log" >&2
  exit 1
fi
rm -f "$log"
