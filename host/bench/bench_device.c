/* The delta engine's operators, timed one by one at a model's sizes. */
#include "backend/device_private.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "patch/engine_batches.h"
#include "patch/engine_weights.h"
#include "patchclamp/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, COPY_BYTES = 64 << 20 };

/* Everything on the device; rows are those of a batch, base rows those of one prompt. */
typedef struct bench {
    const pc_device *device;
    const pc_shape *s;
    pc_queue *queue;
    int64_t rows, seq, n_variants, widest;
    double seconds;     /* how long each operator is timed */
    float *x, *y;       /* (rows, widest) */
    float *base, *ones; /* (seq, widest), (seq) */
    float *pattern;     /* (n_heads, seq, seq) */
    uint8_t *is_lost;   /* (n_variants n_heads) */
    int32_t *at;        /* (rows) base rows */
    pc_engine_matrix in, out;
    /* on the host */
    pc_attention_item *items; /* (n_variants n_heads) */
    pc_row_copy *copies;      /* (n_variants) */
    pc_row_span *spans;
    pc_cut_item *cuts;
    pc_bench_device *result;
} bench;

/* ---- arrays ---- */

static pc_status random_array(float **out, const bench *b, int64_t n, double size)
{
    pc_rng rng = {.seed = (uint64_t)n};
    float *values = pc_alloc((size_t)n, sizeof *values);
    void *memory;
    if (!values) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)(size * (2 * pc_rng_unit(&rng) - 1));
    pc_status status = pc_device_allocate(&memory, b->device, (size_t)n * sizeof *values);
    if (status == PC_OK) {
        *out = memory;
        b->device->ops->upload(b->queue, memory, values, (size_t)n * sizeof *values);
        status = pc_device_wait(b->device, b->queue);
    }
    free(values);
    return status;
}

static pc_status random_matrix(pc_engine_matrix *out, const bench *b, int64_t n_in, int64_t n_out)
{
    const pc_ops *ops = b->device->ops;
    pc_fault fault = {0};
    pc_rng rng = {.seed = 7};
    float *row = pc_alloc((size_t)n_out, sizeof *row);
    *out = (pc_engine_matrix){NULL, n_in, n_out};
    if (!row) return PC_ERR_NOMEM;
    pc_status status = ops->matrix_new(&out->w, b->device->state, n_in, n_out, &fault);
    for (int64_t k = 0; k < n_in && status == PC_OK; k++) {
        for (int64_t j = 0; j < n_out; j++)
            row[j] = (float)(0.02 * (2 * pc_rng_unit(&rng) - 1));
        const pc_packed_part part = {
            .k_first = k, .n_k = 1, .n_n = n_out, .source = row, .k_stride = n_out, .n_stride = 1};
        status = ops->matrix_put(out->w, &part, &fault);
    }
    free(row);
    return status == PC_OK ? PC_OK : pc_fail_fault(&fault);
}

static void fill_lists(bench *b)
{
    const int64_t d = b->s->d_model, q = pc_q_width(b->s), d_head = b->s->d_head;
    for (int64_t i = 0; i < b->n_variants; i++) {
        const int64_t row = i * b->seq;
        b->copies[i] = (pc_row_copy){row * d, row * d, b->seq};
        b->cuts[i] =
            (pc_cut_item){.to = row * d, .change = 0, .was = row * d, .rows = b->seq, .sign = 1};
        b->spans[i] = (pc_row_span){.row = row, .stride = 1, .rows = b->seq};
        for (int64_t h = 0; h < b->s->n_heads; h++) {
            const int64_t at = row * q + h * d_head;
            b->items[i * b->s->n_heads + h] =
                (pc_attention_item){.dz = at,
                                    .dq = at,
                                    .dk = at,
                                    .dv = at,
                                    .q = h * d_head,
                                    .k = h * d_head,
                                    .v = h * d_head,
                                    .log_pattern = h * b->seq * b->seq,
                                    .pattern_stride = b->seq,
                                    .seq = (int32_t)b->seq};
        }
    }
}

