/* An MLP in changes. */
#include "patch/delta_run_private.h"

#include <string.h>

/* The activations' changes of rows: x (rows, d_model) to r->a (rows, d_mlp). */
static void activate(pc_delta_run *r, int layer, const float *x, pc_row_list rows)
{
    const pc_base_layer *l = &r->prompt->base->layers[layer];
    const pc_engine_layer *w = &r->w->layers[layer];
    pc_delta_norm(r, r->input, x, &l->mlp, PC_LN2_W, layer, rows);
    if (r->s->is_gated) {
        pc_delta_multiply_all(r, r->u, r->input, w->in, rows.n);
        pc_delta_multiply_all(r, r->a, r->input, w->gate, rows.n);
    } else {
        pc_delta_multiply_all(r, r->a, r->input, w->in, rows.n);
    }
    r->w->device->ops->activation_delta(
        r->queue, &(pc_activation_delta_args){.out = r->a,
                                              .da = r->a,
                                              .du = r->s->is_gated ? r->u : NULL,
                                              .base_row = pc_delta_at(r, rows),
                                              .a = l->a,
                                              .u = l->u,
                                              .rows = rows.n,
                                              .width = r->s->d_mlp,
                                              .kind = r->s->activation});
}

/* Neurons that every reader sees replaced, where cuts act. act (range rows, d_mlp) */
static void replace_neurons(float *act, pc_delta_run *r, int layer, int variant, const pc_cut *cuts,
                            size_t n)
{
    const int64_t d_mlp = r->s->d_mlp;
    const float *change = r->prompt->change->act + (int64_t)layer * r->prompt->seq * d_mlp;
    for (size_t i = 0; i < n; i++)
        pc_delta_replace(r, variant, act + cuts[i].neuron, change + cuts[i].neuron, d_mlp, 1);
}

static void keep_rows(float *history, const pc_delta_run *r, int layer, int variant,
                      const float *values, int64_t width)
{
    if (r->keep != PC_DELTA_KEEPS_HISTORY) return;
    pc_delta_move(r, history + (layer * r->most_rows + pc_delta_full_row(r, variant, 0)) * width,
                  values, pc_delta_range(r, variant)->n, width);
}

/* out (range rows, d_model) = act W_out; of a single neuron only its row: the same sums. */
static void read_out(float *out, pc_delta_run *r, int layer, int variant, const float *act,
                     int64_t first, int64_t count)
{
    const int64_t d_mlp = r->s->d_mlp, d = r->s->d_model;
    pc_delta_multiply(r, &(pc_product){.c = out,
                                       .a = act + first,
                                       .c_stride = d,
                                       .a_stride = d_mlp,
                                       .rows = pc_delta_range(r, variant)->n,
                                       .w = r->w->layers[layer].out.w,
                                       .k_first = first,
                                       .k_count = count,
                                       .n_count = d,
                                       .mode = PC_GEMM_SET,
                                       .kind = PC_ROWS_OF_VARIANT});
}

/* A variant whose MLP is not computed: only replaced neurons change. */
static void change_neurons_alone(float *out, pc_delta_run *r, int layer, int variant)
{
    const pc_row_range *range = pc_delta_range(r, variant);
    const int64_t d_mlp = r->s->d_mlp, d = r->s->d_model;
    size_t n;
    const pc_cut *cuts = pc_variant_neurons(&n, &r->variants[variant], r->c, layer);
    if (n == 0) {
        pc_delta_clear(r, out, range->n * d);
        return;
    }
    pc_delta_clear(r, r->a, range->n * d_mlp);
    replace_neurons(r->a, r, layer, variant, cuts, n);
    keep_rows(r->history.act, r, layer, variant, r->a, d_mlp);
    if (n == 1) read_out(out, r, layer, variant, r->a, cuts->neuron, 1);
    else read_out(out, r, layer, variant, r->a, 0, d_mlp);
}

/* The inputs of the variants that are computed, side by side in r->input. Returns their rows. */
static int64_t gather(pc_delta_run *r, int layer)
{
    const int64_t d = r->s->d_model;
    const int reader = pc_reader_of_mlp(r->c, layer), writer = pc_writer_of_mlp(r->c, layer);
    int64_t rows = 0;
    for (int i = 0; i < r->n; i++) {
        const pc_row_range *range = pc_delta_range(r, i);
        const pc_variant *v = &r->variants[i];
        const pc_own_input *own = pc_routing_input(v->routing, reader);
        if (!pc_delta_is_computed(v, writer) || !(own || r->is_dirty)) continue;
        r->is_watched[i] = pc_delta_is_heeded(v, writer);
        float *x = r->input + rows * d;
        if (own) pc_delta_own_input(x, r, i, own);
        else pc_delta_move(r, x, r->stream + range->row * d, range->n, d);
        for (int k = 0; k < range->n; k++)
            r->gathered[rows + k] = range->first + k, r->gathered_owners[rows + k] = i;
        r->computed[i] = 1;
        rows += range->n;
    }
    return rows;
}

