#!/usr/bin/env bash
# Makes the generated code under proto/ anew: lint, check for breaking changes,
# generate. buf must be on the PATH; make gen sees to that.
set -euo pipefail
cd "$(dirname "$0")/.."
buf lint
buf format -d --exit-code proto
# Nothing may break that was released, or before the first release committed.
base=$(git describe --tags --abbrev=0 2>/dev/null || git rev-parse -q --verify HEAD~1 || true)
if [ -n "$base" ] && git cat-file -e "$base:proto/gatewatch/v1/node.proto" 2>/dev/null; then
	against=$(mktemp -d)
	trap 'rm -rf "$against"' EXIT
	git archive "$base" proto | tar -x -C "$against"
	cp -r .tools/googleapis/. "$against/proto/"
	buf breaking proto --against "$against/proto" --exclude-imports
fi
buf generate
