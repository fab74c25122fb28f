#!/bin/sh
# Stops the outliers: a function over 70 lines, a file over 600.
find . -path './build*' -prune -o \( -name '*.[ch]' -o -name '*.cu' \) \
    -exec awk '
FNR == 1 { open = 0 }
/^\{/	{ open = FNR }
/^\}/	{ if (open && FNR - open + 1 > 70) {
		print FILENAME ":" open ": a function of " FNR - open + 1 \
		    " lines, want at most 70"; bad = 1 }
	  open = 0 }
	{ lines[FILENAME] = FNR }
END	{ for (f in lines) if (lines[f] > 600) {
		print f ": " lines[f] " lines, want at most 600"; bad = 1 }
	  exit bad }' {} +
