/* The parts of the probe; each fills one table. */
#ifndef PC_TESTS_PROBE_PARTS_H
#define PC_TESTS_PROBE_PARTS_H

#include "probe_table.h"

#include <stdint.h>

/* How large everything is: for a GPU, or small enough for the emulator. */
typedef struct probe_sizes {
    int64_t rows;                 /* of a product, a chunk */
    int64_t few[3];               /* smaller numbers of rows, ascending */
    int64_t copy_bytes;           /* of the copy that measures memory */
    int64_t cube;                 /* of the square product that measures arithmetic */
    const int64_t (*n_k)[2];      /* outputs and inputs of the products, ends with 0 */
    int64_t d_model, d_mlp, wide; /* of the operators; d_model is heads of d_head */
    int64_t d_head, variants, positions;
    int64_t sets; /* of inputs to rotate through, together larger than the cache */
    int n_algorithms;
} probe_sizes;

/* The copy and product rates that the device reaches. Returns the copy's, in bytes a second. */
double probe_ceilings(probe_table *table, const probe_sizes *sizes);

/* Which cuBLASLt algorithms give a row the same bits wherever it stands: every one in `all`, a line
 * a product in `summary`. */
void probe_algorithms(probe_table *all, probe_table *summary, const probe_sizes *sizes);

/* Our operators: error against the definition, time. Returns how many were wrong. */
int probe_operators(probe_table *table, const probe_sizes *sizes, double copy_rate);

#endif
