/* Where the way back begins: the metric's gradient at the final norm's output. */
#include "grad/grad_run_private.h"
#include "grad/metric_slope.h"
#include "patch/metric.h"

#include <math.h>
#include <string.h>

/* The target at a place among the batch's, and how many its prompt has. */
typedef struct target_at {
    const pc_target *target;
    int64_t row;
    int n;
} target_at;

static target_at find_target(const pc_grad_run *r, int64_t index)
{
    int i = 0;
    while (i + 1 < r->n && r->places[i + 1].target <= index)
        i++;
    const pc_prompt *pair = r->prompts[i].pair;
    const pc_target *target = &pair->targets[index - r->places[i].target];
    return (target_at){target, r->places[i].row + target->position, pair->n_targets};
}

/* r->target_rows = the final norm's output at the targets. */
static void gather(pc_grad_run *r)
{
    const int64_t d = r->s->d_model;
    for (int64_t t = 0; t < r->n_targets; t++)
        r->copies[t] = (pc_row_copy){t * d, find_target(r, t).row * d, 1};
    pc_grad_copy_rows(r, r->target_rows, d, r->normed, d, d, r->n_targets);
}

static pc_status read(pc_grad_run *r, const float *from, int64_t n)
{
    r->ops->download(r->queue, r->rows_here, from, (size_t)n * sizeof *from);
    return pc_device_wait(r->w->forward->device, r->queue);
}

/* How much a softcap bends a logit before it. */
static double bend(double logit, double cap)
{
    const double t = cap > 0 ? tanh(logit / cap) : 0;
    return 1 - t * t;
}

/* ---- by all logits ---- */

/* Logits of n targets from `first` on, here. */
static pc_status read_logits(pc_grad_run *r, int64_t first, int64_t n)
{
    const pc_engine_matrix u = r->w->forward->unembedding;
    r->ops->product(r->queue, &(pc_product){.c = r->logits,
                                            .a = r->target_rows + first * u.n_in,
                                            .c_stride = u.n_out,
                                            .a_stride = u.n_in,
                                            .rows = n,
                                            .w = u.w,
                                            .k_count = u.n_in,
                                            .n_count = u.n_out,
                                            .mode = PC_GEMM_SET,
                                            .kind = PC_ROWS_OF_TARGETS});
    return read(r, r->logits, n * u.n_out);
}

/* r->logits_here = behind the softcap. */
static void cap_logits(pc_grad_run *r, const float *from)
{
    const float *bias = pc_model_vector(r->model, PC_B_U, 0);
    const double cap = r->s->logit_softcap;
    for (int64_t v = 0; v < r->s->vocab_out; v++) {
        const double logit = (double)from[v] + (bias ? (double)bias[v] : 0);
        r->logits_here[v] = cap > 0 ? cap * tanh(logit / cap) : logit;
    }
}

pc_status pc_grad_logits(double *logits, pc_grad_run *r)
{
    const int64_t vocab = r->s->vocab_out;
    gather(r);
    for (int64_t first = 0, n; first < r->n_targets; first += n) {
        n = r->n_targets - first < r->logit_rows ? r->n_targets - first : r->logit_rows;
        PC_TRY(read_logits(r, first, n));
        for (int64_t i = 0; i < n; i++) {
            cap_logits(r, r->rows_here + i * vocab);
            memcpy(logits + (first + i) * vocab, r->logits_here, (size_t)vocab * sizeof *logits);
        }
    }
    return PC_OK;
}

pc_status pc_grad_refer(pc_grad_run *r)
{
    const int64_t vocab = r->s->vocab_out;
    PC_TRY(pc_grad_logits(r->references, r));
    for (int64_t t = 0; t < r->n_targets; t++)
        pc_log_softmax(r->references + t * vocab, r->references + t * vocab, vocab);
    return PC_OK;
}

/* A row of logits here becomes its gradient: of the mean over a prompt's targets. */
static void slope_of_row(pc_grad_run *r, float *row, int64_t index)
{
    const target_at at = find_target(r, index);
    const int64_t vocab = r->s->vocab_out;
    const double cap = r->s->logit_softcap;
    const double *reference = r->references ? r->references + index * vocab : NULL;
    cap_logits(r, row);
    pc_metric_slope(r->slope, r->options.metric, r->logits_here, reference, vocab, at.target);
    for (int64_t v = 0; v < vocab; v++) {
        const double t = cap > 0 ? r->logits_here[v] / cap : 0;
        row[v] = (float)(r->slope[v] * (1 - t * t) / at.n);
    }
}

