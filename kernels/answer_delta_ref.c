/* The definition of what a change does to answers' logits. */
#include "kernels/answer_delta.h"

#include <math.h>

static double change_of(const pc_answer_delta_args *args, const float *dy, int64_t column)
{
    double d = 0;
    for (int64_t i = 0; i < args->width; i++)
        d += (double)args->w[column * args->width + i] * (double)dy[i];
    if (!(args->softcap > 0)) return d;
    const double cap = args->softcap, l = args->logits[column];
    return cap * tanh((l + d) / cap) - cap * tanh(l / cap);
}

static double mean_of(const pc_answer_delta_args *args, const float *dy, int64_t first, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += change_of(args, dy, first + i);
    return sum / n;
}

void pc_ref_answer_delta(double *effect, const pc_answer_delta_args *args)
{
    for (int64_t row = 0; row < args->rows; row++) {
        const pc_answer_columns *c = &args->columns[args->target[row]];
        const float *dy = args->dy + row * args->width;
        effect[row] = mean_of(args, dy, c->first, c->n_answers);
        if (c->n_wrong > 0) effect[row] -= mean_of(args, dy, c->first + c->n_answers, c->n_wrong);
    }
}
