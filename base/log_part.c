/* A format, conversion by conversion. */
#include "base/log_part.h"

#include "base/quote.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#define SPEC_MAX 48

/* One conversion of the format, without what follows it. */
struct spec {
	char text[SPEC_MAX]; /* "%-5.3", then what the printing adds */
	size_t n;
	char length; /* 0, 'l', 'L' for ll, 'j', 'z', 't' */
	char kind;   /* 'd', 's' ... */
};

void
log_args_begin(struct log_args *a, const char *fmt, va_list ap)
{
	a->at = fmt;
	va_copy(a->ap, ap);
}

void
log_args_end(struct log_args *a)
{
	va_end(a->ap);
}

/* ----------------------------------------------------------- parts */

static bool
in_key(char c, bool first)
{
	return (c >= 'a' && c <= 'z') ||
	    (!first && ((c >= '0' && c <= '9') || c == '_'));
}

/* Length of the key before the '=' at the start of s; 0: there is none. */
static size_t
key_here(const char *s)
{
	size_t n = 0;

	while (in_key(s[n], n == 0))
		n++;
	return s[n] == '=' ? n : 0;
}

/* Where the part that begins at s ends: before the blank of the next key, or at
 * the end. */
static const char *
part_end(const char *s)
{
	while (*s != '\0' && !(*s == ' ' && key_here(s + 1) > 0))
		s++;
	return s;
}

/* --------------------------------------------------------- printing */

static void
add(struct log_part *p, const char *text, size_t n)
{
	size_t room = sizeof(p->text) - p->n;

	n = n < room ? n : room;
	memcpy(p->text + p->n, text, n);
	p->n += n;
}

/* What snprintf has said of what was printed behind p->text + p->n. */
static void
grow(struct log_part *p, int k)
{
	size_t room = sizeof(p->text) - p->n;

	/* The last byte is the printer's zero. */
	p->n += k < 0 ? 0 : (size_t)k < room ? (size_t)k : room - (room > 0);
}

static void
extend(struct spec *s, const char *text, size_t n)
{
	if (s->n + n < sizeof(s->text) - 4) {
		memcpy(s->text + s->n, text, n);
		s->n += n;
	}
	s->text[s->n] = '\0';
}

/* A '*' is its argument, written out. */
static void
extend_star(struct spec *s, struct log_args *a)
{
	int v = va_arg(a->ap, int);
	char digits[16];

	if (v < 0 && s->text[s->n - 1] == '.')
		s->text[--s->n] = '\0'; /* as if there were no precision */
	else
		extend(s, digits,
		    (size_t)snprintf(digits, sizeof(digits), "%d", v));
}

/* Takes a conversion, a->at being behind its '%'. */
static void
take_spec(struct spec *s, struct log_args *a)
{
	*s = (struct spec){ .n = 0 };
	extend(s, "%", 1);
	for (; *a->at != '\0' && strchr("-+ #0123456789.*", *a->at); a->at++)
		if (*a->at == '*')
			extend_star(s, a);
		else
			extend(s, a->at, 1);
	for (; *a->at != '\0' && strchr("hljzt", *a->at); a->at++)
		s->length = *a->at == 'l' && s->length == 'l' ? 'L' : *a->at;
	s->kind = *a->at;
	if (*a->at != '\0')
		a->at++;
}

static intmax_t
take_signed(struct log_args *a, char length)
{
	switch (length) {
	case 'l':
		return va_arg(a->ap, long);
	case 'L':
		return va_arg(a->ap, long long);
	case 'j':
		return va_arg(a->ap, intmax_t);
	case 'z':
		return va_arg(a->ap, ssize_t);
	case 't':
		return va_arg(a->ap, ptrdiff_t);
	default: /* h and hh come as int */
		return va_arg(a->ap, int);
	}
}

static uintmax_t
take_unsigned(struct log_args *a, char length)
{
	switch (length) {
	case 'l':
		return va_arg(a->ap, unsigned long);
	case 'L':
		return va_arg(a->ap, unsigned long long);
	case 'j':
		return va_arg(a->ap, uintmax_t);
	case 'z':
	case 't':
		return va_arg(a->ap, size_t);
	default:
		return va_arg(a->ap, unsigned);
	}
}

static void
put_text(struct log_part *p, struct spec *s, const char *text, bool tame)
{
	char plain[LOG_PART_MAX];
	int k;

	extend(s, "s", 1);
	k = snprintf(plain, sizeof(plain), s->text,
	    text == NULL ? "(null)" : text);
	if (k < 0)
		return;
	if ((size_t)k >= sizeof(plain))
		k = sizeof(plain) - 1;
	if (tame && !quote_is_tame(plain, (size_t)k))
		p->n += quote_put(p->text + p->n, sizeof(p->text) - p->n, plain,
		    (size_t)k);
	else
		add(p, plain, (size_t)k);
}

/* Prints one conversion; returns whether it is that of a number. */
static bool
convert(struct log_part *p, struct log_args *a, bool tame)
{
	char *to = p->text + p->n;
	size_t room = sizeof(p->text) - p->n;
	struct spec s;

	take_spec(&s, a);
	if (s.kind == 's') {
		put_text(p, &s, va_arg(a->ap, const char *), tame);
	} else if (s.kind == 'c') {
		char one[2] = { (char)va_arg(a->ap, int), '\0' };

		put_text(p, &s, one, tame);
	} else if (s.kind == 'p') {
		grow(p, snprintf(to, room, "%p", va_arg(a->ap, void *)));
	} else if (s.kind == 'd' || s.kind == 'i') {
		extend(&s, "jd", 2);
		grow(p, snprintf(to, room, s.text, take_signed(a, s.length)));
	} else if (s.kind != '\0' && strchr("uxXo", s.kind) != NULL) {
		extend(&s, "j", 1);
		extend(&s, &s.kind, 1);
		grow(p, snprintf(to, room, s.text, take_unsigned(a, s.length)));
	} else if (s.kind != '\0' && strchr("eEfFgGaA", s.kind) != NULL) {
		extend(&s, &s.kind, 1);
		grow(p, snprintf(to, room, s.text, va_arg(a->ap, double)));
	} else {
		add(p, "?", 1); /* the compiler has warned of it */
	}
	return s.kind != '\0' && strchr("diueEfFgG", s.kind) != NULL;
}

bool
log_part_next(struct log_args *a, struct log_part *p, bool tame)
{
	const char *begin, *end;
	int pieces = 0, numbers = 0;

	if (*a->at == '\0')
		return false;
	if (*a->at == ' ' && key_here(a->at + 1) > 0)
		a->at++;
	p->key = a->at;
	p->nkey = key_here(a->at);
	p->n = 0;
	begin = a->at += p->nkey > 0 ? p->nkey + 1 : 0;
	end = part_end(begin);
	while (a->at < end) {
		pieces++;
		if (*a->at != '%' || a->at[1] == '%') {
			add(p, a->at, 1);
			a->at += *a->at == '%' ? 2 : 1;
			continue;
		}
		a->at++;
		numbers += convert(p, a, tame && p->nkey == 0);
	}
	p->number = pieces == 1 && numbers == 1;
	return true;
}
