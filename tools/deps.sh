#!/bin/sh
# Installs the Debian packages that building needs, with the word `tests` also
# those that only tests need.  Does nothing when all are there; says exactly what
# to run when it may not install.
set -eu

# compiler and make; settings, JSON, patterns, Unicode, digests; console, HTTP;
# tests
packages='gcc make libc6-dev pkg-config
	libyaml-dev libjansson-dev libpcre2-dev libunistring-dev libssl-dev
	libncurses-dev libmicrohttpd-dev check'
# the console in a terminal, manual pages that are clean, a real Prometheus
tests='tmux groff-base prometheus'
[ "${1:-}" != tests ] || packages="$packages $tests"
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

# What brings a service is wanted for its programs: it is neither started nor
# enabled.
policy=/usr/sbin/policy-rc.d
if [ "${1:-}" = tests ] && [ ! -e $policy ]; then
	trap '$sudo rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
fi
if ! { $sudo apt-get update -q && $sudo $install; }; then
	echo "deps: that did not work; run this, then make again:" >&2
	echo "    ${sudo:+sudo }apt-get update && ${sudo:+sudo }$install" >&2
	exit 1
fi
for p in $missing; do
	case " $tests " in
	*" $p "*) $sudo systemctl disable -q "$p" 2>/dev/null || : ;;
	esac
done
