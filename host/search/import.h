/* Circuits of other tools: what a file says of a model's edges. */
#ifndef PC_SEARCH_IMPORT_H
#define PC_SEARCH_IMPORT_H

#include "model/model_private.h"

#include <stdbool.h>

/* Of every edge (n_edges), zeroed by the caller. */
typedef struct pc_imported {
    bool *is_kept, *is_known; /* in the circuit; in the file */
    double *score;            /* NaN: the file has none */
} pc_imported;

/* From EAP-IG's graph, if the bytes begin with a brace, or a list of edges. `bytes` (length) ends
 * with a 0 behind it and is written to. PC_ERR_INPUT. */
pc_status pc_import_parse(pc_imported *out, const pc_model *model, char *bytes, size_t length,
                          const char *file);

#endif
