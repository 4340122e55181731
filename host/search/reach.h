/* Which edges of a circuit still lead somewhere: counts of the out-edges that each writer has left. */
#ifndef PC_SEARCH_REACH_H
#define PC_SEARCH_REACH_H

#include "model/components.h"

#include <stdbool.h>

/* kept (n_edges) = all, n_out (n_writers) to match. */
void pc_reach_keep_all(bool *kept, int *n_out, const pc_components *c);

/* Whether some component that reads where this edge ends has an out-edge left; the logits always
 * do. */
bool pc_reach_has(const pc_components *c, const int *n_out, int64_t edge);

void pc_reach_remove(bool *kept, int *n_out, const pc_components *c, int64_t edge);

#endif
