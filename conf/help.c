/* Settings for people: the list, the commented file, the values in force. */
#include "conf/conf.h"
#include "conf/params.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

static bool
is_number(const struct param *p)
{
	return p->kind == PARAM_U32 || p->kind == PARAM_U64;
}

static bool
is_bytes(const struct param *p)
{
	return strcmp(p->unit, "bytes") == 0;
}

/* "512 tokens", "1 GiB", "1000 bytes". */
static const char *
number(const struct param *p, uint64_t n, char *buf, size_t size)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	const char *unit = p->unit;

	for (int i = 0; is_bytes(p) && i < 4 && n > 0 && n % 1024 == 0; i++) {
		n /= 1024;
		unit = units[i];
	}
	snprintf(buf, size, "%" PRIu64 " %s", n, unit);
	return buf;
}

static const char *
range_text(const struct param *p, char *buf, size_t size)
{
	char least[48], most[48];

	buf[0] = '\0';
	if (p->kind == PARAM_CHOICE)
		snprintf(buf, size, "One of %s.", p->choices);
	else if (p->kind == PARAM_REAL)
		snprintf(buf, size, "%g to %g.", p->real_least, p->real_most);
	else if (is_bytes(p) && p->least > 0)
		snprintf(buf, size, "%s to %s.",
		    number(p, p->least, least, sizeof(least)),
		    number(p, p->most, most, sizeof(most)));
	else if (is_number(p))
		snprintf(buf, size, "%" PRIu64 " to %s.", p->least,
		    number(p, p->most, most, sizeof(most)));
	return buf;
}

static const char *
default_text(const struct param *p, char *buf, size_t size)
{
	if (p->kind == PARAM_REAL)
		snprintf(buf, size, "%g", p->real_def);
	else if (!is_number(p))
		snprintf(buf, size, "%s",
		    p->text[0] != '\0' ? p->text : "\"\"");
	else if (is_bytes(p))
		return number(p, p->def, buf, size);
	else
		snprintf(buf, size, "%" PRIu64, p->def);
	return buf;
}

bool
conf_about(int i, struct conf_about *about)
{
	const struct param *p = &conf_params[i];

	if (i < 0 || i >= conf_nparams)
		return false;
	*about = (struct conf_about){ .key = p->key,
		.help = p->help,
		.choices = p->kind == PARAM_CHOICE ? p->choices : NULL,
		.live = strcmp(p->section, "policy") == 0 };
	(void)default_text(p, about->def, sizeof(about->def));
	(void)range_text(p, about->range, sizeof(about->range));
	return true;
}

/* Text in lines of at most 78 columns, each behind front. */
static void
fold(FILE *f, const char *front, const char *text)
{
	while (*text != '\0') {
		size_t room = 78 - strlen(front), n = strlen(text);

		if (n > room) {
			n = room;
			while (n > 0 && text[n] != ' ')
				n--;
			if (n == 0)
				n = room;
		}
		fprintf(f, "%s%.*s\n", front, (int)n, text);
		text += n;
		while (*text == ' ')
			text++;
	}
}

void
conf_help(FILE *f)
{
	struct conf_about a;

	for (int i = 0; conf_about(i, &a); i++) {
		fprintf(f, "  %s (default %s)\n", a.key, a.def);
		fold(f, "      ", a.help);
		if (a.range[0] != '\0')
			fprintf(f, "      %s\n", a.range);
	}
}

/* A comment a setting: what it does, then what it may be. */
static void
comment(const struct param *p, FILE *f, const char *front)
{
	char range[256];

	fold(f, front, p->help);
	if (p->kind != PARAM_TEXT)
		fprintf(f, "%s%s\n", front,
		    range_text(p, range, sizeof(range)));
}

void
conf_yaml(FILE *f)
{
	const char *section = "";

	fprintf(f,
	    "# Settings of Chameleon, each with its default.  What is left "
	    "out has its\n"
	    "# default; an unknown name is an error.  Sizes in bytes may be "
	    "written 512MiB.\n"
	    "# 'chameleon check --defaults' prints this file.\n");
	for (int i = 0; i < conf_nparams; i++) {
		const struct param *p = &conf_params[i];
		bool inner = p->section[0] != '\0';

		fputc('\n', f);
		if (inner && strcmp(p->section, section) != 0)
			fprintf(f, "%s:\n", p->section);
		section = p->section;
		comment(p, f, inner ? "  # " : "# ");
		fprintf(f, "%s%s: ", inner ? "  " : "", p->name);
		if (is_number(p))
			fprintf(f, "%" PRIu64 "\n", p->def);
		else if (p->kind == PARAM_REAL)
			fprintf(f, "%g\n", p->real_def);
		else
			fprintf(f, "\"%s\"\n", p->text);
	}
}

void
conf_print(const struct conf *c, FILE *f)
{
	for (int i = 0; i < conf_nparams; i++) {
		char value[CONF_TEXT_MAX];

		fprintf(f, "%s: %s\n", conf_params[i].key,
		    conf_value(&conf_params[i], c, value, sizeof(value)));
	}
}
