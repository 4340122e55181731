/* The activations' changes in fp32. */
#include "kernels/activation_delta.h"

#include "kernels/activation_change.h"
#include "kernels/instruction_set.h"

#include <stddef.h>
#include <string.h>

/* One row; u and du are NULL without a gate. */
typedef struct row {
    float *out;
    const float *da, *du, *a, *u;
    int64_t width;
} row;

/* A stretch of a row is computed aside, because the output may be one of the inputs: then the
 * compiler need not look. */
enum { STRETCH = 128 };

static inline void run_plain(const row *r, int64_t from, int64_t n, pc_activation kind)
{
    const float *a = r->a + from, *da = r->da + from;
    float out[STRETCH];
    for (int64_t i = 0; i < n; i++)
        out[i] = pc_change_of(a[i], da[i], kind).by;
    memcpy(r->out + from, out, (size_t)n * sizeof *out);
}

static inline void run_gated(const row *r, int64_t from, int64_t n, pc_activation kind)
{
    const float *a = r->a + from, *da = r->da + from, *u = r->u + from, *du = r->du + from;
    float out[STRETCH];
    for (int64_t i = 0; i < n; i++) {
        out[i] = pc_gated_change(pc_change_of(a[i], da[i], kind), u[i], du[i]);
    }
    memcpy(r->out + from, out, (size_t)n * sizeof *out);
}

static inline void run(const row *r, pc_activation kind)
{
    for (int64_t from = 0; from < r->width; from += STRETCH) {
        const int64_t rest = r->width - from, n = rest < STRETCH ? rest : STRETCH;
        if (r->u) run_gated(r, from, n, kind);
        else run_plain(r, from, n, kind);
    }
}

static void run_row(const row *r, pc_activation kind)
{
    switch (kind) { /* a loop for each */
    case PC_ACTIVATION_RELU:
        run(r, PC_ACTIVATION_RELU);
        break;
    case PC_ACTIVATION_GELU:
        run(r, PC_ACTIVATION_GELU);
        break;
    case PC_ACTIVATION_GELU_TANH:
        run(r, PC_ACTIVATION_GELU_TANH);
        break;
    case PC_ACTIVATION_SILU:
        run(r, PC_ACTIVATION_SILU);
        break;
    }
}

void PC_FOR_SET(pc_activation_delta)(const pc_activation_delta_args *args)
{
    for (int64_t i = 0; i < args->rows; i++) {
        const int64_t at = i * args->width, base = args->base_row[i] * args->width;
        const row r = {.out = args->out + at,
                       .da = args->da + at,
                       .du = args->u ? args->du + at : NULL,
                       .a = args->a + base,
                       .u = args->u ? args->u + base : NULL,
                       .width = args->width};
        run_row(&r, args->kind);
    }
}
