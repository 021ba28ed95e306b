#!/usr/bin/env bash
# Installs the real peers that integration tests talk to, from Debian packages:
# nginx, rsyslog with its TLS and Elasticsearch outputs, Postfix, logger, curl. It
# starts none of them. Without root or apt it says what is missing, and the tests
# that need it fail by name (go test -short leaves them out).
set -euo pipefail

packages=(nginx-light rsyslog rsyslog-openssl rsyslog-elasticsearch postfix bsdutils curl strace e2fsprogs)
missing=()
for p in "${packages[@]}"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
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
