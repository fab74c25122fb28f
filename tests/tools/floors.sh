#!/bin/sh
# A file includes its own folder and lower floors, nothing else.
floors='base:1 conf:2 model:2 policy:2 shm:2 device:2 proc:3 snap:4 admin:4
	supervisor:5 tui:5 monitor:5 frontend:5 scheduler:5 loader:5 gpuexec:5
	holder:5 sim:6 cli:7 tests:8'
find . -path './build*' -prune -o \( -name '*.[ch]' -o -name '*.cu' \
    -o -name '*.tbl' \) -exec awk -v f="$floors" '
BEGIN	{ n = split(f, a); for (i = 1; i <= n; i++) {
		split(a[i], p, ":"); floor[p[1]] = p[2] } }
FNR == 1 { split(FILENAME, d, "/"); here = d[2] }
/^#include "/ { split($2, q, /["\/]/); there = q[2]
	if (!(there in floor) ||
	    (there != here && floor[there] >= floor[here])) {
		print FILENAME ":" FNR ": may not include " $2; bad = 1 } }
END	{ exit bad }' {} +