static pc_status upload_rows(bench *b)
{
    int32_t *at = pc_alloc((size_t)b->rows, sizeof *at);
    void *memory;
    if (!at) return PC_ERR_NOMEM;
    for (int64_t row = 0; row < b->rows; row++)
        at[row] = (int32_t)(row % b->seq);
    pc_status status = pc_device_allocate(&memory, b->device, (size_t)b->rows * sizeof *at);
    if (status == PC_OK) {
        b->at = memory;
        b->device->ops->upload(b->queue, memory, at, (size_t)b->rows * sizeof *at);
        status = pc_device_wait(b->device, b->queue);
    }
    free(at);
    return status;
}

static pc_status make_arrays(bench *b)
{
    const pc_shape *s = b->s;
    const int64_t copied = COPY_BYTES / (int64_t)sizeof(float), n = b->rows * b->widest;
    const size_t heads = (size_t)b->n_variants * (size_t)s->n_heads;
    void *memory;
    PC_TRY(random_array(&b->x, b, n > copied ? n : copied, 1e-3));
    PC_TRY(random_array(&b->y, b, n > copied ? n : copied, 1e-3));
    PC_TRY(random_array(&b->base, b, b->seq * b->widest, 1));
    PC_TRY(random_array(&b->ones, b, b->seq, 1));
    PC_TRY(random_array(&b->pattern, b, s->n_heads * b->seq * b->seq, 1));
    PC_TRY(pc_device_allocate(&memory, b->device, heads));
    b->is_lost = memory;
    PC_TRY(upload_rows(b));
    PC_TRY(random_matrix(&b->in, b, s->d_model, s->d_mlp ? s->d_mlp : pc_q_width(s)));
    PC_TRY(random_matrix(&b->out, b, b->in.n_out, s->d_model));
    b->items = pc_alloc(heads, sizeof *b->items);
    b->copies = pc_alloc((size_t)b->n_variants, sizeof *b->copies);
    b->spans = pc_alloc((size_t)b->n_variants, sizeof *b->spans);
    b->cuts = pc_alloc((size_t)b->n_variants, sizeof *b->cuts);
    if (!b->items || !b->copies || !b->spans || !b->cuts) return PC_ERR_NOMEM;
    fill_lists(b);
    return PC_OK;
}

static void free_arrays(bench *b)
{
    void *arrays[] = {b->x, b->y, b->base, b->ones, b->pattern, b->is_lost, b->at};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        pc_device_release(b->device, arrays[i]);
    if (b->in.w) b->device->ops->matrix_free(b->in.w);
    if (b->out.w) b->device->ops->matrix_free(b->out.w);
    free(b->cuts);
    free(b->spans);
    free(b->copies);
    free(b->items);
}

/* ---- the operators: one call each ---- */

static const void *list(const bench *b, const void *items, int64_t n, size_t size)
{
    return b->device->ops->list(b->queue, items, (size_t)n * size);
}

static void run_copy(const bench *b)
{
    b->device->ops->add_change(
        b->queue, &(pc_add_change_args){
                      .x = b->x, .y = b->y, .sign = 1, .n = COPY_BYTES / (int64_t)sizeof(float)});
}

static void multiply(const bench *b, float *c, const float *a, const pc_engine_matrix *w)
{
    b->device->ops->product(b->queue, &(pc_product){.c = c,
                                                    .a = a,
                                                    .c_stride = w->n_out,
                                                    .a_stride = w->n_in,
                                                    .rows = b->rows,
                                                    .w = w->w,
                                                    .k_count = w->n_in,
                                                    .n_count = w->n_out,
                                                    .mode = PC_GEMM_SET});
}

static void run_in(const bench *b)
{
    multiply(b, b->y, b->x, &b->in);
}

static void run_out(const bench *b)
{
    multiply(b, b->x, b->y, &b->out);
}

static void run_norm(const bench *b)
{
    const pc_norm_delta_args args = {.dy = b->y,
                                     .d = b->x,
                                     .base_row = b->at,
                                     .x = b->base,
                                     .mean = b->ones,
                                     .variance = b->ones,
                                     .eps = 2,
                                     .rows = b->rows,
                                     .width = b->s->d_model};
    if (b->s->norm == PC_NORM_RMS) b->device->ops->rmsnorm_delta(b->queue, &args);
    else b->device->ops->layernorm_delta(b->queue, &args);
}

