/* The inputs of readers that see something else than the stream. */
#include "patch/delta_run_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a cut edge's reader sees more than the stream is c - d; what a circuit's kept edge has more
 * than the stream of everything replaced is d - c. */
static float sign_of(const pc_delta_run *r, int variant)
{
    return r->variants[variant].routing->is_circuit ? -1 : 1;
}

/* Columns of a writer's rows as they are cut; `change` and `history` point at its layer's rows, and
 * the history may be NULL. */
typedef struct cut_columns {
    const float *change, *history;
    int64_t stride, column, n_columns;
} cut_columns;

/* to (n, width), rows as far apart as the writer's, = or += the sign times c - d. */
static void cut(float *to, pc_delta_run *r, int variant, const cut_columns *w, pc_cut_mode mode)
{
    const pc_variant *v = &r->variants[variant];
    const pc_row_range *range = pc_delta_range(r, variant);
    const int end = range->first + range->n;
    int64_t n_items = 0, most = 0;
    for (int at = range->first, until; at < end; at = until) {
        const int k = at - range->first;
        until = pc_delta_alike_until(v, at, end);
        most = until - at > most ? until - at : most;
        r->cuts[n_items++] = (pc_cut_item){
            .to = k * w->stride + w->column,
            .change = pc_delta_is_cut_at(v, at) ? at * w->stride + w->column : -1,
            .was = w->history ? pc_delta_full_row(r, variant, k) * w->stride + w->column : -1,
            .rows = until - at,
            .sign = sign_of(r, variant)};
    }
    r->w->device->ops->cut_rows(
        r->queue, &(pc_cut_rows_args){.to = to,
                                      .change = w->change,
                                      .was = w->history,
                                      .to_stride = w->stride,
                                      .change_stride = w->stride,
                                      .was_stride = w->stride,
                                      .width = w->n_columns,
                                      .items = pc_delta_list(r, r->cuts, n_items, sizeof *r->cuts),
                                      .n_items = n_items,
                                      .most_rows = most,
                                      .mode = mode});
}

static const float *history_of(const float *history, const pc_delta_run *r, int layer,
                               int64_t width)
{
    return r->keep == PC_DELTA_KEEPS_HISTORY ? history + layer * r->most_rows * width : NULL;
}

/* x += the difference of whole writers of width d_model. */
static void add_writer(float *x, pc_delta_run *r, int variant, const float *change,
                       const float *history)
{
    const int64_t d = r->s->d_model;
    cut(x, r, variant, &(cut_columns){change, history, d, 0, d}, PC_CUT_ADD);
}

static void add_input(float *x, pc_delta_run *r, int variant)
{
    add_writer(x, r, variant, r->prompt->change->input,
               NULL); /* unless replaced it never changes */
}

/* to += differences (n, width) W; one column block where only one is not 0: the same sums. */
static void add_product(float *to, pc_delta_run *r, pc_engine_matrix w, int64_t rows,
                        int64_t column, int64_t n_columns)
{
    pc_delta_multiply(r, &(pc_product){.c = to,
                                       .a = r->differences + column,
                                       .c_stride = w.n_out,
                                       .a_stride = w.n_in,
                                       .rows = rows,
                                       .w = w.w,
                                       .k_first = column,
                                       .k_count = n_columns,
                                       .n_count = w.n_out,
                                       .mode = PC_GEMM_ADD,
                                       .kind = PC_ROWS_OF_VARIANT});
}

/* What a component adds up to where a reader's own input starts from: the variant's, or in a
 * circuit that of everything replaced. */
typedef struct added {
    const float *history, *all; /* (rows, d_model) of the layer; history NULL: nothing yet */
} added;

/* to (n, d_model), in the layout at hand */
static void take(float *to, const pc_delta_run *r, int variant, added from)
{
    const int64_t d = r->s->d_model;
    const pc_row_range *range = pc_delta_range(r, variant);
    const float *rows = r->variants[variant].routing->is_circuit ? from.all + range->first * d
                        : from.history ? from.history + pc_delta_full_row(r, variant, 0) * d
                                       : NULL;
    pc_delta_move(r, to, rows, range->n, d);
}

/* x += norm(sum + differences W) - what the component added: the norm taken anew for this reader.
 */
static void add_behind_norm(float *x, pc_delta_run *r, int variant, pc_engine_matrix w, int layer,
                            pc_weight gain, const pc_base_norm *base, added sums, added outputs,
                            int64_t column, int64_t n_columns)
{
    const int64_t d = r->s->d_model;
    const pc_row_range *range = pc_delta_range(r, variant);
    const pc_row_list rows = {r->positions[r->layout] + range->row,
                              r->owners[r->layout] + range->row, r->placed[r->layout] + range->row,
                              range->n};
    float *sum = r->sum;
    take(sum, r, variant, sums);
    add_product(sum, r, w, range->n, column, n_columns);
    pc_delta_norm(r, sum, sum, base, gain, layer, rows);
    pc_delta_add(r, x, sum, range->n * d);
    take(sum, r, variant, outputs);
    pc_delta_subtract(r, x, sum, range->n * d);
}

/* A layer's part of what is kept. Neurons belong to no circuit. */
static added added_of(const pc_delta_run *r, const float *history, const float *all, int layer)
{
    const int64_t d = r->s->d_model;
    return (added){history_of(history, r, layer, d),
                   all ? all + (int64_t)layer * r->longest * d : NULL};
}

