/* Softcapped numbers and their changes in fp32. */
#include "kernels/softcap_delta.h"

#include "kernels/instruction_set.h"
#include "kernels/softcap.h"

#include <string.h>

/* A stretch is computed aside, because out may be d. */
enum { STRETCH = 128 };

static void run_stretch(float *to, const float *x, const float *d, int64_t n, float cap)
{
    float out[STRETCH];
    for (int64_t i = 0; i < n; i++)
        out[i] = pc_capped_change(x[i], d[i], cap);
    memcpy(to, out, (size_t)n * sizeof *out);
}

void PC_FOR_SET(pc_softcap_delta)(const pc_softcap_delta_args *args)
{
    for (int64_t row = 0; row < args->rows; row++) {
        const int64_t at = row * args->width, base = args->base_row[row] * args->width;
        for (int64_t from = 0; from < args->width; from += STRETCH) {
            const int64_t rest = args->width - from, n = rest < STRETCH ? rest : STRETCH;
            run_stretch(args->out + at + from, args->x + base + from, args->d + at + from, n,
                        (float)args->cap);
        }
    }
}

void PC_FOR_SET(pc_softcap_base)(float *out, const float *x, int64_t n, double cap)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = pc_capped(x[i], (float)cap);
}