static void run_activation(const bench *b)
{
    b->device->ops->activation_delta(
        b->queue, &(pc_activation_delta_args){.out = b->y,
                                              .da = b->x,
                                              .du = b->s->is_gated ? b->x : NULL,
                                              .base_row = b->at,
                                              .a = b->base,
                                              .u = b->s->is_gated ? b->base : NULL,
                                              .rows = b->rows,
                                              .width = b->in.n_out,
                                              .kind = b->s->activation});
}

/* Every head has keys of its own: the most that grouped ones may read. */
static pc_attention_batch attention(const bench *b, float *scratch)
{
    const int64_t q = pc_q_width(b->s), n = b->n_variants * b->s->n_heads;
    return (pc_attention_batch){.dz = b->y,
                                .dq = b->x,
                                .dk = b->x,
                                .dv = b->x,
                                .q = b->base,
                                .k = b->base,
                                .v = b->base,
                                .log_pattern = b->pattern,
                                .dz_stride = q,
                                .dq_stride = q,
                                .dk_stride = q,
                                .dv_stride = q,
                                .q_stride = q,
                                .k_stride = q,
                                .v_stride = q,
                                .items = list(b, b->items, n, sizeof *b->items),
                                .n_items = n,
                                .most_seq = b->seq,
                                .most_queries = b->seq,
                                .kind = pc_attention_kind_of(b->s, 0),
                                .scratch = scratch};
}

enum { MOST_TOKENS = 4096 };

static void run_attention(const bench *b)
{
    static _Thread_local float scratch[PC_ATTENTION_SCRATCH * MOST_TOKENS];
    const pc_attention_batch batch = attention(b, scratch);
    b->device->ops->attention_delta(b->queue, &batch);
}

static void run_scores_lost(const bench *b)
{
    const pc_attention_batch batch = attention(b, NULL);
    b->device->ops->scores_lost(b->queue, b->is_lost, &batch);
}

static void run_vanishing(const bench *b)
{
    b->device->ops->vanishing(
        b->queue, &(pc_vanishing_args){.is_lost = b->is_lost,
                                       .spans = list(b, b->spans, b->n_variants, sizeof *b->spans),
                                       .n_spans = b->n_variants,
                                       .d = b->x,
                                       .base_row = b->at,
                                       .x = b->base,
                                       .width = b->s->d_model,
                                       .is_centred = 1});
}

static void run_copy_rows(const bench *b)
{
    const int64_t d = b->s->d_model;
    b->device->ops->copy_rows(
        b->queue,
        &(pc_copy_rows_args){.to = b->y,
                             .from = b->x,
                             .to_stride = d,
                             .from_stride = d,
                             .width = d,
                             .items = list(b, b->copies, b->n_variants, sizeof *b->copies),
                             .n_items = b->n_variants,
                             .most_rows = b->seq});
}

static void run_cut_rows(const bench *b)
{
    const int64_t d = b->s->d_model;
    b->device->ops->cut_rows(
        b->queue, &(pc_cut_rows_args){.to = b->y,
                                      .change = b->base,
                                      .was = b->x,
                                      .to_stride = d,
                                      .change_stride = d,
                                      .was_stride = d,
                                      .width = d,
                                      .items = list(b, b->cuts, b->n_variants, sizeof *b->cuts),
                                      .n_items = b->n_variants,
                                      .most_rows = b->seq,
                                      .mode = PC_CUT_ADD});
}

/* ---- timing ---- */

