/* What a change does to answers' logits: one chain of additions a column, ascending. */
#include "kernels/answer_delta.h"

#include "kernels/instruction_set.h"

#include <math.h>

static double dot(const float *w, const float *dy, int64_t width)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += (double)w[i] * (double)dy[i];
    return sum;
}

/* With t = tanh(l / c) and u = tanh(d / c). */
static double capped_change(double logit, double d, double cap)
{
    const double t = tanh(logit / cap), u = tanh(d / cap);
    return cap * u * (1 - t * t) / (1 + t * u);
}

static double mean_change(const pc_answer_delta_args *args, const float *dy, int64_t first, int n)
{
    double sum = 0;
    for (int64_t column = first; column < first + n; column++) {
        const double d = dot(args->w + column * args->width, dy, args->width);
        sum += args->softcap > 0 ? capped_change(args->logits[column], d, args->softcap) : d;
    }
    return sum / n;
}

void PC_FOR_SET(pc_answer_delta)(const pc_answer_delta_args *args)
{
    for (int64_t row = 0; row < args->rows; row++) {
        const pc_answer_columns *c = &args->columns[args->target[row]];
        const float *dy = args->dy + row * args->width;
        const double answers = mean_change(args, dy, c->first, c->n_answers);
        args->effect[row] =
            c->n_wrong == 0 ? answers
                            : answers - mean_change(args, dy, c->first + c->n_answers, c->n_wrong);
    }
}
