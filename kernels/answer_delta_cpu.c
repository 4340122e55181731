/* What a change does to answers' logits: one chain of additions a column, ascending. */
#include "kernels/answer_delta.h"

#include "kernels/instruction_set.h"
#include "kernels/softcap_double.h"

static double dot(const float *w, const float *dy, int64_t width)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += (double)w[i] * (double)dy[i];
    return sum;
}

static double mean_change(const pc_answer_delta_args *args, const float *dy, int64_t first, int n)
{
    double sum = 0;
    for (int64_t column = first; column < first + n; column++) {
        const double d = dot(args->w + column * args->width, dy, args->width);
        sum +=
            args->softcap > 0 ? pc_capped_change_double(args->logits[column], d, args->softcap) : d;
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
