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

static void
print_range(const struct param *p, FILE *f)
{
	char least[48], most[48];

	if (p->kind == PARAM_CHOICE)
		fprintf(f, "One of %s.", p->choices);
	else if (p->kind == PARAM_REAL)
		fprintf(f, "%g to %g.", p->real_least, p->real_most);
	else if (is_bytes(p) && p->least > 0)
		fprintf(f, "%s to %s.",
		    number(p, p->least, least, sizeof(least)),
		    number(p, p->most, most, sizeof(most)));
	else if (is_number(p))
		fprintf(f, "%" PRIu64 " to %s.", p->least,
		    number(p, p->most, most, sizeof(most)));
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

static void
print_default(const struct param *p, FILE *f)
{
	char buf[48];

	if (p->kind == PARAM_REAL)
		fprintf(f, "%g", p->real_def);
	else if (!is_number(p))
		fprintf(f, "%s", p->text[0] != '\0' ? p->text : "\"\"");
	else if (is_bytes(p))
		fprintf(f, "%s", number(p, p->def, buf, sizeof(buf)));
	else
		fprintf(f, "%" PRIu64, p->def);
}

void
conf_help(FILE *f)
{
	for (int i = 0; i < conf_nparams; i++) {
		const struct param *p = &conf_params[i];

		fprintf(f, "  %s (default ", p->key);
		print_default(p, f);
		fprintf(f, ")\n");
		fold(f, "      ", p->help);
		if (p->kind == PARAM_TEXT)
			continue;
		fprintf(f, "      ");
		print_range(p, f);
		fprintf(f, "\n");
	}
}

/* A comment a setting: what it does, then what it may be. */
static void
comment(const struct param *p, FILE *f, const char *front)
{
	fold(f, front, p->help);
	if (p->kind == PARAM_TEXT)
		return;
	fputs(front, f);
	print_range(p, f);
	fputc('\n', f);
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
