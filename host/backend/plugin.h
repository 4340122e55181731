/* What a plug-in exports: its table, by this name. */
#ifndef PC_BACKEND_PLUGIN_H
#define PC_BACKEND_PLUGIN_H

#include "backend/ops.h"

#define PC_PLUGIN_SYMBOL "patchclamp_plugin_ops"

#ifdef __cplusplus
extern "C" {
#endif

/* The table; its first field says which interface it has, and with another nothing else of it is
 * looked at. */
__attribute__((visibility("default"))) const pc_ops *patchclamp_plugin_ops(void);

#ifdef __cplusplus
}
#endif
#endif
