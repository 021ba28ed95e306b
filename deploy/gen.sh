#!/usr/bin/env bash
# Makes the generated code under proto/ anew: lint, check for breaking changes,
# generate. buf must be on the PATH; make gen sees to that.
set -euo pipefail
cd "$(dirname "$0")/.."
buf lint
buf format -d --exit-code proto
if git rev-parse -q --verify HEAD~0 >/dev/null && git cat-file -e HEAD:proto/gatewatch/v1/node.proto 2>/dev/null; then
	base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD)
	against=$(mktemp -d)
	trap 'rm -rf "$against"' EXIT
	git archive "$base" proto | tar -x -C "$against"
	cp -r .tools/googleapis/. "$against/proto/"
	buf breaking proto --against "$against/proto" --exclude-imports
fi
buf generate
