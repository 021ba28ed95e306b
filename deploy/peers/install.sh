#!/usr/bin/env bash
# Installs the real peers that integration tests talk to, from Debian packages:
# nginx with ModSecurity v3 (which only a test's own configuration loads), rsyslog
# with its TLS and Elasticsearch outputs, Postfix, logger, curl, and Chromium with
# Chinese fonts, in which the console is looked at. It starts none of them. Without root or apt it says what is missing, and the tests
# that need it fail by name (go test -short leaves them out). pyarrow, pandas and
# DuckDB, which read archives, come from the Python package index into .tools/python.
set -euo pipefail
cd "$(dirname "$0")/../.."

readers() {
	local want="duckdb==2.0.0 pyarrow==26.0.1 pandas==3.1.1" done=.tools/python/readers
	[ "$(cat "$done" 2>/dev/null)" = "$want" ] && return
	python3 -m venv --clear .tools/python
	# shellcheck disable=SC2086 # words
	.tools/python/bin/pip install --quiet --disable-pip-version-check $want
	echo "$want" >"$done"
}

packages=(nginx-light libnginx-mod-http-modsecurity rsyslog rsyslog-openssl rsyslog-elasticsearch postfix bsdutils curl strace e2fsprogs python3-venv chromium fonts-noto-cjk)
missing=()
for p in "${packages[@]}"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -eq 0 ]; then
	readers
	exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "missing peers: ${missing[*]} (install them, or run as root on Debian); their tests fail" >&2
	[ -z "${CI:-}" ] || exit 1
	exit 0
fi
# Packages must not start their services: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
readers
