/* Finding plug-ins. */
#ifndef PC_BACKEND_PLUGIN_LOAD_H
#define PC_BACKEND_PLUGIN_LOAD_H

#include "backend/ops.h"

#include <stdbool.h>

/* Loads libpatchclamp_BACKEND.so, which stands in the folder `patchclamp` beside this library (or
 * the program that it is a part of), or beside it; it stays loaded. PC_ERR_UNSUPPORTED: it is not
 * there, cannot be loaded, or was built for another interface. */
pc_status pc_plugin_load(const pc_ops **out, const char *backend);

/* Whether there is such a file. */
bool pc_plugin_exists(const char *backend);

#endif
