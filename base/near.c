/* Optimal string alignment, row by row. */
#include "base/near.h"

#include <string.h>

static int
least(int a, int b, int c)
{
	int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

int
near_distance(const char *a, const char *b)
{
	int row[3][NEAR_LENGTH_MAX + 1];
	int *older = row[0], *old = row[1], *new = row[2];
	int na = (int)strnlen(a, NEAR_LENGTH_MAX);
	int nb = (int)strnlen(b, NEAR_LENGTH_MAX);

	for (int j = 0; j <= nb; j++)
		old[j] = j;
	for (int i = 1; i <= na; i++) {
		new[0] = i;
		for (int j = 1; j <= nb; j++) {
			new[j] = least(old[j] + 1, new[j - 1] + 1,
			    old[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && older[j - 2] + 1 < new[j])
				new[j] = older[j - 2] + 1;
		}
		int *spare = older;
		older = old;
		old = new;
		new = spare;
	}
	return old[nb];
}

int
near_enough(const char *a, int distance)
{
	return distance <= (int)strnlen(a, NEAR_LENGTH_MAX) / 3 + 1;
}
