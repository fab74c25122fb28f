#!/bin/sh
# What policy/ calls beside itself: arithmetic, plain memory, must, and its
# random stream.  No clock, no allocation, no input or output.
allowed='must_broken rng_seed rng_next rng_below rng_unit rng_normal rng_exponential rng_at
	memcpy memset memmove memcmp strcmp strncmp strlen qsort
	exp exp2 expf log log2 log10 logf pow powf sqrt sqrtf floor ceil round
	lround fmin fmax fabs hypot'
own=$(nm --defined-only -g "$1" | awk 'NF == 3 { print $3 }')
nm -u "$1" | awk -v allowed="$allowed $own" '
BEGIN	{ n = split(allowed, a); for (i = 1; i <= n; i++) ok[a[i]] = 1 }
/:$/	{ file = $1 }
NF == 2 && $1 == "U" && !($2 in ok) && $2 !~ /^__(asan|ubsan|tsan|stack_chk)/ &&
$2 !~ /^_GLOBAL_OFFSET_TABLE_$/ {
	print "policy/" file " may not call " $2; bad = 1 }
END	{ exit bad }'
