/* A name that somebody has sent becomes an entry of the catalogue, or a sentence: the
 * same for clients and for operators. */
#include "frontend/frontend.h"

#include <string.h>

static bool
unlike_any(struct frontend *fe, const char *name, const char *field,
    struct api_fail *fail)
{
	char near[DIR_NAME_MAX];

	fe_names_near(&fe->names, name, near);
	if (near[0] == '\0')
		return api_refuse(fail, API_UNKNOWN_ADAPTER, field,
		    "there is no model or adapter '%s'", name);
	return api_refuse(fail, API_UNKNOWN_ADAPTER, field,
	    "there is no model or adapter '%s'; did you mean '%s'?", name,
	    near);
}

bool
fe_named(struct frontend *fe, const char *name, const char *field,
    struct name_found *found, struct api_fail *fail)
{
	char all[DIR_REASON_MAX];

	if (fe_names_find(&fe->names, name, found))
		return true;
	if (*fe_names_versions(fe->g, name, all, sizeof(all)) == '\0')
		return unlike_any(fe, name, field, fail);
	if (strchr(name, '@') != NULL)
		return api_refuse(fail, API_UNKNOWN_ADAPTER, field,
		    "there is no '%s'; of this name there are versions %s",
		    name, all);
	/* They are kept, and nobody but an operator says which one serves. */
	return api_refuse(fail, API_ADAPTER_REMOVED, field,
	    "adapter '%s': the version that was to serve it is gone; there are "
	    "versions %s: let one serve it by 'chameleon ctl rollback "
	    "%s@VERSION', or ask for it by its number",
	    name, all, name);
}
