#!/bin/sh
# Installs the Debian packages that building and testing need.  Does nothing
# when all are there; says exactly what to run when it may not install.
set -eu

# compiler and make; settings, JSON, patterns, Unicode, digests; console; tests:
# the console in a terminal, manual pages that are clean
packages='gcc make libc6-dev pkg-config
	libyaml-dev libjansson-dev libpcre2-dev libunistring-dev libssl-dev
	libncurses-dev
	check tmux groff-base'
# pictures of `chameleon sim --plots`; with OPTIONAL=1
optional=gnuplot-nox
[ "${OPTIONAL:-0}" = 0 ] || packages="$packages $optional"

if ! command -v dpkg-query >/dev/null; then
	echo "deps: no Debian system; these are needed, by whatever names:" \
	    $packages >&2
	exit 0
fi

missing=
for p in $packages; do
	s=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || :)
	[ "$s" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
echo "deps: missing:$missing"
if [ "$(id -u)" = 0 ]; then
	sudo=
elif sudo -n true 2>/dev/null; then
	sudo='sudo -n'
else
	echo "deps: neither root nor sudo without a password; run this, then" \
	    "make again:" >&2
	echo "    sudo apt-get update && sudo $install" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
if ! { $sudo apt-get update -q && $sudo $install; }; then
	echo "deps: that did not work; run this, then make again:" >&2
	echo "    ${sudo:+sudo }apt-get update && ${sudo:+sudo }$install" >&2
	exit 1
fi
