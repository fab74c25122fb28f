#!/bin/sh
# install.sh BUILD DESTDIR PREFIX: programs, settings, the demo model, a unit,
# manual pages, completion.
set -eu
build=$1 root=$2$3 prefix=$3

install -d "$root/bin" "$root/libexec/chameleon" "$root/share/chameleon/models" \
    "$root/lib/systemd/system" "$root/share/doc/chameleon"
install -m 755 "$build/bin/chameleon" "$root/bin/"
install -m 755 "$build"/bin/chameleon-* "$root/libexec/chameleon/"
sed "s|\"models/demo|\"$prefix/share/chameleon/models/demo|" \
    etc/chameleon.yaml >"$root/share/chameleon/chameleon.yaml"
chmod 644 "$root/share/chameleon/chameleon.yaml"
cp -R models/demo "$root/share/chameleon/models/"
chmod -R u=rwX,go=rX "$root/share/chameleon/models"
for part in prometheus/prometheus.yml prometheus/rules.yml \
    grafana/chameleon.json; do
	install -D -m 644 "etc/$part" "$root/share/chameleon/$part"
done
sed "s|@PREFIX@|$prefix|" etc/chameleon.service \
    >"$root/lib/systemd/system/chameleon.service"
for page in "$build"/man/*.[15]; do
	install -D -m 644 "$page" \
	    "$root/share/man/man${page##*.}/${page##*/}"
done
install -d "$root/share/bash-completion/completions"
"$build/bin/chameleon" completion bash \
    >"$root/share/bash-completion/completions/chameleon"
chmod 644 "$root/share/bash-completion/completions/chameleon"
install -m 644 LICENSE "$root/share/doc/chameleon/"
echo "installed below $root; try:"
echo "    $prefix/bin/chameleon serve -c $prefix/share/chameleon/chameleon.yaml"