/* Whether every variant reads the stream: then its rows need not be put side by side. */
static bool all_read_the_stream(pc_delta_run *r, int layer)
{
    const int reader = pc_reader_of_mlp(r->c, layer), writer = pc_writer_of_mlp(r->c, layer);
    for (int i = 0; i < r->n; i++) {
        const pc_variant *v = &r->variants[i];
        if (!pc_delta_is_computed(v, writer) || pc_routing_input(v->routing, reader)) return false;
        r->is_watched[i] = pc_delta_is_heeded(v, writer);
    }
    return r->is_dirty;
}

/* Replaced neurons of computed variants, whose rows stand side by side in r->a. */
static void replace_in_computed(pc_delta_run *r, int layer)
{
    float *act = r->a;
    for (int i = 0; i < r->n; i++) {
        size_t n;
        if (!r->computed[i]) continue;
        const pc_cut *cuts = pc_variant_neurons(&n, &r->variants[i], r->c, layer);
        replace_neurons(act, r, layer, i, cuts, n);
        keep_rows(r->history.act, r, layer, i, act, r->s->d_mlp);
        act += pc_delta_range(r, i)->n * r->s->d_mlp;
    }
}

/* The rows of computed variants, from r->sum to their places in out. */
static void scatter(float *out, pc_delta_run *r)
{
    const int64_t d = r->s->d_model;
    int64_t n_items = 0, from = 0;
    for (int i = 0; i < r->n; i++) {
        if (!r->computed[i]) continue;
        const pc_row_range *range = pc_delta_range(r, i);
        r->copies[n_items++] = (pc_row_copy){range->row * d, from * d, range->n};
        from += range->n;
    }
    pc_delta_copy(r, out, d, r->sum, d, n_items, d);
}

/* out = what the computed variants' MLP changes; marks who is computed. */
static void compute(float *out, pc_delta_run *r, int layer)
{
    const pc_engine_matrix w = r->w->layers[layer].out;
    if (all_read_the_stream(r, layer)) {
        const pc_row_list rows = pc_delta_rows(r, r->layout);
        memset(r->computed, 1, (size_t)r->n);
        activate(r, layer, r->stream, rows);
        replace_in_computed(r, layer);
        pc_delta_multiply_all(r, out, r->a, w, rows.n);
        return;
    }
    memset(r->computed, 0, (size_t)r->n);
    const int64_t n = gather(r, layer);
    activate(r, layer, r->input, pc_delta_gathered(r, n));
    replace_in_computed(r, layer);
    pc_delta_multiply_all(r, r->sum, r->a, w, n);
    scatter(out, r);
}

static void record(const pc_delta_run *r, int layer)
{
    for (int i = 0; i < r->n; i++)
        pc_delta_record(r, i, pc_reader_of_mlp(r->c, layer),
                        r->stream + pc_delta_range(r, i)->row * r->s->d_model);
}

void pc_delta_mlp(float *out, pc_delta_run *r, int layer)
{
    const int64_t d = r->s->d_model;
    record(r, layer);
    compute(out, r, layer);
    for (int i = 0; i < r->n; i++)
        if (!r->computed[i]) change_neurons_alone(out + pc_delta_range(r, i)->row * d, r, layer, i);
    if (r->s->has_post_norms) {
        for (int i = 0; i < r->n; i++) {
            keep_rows(r->history.mlp_sum, r, layer, i, out + pc_delta_range(r, i)->row * d, d);
            if (!r->computed[i]) r->is_watched[i] = 1; /* neurons may be replaced */
        }
        pc_delta_norm(r, out, out, &r->prompt->base->layers[layer].mlp_post, PC_LN2_POST_W, layer,
                      pc_delta_rows(r, r->layout));
    }
    for (int i = 0; i < r->n; i++) {
        float *own = out + pc_delta_range(r, i)->row * d;
        if (pc_delta_is_replaced(&r->variants[i], pc_writer_of_mlp(r->c, layer)))
            pc_delta_replace(r, i, own, r->prompt->change->m + (int64_t)layer * r->prompt->seq * d,
                             d, d);
        keep_rows(r->history.m, r, layer, i, own, d);
    }
}