static void add_differences(float *x, pc_delta_run *r, int variant, int layer, bool is_mlp,
                            int64_t column, int64_t n_columns)
{
    const pc_base_layer *base = &r->prompt->base->layers[layer];
    const pc_engine_matrix w = is_mlp ? r->w->layers[layer].out : r->w->layers[layer].o;
    const pc_history *h = &r->history;
    if (!r->s->has_post_norms)
        add_product(x, r, w, pc_delta_range(r, variant)->n, column, n_columns);
    else if (is_mlp)
        add_behind_norm(x, r, variant, w, layer, PC_LN2_POST_W, &base->mlp_post,
                        added_of(r, h->mlp_sum, NULL, layer), added_of(r, h->m, NULL, layer),
                        column, n_columns);
    else
        add_behind_norm(x, r, variant, w, layer, PC_LN1_POST_W, &base->attention_post,
                        added_of(r, h->attention_sum, r->all.attention_sum, layer),
                        added_of(r, h->attention, r->all.attention, layer), column, n_columns);
}

/* cuts[0 .. n) are all of one kind in one layer: heads, or neurons of the MLP. Columns that are not
 * cut are 0. */
static void add_columns(float *x, pc_delta_run *r, int variant, const pc_cut *cuts, size_t n,
                        int layer, bool is_mlp)
{
    const pc_change *change = r->prompt->change;
    const int64_t width = is_mlp ? r->s->d_mlp : pc_q_width(r->s);
    const int64_t size = is_mlp ? 1 : r->s->d_head;
    const int64_t at = (int64_t)layer * r->prompt->seq * width;
    const float *source = (is_mlp ? change->act : change->z) + at;
    const float *history = history_of(is_mlp ? r->history.act : r->history.z, r, layer, width);
    int64_t column = 0;
    if (n > 1) pc_delta_clear(r, r->differences, pc_delta_range(r, variant)->n * width);
    for (size_t i = 0; i < n; i++) {
        column = (is_mlp ? cuts[i].neuron : r->c->writers[cuts[i].writer].head) * size;
        cut(r->differences, r, variant, &(cut_columns){source, history, width, column, size},
            PC_CUT_SET);
    }
    if (n == 1) add_differences(x, r, variant, layer, is_mlp, column, size);
    else add_differences(x, r, variant, layer, is_mlp, 0, width);
}

static void add_cuts(float *x, pc_delta_run *r, int variant, const pc_cut *cuts, size_t n)
{
    const int64_t d = r->s->d_model;
    for (size_t done = 0; done < n;) {
        const size_t alike = pc_cuts_alike(cuts + done, n - done, r->c);
        const pc_writer *writer = &r->c->writers[cuts[done].writer];
        if (writer->kind == PC_WRITER_INPUT) add_input(x, r, variant);
        else if (writer->kind == PC_WRITER_MLP && cuts[done].neuron < 0)
            add_writer(x, r, variant,
                       r->prompt->change->m + (int64_t)writer->layer * r->prompt->seq * d,
                       history_of(r->history.m, r, writer->layer, d));
        else
            add_columns(x, r, variant, cuts + done, alike, writer->layer,
                        writer->kind == PC_WRITER_MLP);
        done += alike;
    }
}

void pc_delta_own_input(float *x, pc_delta_run *r, int variant, const pc_own_input *input)
{
    const pc_variant *v = &r->variants[variant];
    const pc_row_range *range = pc_delta_range(r, variant);
    const int64_t d = r->s->d_model;
    const float *from = v->given                 ? v->given[input - v->routing->inputs]
                        : v->routing->is_circuit ? r->all.stream
                                                 : NULL;
    pc_delta_move(r, x, from ? from + range->first * d : r->stream + range->row * d, range->n, d);
    if (!v->given) add_cuts(x, r, variant, v->routing->cuts + input->first, input->n);
}

void pc_delta_record(const pc_delta_run *r, int variant, int reader, const float *x)
{
    const pc_row_range *range = pc_delta_range(r, variant);
    float *const *record = r->variants[variant].record;
    if (!record || !record[reader]) return;
    const int64_t d = r->s->d_model;
    pc_delta_clear(r, record[reader], range->first * d);
    pc_delta_move(r, record[reader] + range->first * d, x, range->n, d);
}

static int compare_pairs(const void *a, const void *b)
{
    const pc_delta_pair *x = a, *y = b;
    if (x->reader != y->reader) return x->reader < y->reader ? -1 : 1;
    return (x->variant > y->variant) - (x->variant < y->variant);
}

void pc_delta_find_pairs(pc_delta_run *r, int first, int end)
{
    r->n_pairs = 0;
    for (int i = 0; i < r->n; i++) {
        const pc_routing *routing = r->variants[i].routing;
        for (size_t k = 0; k < routing->n_inputs; k++) {
            const pc_own_input *input = &routing->inputs[k];
            if (input->reader < first || input->reader >= end) continue;
            assert(r->n_pairs < r->pair_capacity);
            r->pairs[r->n_pairs++] = (pc_delta_pair){input->reader, i, input};
        }
    }
    if (r->n_pairs > 1) qsort(r->pairs, r->n_pairs, sizeof *r->pairs, compare_pairs);
}

int64_t pc_delta_gather_pairs(float *x, size_t *n, pc_delta_run *r, const pc_delta_pair *pairs,
                              size_t n_pairs)
{
    int64_t rows = 0;
    size_t i = 0;
    for (; i < n_pairs && pairs[i].reader == pairs[0].reader; i++) {
        const pc_row_range *range = pc_delta_range(r, pairs[i].variant);
        if (rows + range->n > r->most_rows) break;
        pc_delta_own_input(x + rows * r->s->d_model, r, pairs[i].variant, pairs[i].input);
        for (int k = 0; k < range->n; k++)
            r->gathered[rows + k] = range->first + k,
                               r->gathered_owners[rows + k] = pairs[i].variant;
        rows += range->n;
    }
    *n = i;
    return rows;
}
