#!/usr/bin/env bash
# Unpacks the google/api annotations from a pinned package into a folder:
# googleapis.sh VERSION FOLDER
set -euo pipefail
version=$1 folder=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps -d "$tmp" "googleapis-common-protos==$version"
mkdir -p "$folder"
python3 - "$tmp" "$folder" <<'PY'
import glob, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
for name in ("google/api/annotations.proto", "google/api/http.proto"):
    wheel.extract(name, sys.argv[2])
PY
