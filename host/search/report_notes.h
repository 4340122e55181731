/* What a search keeps in run.db for the report, besides effects: notes in JSON. */
#ifndef PC_SEARCH_REPORT_NOTES_H
#define PC_SEARCH_REPORT_NOTES_H

#include "graph/circuit_private.h"
#include "patchclamp/find.h"
#include "store/run_store.h"

/* "command"    how the run is asked for again, in words
 * "example"    {"prompt": 0, "clean": [token, ...], "corrupted": [token, ...],
 *               "targets": [{"position": p, "answers": [token, ...], "wrong": [token, ...]}, ...],
 *               "heads": {"a0.h3": "ff00...", ...}}
 *              the first prompt, if it has at most 48 tokens; attention of the circuit's heads on
 * the clean one, a byte (0 to 255) a place: queries in order, each with its keys up to itself
 * "positions"  {"columns": [[name, token, also], ...], "rows": [[name, [effect, ...]], ...]}
 *              what pc_circuit_positions() has; token and also are null where they are not known */
pc_status pc_report_keep(pc_store *store, const pc_circuit *circuit, const pc_model *model,
                         const pc_task *task, const pc_find_options *options);

/* The members of the report that run.db knows, each with a comma behind it. What a note holds is
 * checked: PC_ERR_INPUT. */
pc_status pc_report_put_notes(pc_text *out, pc_store *store);

#endif