static pc_status seed_by_all(pc_grad_run *r)
{
    const pc_engine_matrix back = r->w->unembedding;
    const int64_t vocab = r->s->vocab_out, d = r->s->d_model;
    for (int64_t first = 0, n; first < r->n_targets; first += n) {
        n = r->n_targets - first < r->logit_rows ? r->n_targets - first : r->logit_rows;
        PC_TRY(read_logits(r, first, n));
        for (int64_t i = 0; i < n; i++)
            slope_of_row(r, r->rows_here + i * vocab, first + i);
        r->ops->upload(r->queue, r->logits, r->rows_here, (size_t)(n * vocab) * sizeof *r->logits);
        pc_grad_multiply(r, r->target_rows + first * d, r->logits, back, n, PC_GEMM_SET);
    }
    return PC_OK;
}

/* ---- by the answers' alone ---- */

static double logit_of(const float *w, const float *y, const float *bias, int64_t token, int64_t d)
{
    double sum = bias ? (double)bias[token] : 0;
    for (int64_t i = 0; i < d; i++)
        sum += (double)w[i] * (double)y[i];
    return sum;
}

/* dy += by times the tokens' rows of W_U; y is the final norm's output. */
static void add_tokens(double *dy, pc_grad_run *r, const float *y, const int32_t *tokens, int n,
                       double by)
{
    const int64_t d = r->s->d_model;
    const double cap = r->s->logit_softcap;
    for (int i = 0; i < n; i++) {
        const float *w = pc_model_matrix(r->widened, r->model, PC_W_U, 0, tokens[i] * d, d);
        const float *bias = pc_model_vector(r->model, PC_B_U, 0);
        const double slope = cap > 0 ? by * bend(logit_of(w, y, bias, tokens[i], d), cap) : by;
        for (int64_t k = 0; k < d; k++)
            dy[k] += slope * (double)w[k];
    }
}

static pc_status seed_by_answers(pc_grad_run *r)
{
    const int64_t d = r->s->d_model;
    PC_TRY(read(r, r->target_rows, r->n_targets * d));
    for (int64_t index = 0; index < r->n_targets; index++) {
        const target_at at = find_target(r, index);
        const pc_target *t = at.target;
        float *y = r->rows_here + index * d;
        memset(r->dy_here, 0, (size_t)d * sizeof *r->dy_here);
        add_tokens(r->dy_here, r, y, t->answers, t->n_answers, pc_metric_slope_of_answers(t));
        if (r->options.metric == PC_METRIC_LOGIT_DIFF)
            add_tokens(r->dy_here, r, y, t->wrong_answers, t->n_wrong_answers,
                       pc_metric_slope_of_wrong(r->options.metric, t));
        for (int64_t i = 0; i < d; i++)
            y[i] = (float)(r->dy_here[i] / at.n);
    }
    r->ops->upload(r->queue, r->target_rows, r->rows_here,
                   (size_t)(r->n_targets * d) * sizeof *r->target_rows);
    return PC_OK;
}

/* ---- */

/* r->g = the rows of the targets where they belong, 0 elsewhere. Targets at one position add up: so
 * one target of each prompt after the other. */
static void scatter(pc_grad_run *r)
{
    const int64_t d = r->s->d_model, n = r->rows * d;
    int64_t most = 0;
    for (int i = 0; i < r->n; i++)
        if (r->prompts[i].pair->n_targets > most) most = r->prompts[i].pair->n_targets;
    r->ops->clear(r->queue, r->g, (size_t)n * sizeof *r->g);
    for (int64_t t = 0; t < most; t++) {
        int64_t n_copies = 0;
        for (int i = 0; i < r->n; i++) {
            const pc_prompt *pair = r->prompts[i].pair;
            if (t >= pair->n_targets) continue;
            r->copies[n_copies++] =
                (pc_row_copy){(r->places[i].row + pair->targets[t].position) * d,
                              (r->places[i].target + t) * d, 1};
        }
        r->ops->clear(r->queue, r->out, (size_t)n * sizeof *r->out);
        pc_grad_copy_rows(r, r->out, d, r->target_rows, d, d, n_copies);
        pc_grad_add(r, r->g, r->out, 1, n);
    }
}

pc_status pc_grad_seed(pc_grad_run *r)
{
    gather(r);
    PC_TRY(r->needs_all ? seed_by_all(r) : seed_by_answers(r));
    scatter(r);
    return PC_OK;
}
