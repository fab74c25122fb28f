#!/bin/sh
# Every folder with sources says what it is; no folder does so in over 50 lines.
bad=0
for dir in $(find . -path './build*' -prune -o -name '*.[ch]' -print |
    cut -d/ -f2 | sort -u); do
	if [ ! -f "$dir/README.md" ]; then
		echo "$dir: no README.md"
		bad=1
	fi
done
for page in $(find . -path './build*' -prune -o -path './*/README.md' -print); do
	if [ "$(wc -l <"$page")" -gt 50 ]; then
		echo "$page: over 50 lines"
		bad=1
	fi
done
exit $bad