static pc_status time_calls(double *seconds, const bench *b, void (*run)(const bench *), int n)
{
    const double start = pc_seconds();
    for (int i = 0; i < n; i++)
        run(b);
    PC_TRY(pc_device_wait(b->device, b->queue));
    *seconds = pc_seconds() - start;
    return PC_OK;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As many calls at a time as a round's share of the seconds takes. */
static pc_status time_one(const bench *b, const char *name, void (*run)(const bench *), double flop,
                          double bytes)
{
    double times[ROUNDS], seconds = 0;
    int n = 1;
    PC_TRY(time_calls(&seconds, b, run, 1)); /* the first touches memory, and chooses algorithms */
    for (;; n *= 2) {
        PC_TRY(time_calls(&seconds, b, run, n));
        if (seconds >= b->seconds / ROUNDS || n >= 1 << 20) break;
    }
    for (int i = 0; i < ROUNDS; i++)
        PC_TRY(time_calls(&times[i], b, run, n));
    qsort(times, ROUNDS, sizeof *times, compare);
    pc_bench_row *row = &b->result->rows[b->result->n_rows++];
    *row = (pc_bench_row){.seconds = times[ROUNDS / 2] / n, .flop = flop, .bytes = bytes};
    snprintf(row->name, sizeof row->name, "%s", name);
    return PC_OK;
}

static pc_status time_product(const bench *b, const pc_engine_matrix *w, void (*run)(const bench *))
{
    char name[48];
    const double rows = (double)b->rows, in = (double)w->n_in, out = (double)w->n_out;
    snprintf(name, sizeof name, "product %lld x %lld", (long long)w->n_in, (long long)w->n_out);
    return time_one(b, name, run, 2 * rows * in * out, 4 * (rows * (in + out) + in * out));
}

static pc_status time_all(const bench *b)
{
    const pc_shape *s = b->s;
    const double rows = (double)b->rows, d = (double)s->d_model, q = (double)pc_q_width(s);
    const double mlp = (double)b->in.n_out, base = (double)b->seq;
    PC_TRY(time_one(b, "copy", run_copy, 0, 3.0 * COPY_BYTES));
    PC_TRY(time_product(b, &b->in, run_in));
    PC_TRY(time_product(b, &b->out, run_out));
    if (s->norm != PC_NORM_NONE)
        PC_TRY(time_one(b, s->norm == PC_NORM_RMS ? "rmsnorm_delta" : "layernorm_delta", run_norm,
                        0, 4 * d * (2 * rows + base)));
    if (s->d_mlp)
        PC_TRY(time_one(b, "activation_delta", run_activation, 0,
                        4 * mlp * ((s->is_gated ? 3 : 2) * rows + base)));
    PC_TRY(time_one(b, "attention_delta", run_attention, 0, 4 * q * (4 * rows + 3 * base)));
    PC_TRY(time_one(b, "scores_lost", run_scores_lost, 0, 4 * q * (2 * rows + 2 * base)));
    PC_TRY(time_one(b, "vanishing", run_vanishing, 0, 4 * d * (rows + base)));
    PC_TRY(time_one(b, "copy_rows", run_copy_rows, 0, 8 * d * rows));
    return time_one(b, "cut_rows", run_cut_rows, 0, 4 * d * (3 * rows + base));
}

static void find_ceilings(pc_bench_device *r)
{
    r->copy_rate = r->rows[0].bytes / r->rows[0].seconds;
    for (int i = 0; i < r->n_rows; i++)
        r->product_rate = fmax(r->product_rate, r->rows[i].flop / r->rows[i].seconds);
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static pc_status run(bench *b)
{
    const pc_queue_needs needs = {
        .widest = b->widest,
        .longest = b->seq,
        .list_bytes = b->n_variants * b->s->n_heads * (int64_t)sizeof(pc_attention_item) + 4096};
    PC_TRY(pc_device_queue(&b->queue, b->device, &needs));
    PC_TRY(make_arrays(b));
    PC_TRY(time_all(b));
    find_ceilings(b->result);
    return PC_OK;
}

pc_status pc_bench_device_run(pc_bench_device *out, const pc_model *model,
                              const pc_evaluator_options *options, int n_tokens, double seconds)
{
    if (!out || !model || !options || n_tokens < 1)
        return pc_fail(PC_ERR_ARG, "pc_bench_device_run: an argument is NULL or below 1");
    if (n_tokens > MOST_TOKENS)
        return pc_fail(PC_ERR_INPUT, "prompts of %d tokens, operators are timed with up to %d",
                       n_tokens, (int)MOST_TOKENS);
    *out = (pc_bench_device){0};
    bench b = {.s = &model->shape, .seq = n_tokens, .seconds = seconds, .result = out};
    PC_TRY(pc_device_get(&b.device, options->device, options->precision));
    b.n_variants = most(1, b.device->facts.rows / n_tokens);
    b.rows = b.n_variants * n_tokens;
    b.widest = most(most(pc_q_width(b.s), b.s->d_mlp), b.s->d_model);
    out->batch_rows = b.rows;
    snprintf(out->device, sizeof out->device, "%s", b.device->facts.name);
    const pc_status status = run(&b);
    free_arrays(&b);
    if (b.queue) b.device->ops->queue_free(b.queue);
    return status;
}
