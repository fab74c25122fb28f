/* Settings in layers: defaults, a file, a system, single ones. */
#include "cli/settings.h"

#include "base/err.h"
#include "conf/systems.h"

#include <stddef.h>

int
settings_pairs(struct conf *c, const struct cmd_list *pairs)
{
	for (int i = 0; i < pairs->n; i++)
		if (conf_set_pair(c, pairs->at[i]) != 0)
			return err_add("--set");
	return 0;
}

int
cmd_settings(struct conf *c, const char *system, const char *file,
    const struct cmd_list *pairs)
{
	int e = 0;

	conf_defaults(c);
	if (file != NULL)
		e = conf_read(c, file);
	if (e == 0 && system != NULL) {
		enum conf_from was = conf_by(c, CONF_FROM_SYSTEM);

		e = conf_system(c, system);
		(void)conf_by(c, was);
	}
	return e == 0 ? settings_pairs(c, pairs) : e;
}
