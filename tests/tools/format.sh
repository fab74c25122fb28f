#!/bin/sh
# What clang-format 14 would change.  Other versions disagree with it in
# details, so they are not asked.
tool=$(command -v clang-format-14 || command -v clang-format)
if [ -z "$tool" ] || ! "$tool" --version | grep -q 'version 14\.'; then
	echo "format: skipped: clang-format 14 is absent"
	exit 0
fi
find . -path './build*' -prune -o -name '*.[ch]' -print |
    xargs "$tool" --dry-run -Werror
