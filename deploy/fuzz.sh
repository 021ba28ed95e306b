#!/usr/bin/env bash
# Runs every fuzz target of the module one after another: fuzz.sh TIME
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}
found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	echo "== $(dirname "$file") $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")"
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' cmd services detection test | sed -E 's/:func /:/')
[ "$found" -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
