/* report.html from a circuit and an open run database. */
#ifndef PC_SEARCH_REPORT_PRIVATE_H
#define PC_SEARCH_REPORT_PRIVATE_H

#include "graph/circuit_private.h"
#include "patchclamp/report.h"
#include "store/run_store.h"

/* The page; `store` may be NULL. */
pc_status pc_report_put(pc_text *out, const pc_circuit *circuit, pc_store *store,
                        const pc_draw_options *options);

pc_status pc_report_write_from(const pc_circuit *circuit, pc_store *store, const char *path,
                               const pc_draw_options *options);

#endif
