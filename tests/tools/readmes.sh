#!/bin/sh
# Every folder with sources says what it is, in at most 50 lines.
bad=0
for dir in $(find . -path './build*' -prune -o -name '*.[ch]' -print |
    cut -d/ -f2 | sort -u); do
	if [ ! -f "$dir/README.md" ]; then
		echo "$dir: no README.md"
		bad=1
	elif [ "$(wc -l <"$dir/README.md")" -gt 50 ]; then
		echo "$dir/README.md: over 50 lines"
		bad=1
	fi
done
exit $bad
