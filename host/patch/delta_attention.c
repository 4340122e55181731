/* Attention in changes: projections, the heads, what they add to the stream. */
#include "patch/delta_run_private.h"

#include <string.h>

/* to (rows, n_count), rows `stride` apart, = normed (rows, d_model) times the columns from n_first
 * on. */
static void project(pc_delta_run *r, float *to, int64_t stride, const float *normed, int layer,
                    int64_t n_first, int64_t n_count, int64_t rows)
{
    pc_delta_multiply(r, &(pc_product){.c = to,
                                       .a = normed,
                                       .c_stride = stride,
                                       .a_stride = r->s->d_model,
                                       .rows = rows,
                                       .w = r->w->layers[layer].qkv.w,
                                       .k_count = r->s->d_model,
                                       .n_first = n_first,
                                       .n_count = n_count,
                                       .mode = PC_GEMM_SET});
}

/* k and v are kept once per reader of them: per KV head, or per query head. */
static int64_t key_width(const pc_delta_run *r)
{
    return (int64_t)r->c->n_kv_heads * r->s->d_head;
}

static int readers_per_slot(const pc_delta_run *r)
{
    return r->c->n_kv_heads / r->s->n_kv_heads;
}

/* k or v of all readers from the stream; n_first = the columns of KV head 0. */
static void project_keys(pc_delta_run *r, float *to, int layer, int64_t n_first, int64_t rows)
{
    const int64_t d_head = r->s->d_head, width = key_width(r);
    if (readers_per_slot(r) == 1) {
        project(r, to, width, r->normed, layer, n_first, width, rows);
        return;
    }
    for (int head = 0; head < r->c->n_kv_heads; head++)
        project(r, to + head * d_head, width, r->normed, layer,
                n_first + head / readers_per_slot(r) * d_head, d_head, rows);
}

/* Where a reader's projection goes: buffer, its width, its first column there and in W. */
typedef struct projection {
    float *to;
    int64_t width, column, w_column;
    uint8_t change;
} projection;

static projection projection_of(const pc_delta_run *r, const pc_reader *reader)
{
    const pc_shape *s = r->s;
    const int64_t q = pc_q_width(s), kv = pc_kv_width(s);
    const int64_t column = (int64_t)reader->head * s->d_head;
    const int64_t slot = (int64_t)(reader->head / readers_per_slot(r)) * s->d_head;
    switch (reader->kind) {
    case PC_READER_Q:
        return (projection){r->q, q, column, column, PC_CHANGES_Q};
    case PC_READER_K:
        return (projection){r->k, key_width(r), column, q + slot, PC_CHANGES_K};
    default:
        return (projection){r->v, key_width(r), column, q + kv + slot, PC_CHANGES_V};
    }
}

/* Whether some head that a reader feeds comes to something. */
static bool feeds_heeded(const pc_delta_run *r, int variant, int layer, pc_reader_kind kind,
                         int head)
{
    const int group = pc_heads_of_reader(r->c, kind);
    const int writer = pc_writer_of_head(r->c, layer, head * group);
    for (int i = 0; i < group; i++)
        if (pc_delta_is_heeded(&r->variants[variant], writer + i)) return true;
    return false;
}

static void mark_heads(pc_delta_run *r, int variant, const pc_reader *reader, uint8_t change)
{
    const int group = pc_heads_of_reader(r->c, reader->kind);
    uint8_t *changes = r->changes + variant * r->s->n_heads + reader->head * group;
    for (int i = 0; i < group; i++)
        changes[i] |= change;
}

static void scatter(pc_delta_run *r, const projection *p, const pc_delta_pair *pairs, size_t n)
{
    const int64_t d_head = r->s->d_head;
    int64_t from = 0;
    for (size_t i = 0; i < n; i++) {
        const pc_row_range *range = pc_delta_range(r, pairs[i].variant);
        r->copies[i] = (pc_row_copy){range->row * p->width + p->column, from * d_head, range->n};
        from += range->n;
        mark_heads(r, pairs[i].variant, &r->c->readers[pairs[0].reader], p->change);
    }
    pc_delta_copy(r, p->to, p->width, r->out, d_head, (int64_t)n, d_head);
}

/* The projections of readers with inputs of their own replace the stream's. */
static void project_pairs(pc_delta_run *r, int layer, bool (*is_wanted)(pc_reader_kind))
{
    const int first = pc_reader_of_head(r->c, layer, PC_READER_Q, 0);
    const int end = pc_reader_of_head(r->c, layer, PC_READER_V, r->s->n_heads - 1) + 1;
    pc_delta_find_pairs(r, first, end);
    for (size_t done = 0, n; done < r->n_pairs; done += n) {
        const pc_delta_pair *pairs = r->pairs + done;
        const pc_reader *reader = &r->c->readers[pairs->reader];
        const projection p = projection_of(r, reader);
        n = 1;
        if (!is_wanted(reader->kind)) continue;
        for (size_t i = 0; i < r->n_pairs - done && pairs[i].reader == pairs->reader; i++)
            r->is_watched[pairs[i].variant] =
                feeds_heeded(r, pairs[i].variant, layer, reader->kind, reader->head);
        const int64_t rows = pc_delta_gather_pairs(r->input, &n, r, pairs, r->n_pairs - done);
        pc_delta_norm(r, r->input, r->input, &r->prompt->base->layers[layer].attention, PC_LN1_W,
                      layer, pc_delta_gathered(r, rows));
        project(r, r->out, r->s->d_head, r->input, layer, p.w_column, r->s->d_head, rows);
        scatter(r, &p, pairs, n);
    }
}

static bool is_key_or_value(pc_reader_kind kind)
{
    return kind == PC_READER_K || kind == PC_READER_V;
}

static bool is_query(pc_reader_kind kind)
{
    return kind == PC_READER_Q;
}

static void record(pc_delta_run *r, int layer, bool (*is_wanted)(pc_reader_kind))
{
    const int first = pc_reader_of_head(r->c, layer, PC_READER_Q, 0);
    const int end = pc_reader_of_head(r->c, layer, PC_READER_V, r->s->n_heads - 1) + 1;
    for (int i = 0; i < r->n; i++)
        for (int reader = first; r->variants[i].record && reader < end; reader++)
            if (is_wanted(r->c->readers[reader].kind))
                pc_delta_record(r, i, reader,
                                r->stream + pc_delta_range(r, i)->row * r->s->d_model);
}

/* As pc_delta_watch(), of the heads' rows side by side. */
static void watch_heads(pc_delta_run *r, const float *d, const float *x, int n_heads, int layer,
                        pc_reader_kind kind, pc_row_list rows)
{
    for (int h = 0; h < n_heads; h++) {
        int64_t n_spans = 0;
        pc_delta_ask(r, r->n);
        for (int i = 0; i < r->n; i++) {
            const pc_row_range *range = pc_delta_range(r, i);
            const int skip = r->watch_from > range->first ? r->watch_from - range->first : 0;
            if (skip >= range->n || !feeds_heeded(r, i, layer, kind, h)) continue;
            r->spans[n_spans] =
                (pc_row_span){(range->row + skip) * n_heads + h, n_heads, range->n - skip};
            r->asked_of[r->n_asked + n_spans++] = i;
        }
        pc_delta_watch_spans(r, d, x, rows, n_spans, r->s->d_head, PC_NORM_RMS);
    }
}

/* The norm of q or k, head by head; `shared` heads each have one base head. */
static void norm_heads(pc_delta_run *r, float *x, int n_heads, int shared, const pc_base_norm *base,
                       pc_weight gain, int layer)
{
    const int32_t *positions = r->positions[r->layout];
    const int64_t n = r->n_rows[r->layout];
    for (int64_t row = 0; row < n; row++)
        for (int h = 0; h < n_heads; h++)
            r->gathered[row * n_heads + h] = positions[row] * (n_heads / shared) + h / shared;
    const pc_row_list rows = pc_delta_gathered(r, n * n_heads);
    watch_heads(r, x, base->x, n_heads, layer, gain == PC_Q_NORM_W ? PC_READER_Q : PC_READER_K,
                rows);
    r->w->device->ops->rmsnorm_delta(
        r->queue, &(pc_norm_delta_args){.dy = x,
                                        .d = x,
                                        .base_row = pc_delta_at(r, rows),
                                        .x = base->x,
                                        .variance = base->variance,
                                        .gain = pc_engine_gain(r->w, gain, layer),
                                        .gain_offset = (float)r->s->norm_gain_offset,
                                        .eps = r->s->norm_eps,
                                        .rows = rows.n,
                                        .width = r->s->d_head});
}

/* q or k (rows, n_heads d_head) as the scores use them. */
static void finish(pc_delta_run *r, float *x, int n_heads, int shared, const pc_base_norm *base,
                   pc_weight gain, int layer)
{
    pc_rotary_kind kind = r->w->rotary;
    if (r->s->has_qk_norm) norm_heads(r, x, n_heads, shared, base, gain, layer);
    kind.n_heads = n_heads;
    if (kind.n_pairs)
        r->w->device->ops->rotary(r->queue,
                                  &(pc_rotary_args){.x = x,
                                                    .x_stride = (int64_t)n_heads * r->s->d_head,
                                                    .rows = r->n_rows[r->layout],
                                                    .position = r->placed[r->layout],
                                                    .kind = &kind,
                                                    .table = r->w->rotary_placed});
}

/* Whether the stream's projection is wanted; marks the variants to which it matters. */
static bool is_read(pc_delta_run *r, int layer, pc_reader_kind kind)
{
    bool is_wanted = false;
    for (int i = 0; r->is_dirty && i < r->n; i++) {
        const pc_reading how = pc_variant_reads(&r->variants[i], r->c, layer, kind);
        if (how == PC_READS_HEEDED) r->is_watched[i] = 1;
        is_wanted = is_wanted || how != PC_READS_NOTHING;
    }
    return is_wanted;
}

/* Keys and values of all rows, in the full layout; then queries, in the one that stays. */
static void project_all(pc_delta_run *r, int layer)
{
    const pc_base_layer *base = &r->prompt->base->layers[layer];
    const int64_t q = pc_q_width(r->s), kv = pc_kv_width(r->s), width = key_width(r);
    const int64_t rows = r->n_rows[PC_ROWS_FULL];
    const bool is_last = layer == r->s->n_layers - 1;
    memset(r->is_watched, 0, (size_t)r->n);
    const bool has_q = is_read(r, layer, PC_READER_Q), has_k = is_read(r, layer, PC_READER_K);
    const bool has_v = is_read(r, layer, PC_READER_V);
    if (has_q || has_k || has_v)
        pc_delta_norm(r, r->normed, r->stream, &base->attention, PC_LN1_W, layer,
                      pc_delta_rows(r, PC_ROWS_FULL));
    if (has_k) project_keys(r, r->k, layer, q, rows);
    else pc_delta_clear(r, r->k, rows * width);
    if (has_v) project_keys(r, r->v, layer, q + kv, rows);
    else pc_delta_clear(r, r->v, rows * width);
    project_pairs(r, layer, is_key_or_value);
    record(r, layer, is_key_or_value);
    finish(r, r->k, r->c->n_kv_heads, readers_per_slot(r), &base->key, PC_K_NORM_W, layer);
    if (is_last) pc_delta_go_to_tail(r); /* takes `normed` along */
    if (has_q) project(r, r->q, q, r->normed, layer, 0, q, r->n_rows[r->layout]);
    else pc_delta_clear(r, r->q, r->n_rows[r->layout] * q);
    project_pairs(r, layer, is_query);
    record(r, layer, is_query);
    finish(r, r->q, r->s->n_heads, 1, &base->query, PC_Q_NORM_W, layer);
}

/* A head of a variant, as attention is asked for it. */
static pc_attention_item item_of(const pc_delta_run *r, int layer, int variant, int head,
                                 uint8_t changes)
{
    const pc_shape *s = r->s;
    const pc_variant *v = &r->variants[variant];
    const pc_row_range *range = pc_delta_range(r, variant);
    const int64_t full = r->ranges[PC_ROWS_FULL][variant].row, seq = r->prompt->base->seq;
    const int64_t q = pc_q_width(s), at = (int64_t)head * s->d_head, width = key_width(r);
    const int64_t slot = head / (s->n_heads / s->n_kv_heads) * s->d_head;
    const int64_t own = head / (s->n_heads / r->c->n_kv_heads) * s->d_head;
    const bool is_heeded = pc_delta_is_heeded(v, pc_writer_of_head(r->c, layer, head));
    return (pc_attention_item){.dz = range->row * q + at,
                               .dq = changes & PC_CHANGES_Q ? range->row * q + at : -1,
                               .dk = changes & PC_CHANGES_K ? full * width + own : -1,
                               .dv = changes & PC_CHANGES_V ? full * width + own : -1,
                               .q = at,
                               .k = slot,
                               .v = slot,
                               .log_pattern = head * seq * seq,
                               .pattern_stride = seq,
                               .seq = r->prompt->seq,
                               .first = v->first,
                               .q_first = range->first,
                               .watch_from = is_heeded ? r->watch_from : -1};
}

/* The first n of r->items. */
static void attend(pc_delta_run *r, int layer, int64_t n)
{
    const pc_base_layer *l = &r->prompt->base->layers[layer];
    const int64_t q = pc_q_width(r->s), kv = pc_kv_width(r->s), width = key_width(r);
    const pc_ops *ops = r->w->device->ops;
    int64_t most_queries = 0;
    if (n == 0) return;
    for (int64_t i = 0; i < n; i++) {
        const int64_t queries = r->items[i].seq - r->items[i].q_first;
        most_queries = queries > most_queries ? queries : most_queries;
    }
    pc_attention_batch batch = {.dz = r->z,
                                .dq = r->q,
                                .dk = r->k,
                                .dv = r->v,
                                .q = l->q,
                                .k = l->k,
                                .v = l->v,
                                .log_pattern = l->log_pattern,
                                .dz_stride = q,
                                .dq_stride = q,
                                .dk_stride = width,
                                .dv_stride = width,
                                .q_stride = q,
                                .k_stride = kv,
                                .v_stride = kv,
                                .items = pc_delta_list(r, r->items, n, sizeof *r->items),
                                .n_items = n,
                                .most_seq = r->prompt->seq,
                                .most_queries = most_queries,
                                .kind = pc_attention_kind_of(r->s, layer),
                                .scratch = r->scratch};
    ops->scores_lost(r->queue, r->is_lost + r->n_asked, &batch);
    r->n_asked += n;
    batch.items = pc_delta_list(r, r->items, n, sizeof *r->items);
    ops->attention_delta(r->queue, &batch);
}

/* A replaced head's z where cuts act. */
static void replace(pc_delta_run *r, int layer, int variant, int head)
{
    const int64_t q = pc_q_width(r->s), at = (int64_t)head * r->s->d_head;
    pc_delta_replace(r, variant, r->z + pc_delta_range(r, variant)->row * q + at,
                     r->prompt->change->z + (int64_t)layer * r->prompt->seq * q + at, q,
                     r->s->d_head);
}

/* What of a head's z comes about, and how. */
typedef struct head_change {
    bool is_attended, is_replaced;
} head_change;

static head_change change_of(const pc_delta_run *r, int layer, int variant, int head,
                             uint8_t changes)
{
    const pc_variant *v = &r->variants[variant];
    const int writer = pc_writer_of_head(r->c, layer, head);
    return (head_change){changes && pc_delta_is_computed(v, writer),
                         pc_delta_is_replaced(v, writer)};
}

static uint8_t changes_of(const pc_delta_run *r, int variant, int head)
{
    return r->is_dirty ? PC_CHANGES_ALL : r->changes[variant * r->s->n_heads + head];
}

/* r->z: what attends, all at once; then what is replaced. */
static void compute_heads(pc_delta_run *r, int layer)
{
    int64_t n = 0;
    pc_delta_ask(r, (int64_t)r->n * r->s->n_heads);
    for (int i = 0; i < r->n; i++)
        for (int head = 0; head < r->s->n_heads; head++) {
            const uint8_t changes = changes_of(r, i, head);
            if (!change_of(r, layer, i, head, changes).is_attended) continue;
            r->asked_of[r->n_asked + n] = i;
            r->items[n++] = item_of(r, layer, i, head, changes);
        }
    attend(r, layer, n);
    for (int i = 0; i < r->n; i++)
        for (int head = 0; head < r->s->n_heads; head++)
            if (change_of(r, layer, i, head, 0).is_replaced) replace(r, layer, i, head);
}

/* Which heads of a variant may have changed: how many, and the last of them. */
typedef struct changed_heads {
    int n, last;
} changed_heads;

static changed_heads heads_of(const pc_delta_run *r, int layer, int variant)
{
    changed_heads heads = {0, 0};
    for (int head = 0; head < r->s->n_heads; head++) {
        const head_change c = change_of(r, layer, variant, head, changes_of(r, variant, head));
        if (!c.is_attended && !c.is_replaced) continue;
        heads.n++;
        heads.last = head;
    }
    return heads;
}

/* r->out = z W_O of variants [first, end), which have changed the same. Of a single head only its
 * rows of W_O are needed: the same sums. */
static void add_up(pc_delta_run *r, int layer, int first, int end, changed_heads heads)
{
    const int64_t q = pc_q_width(r->s), d = r->s->d_model;
    const int64_t row = pc_delta_range(r, first)->row;
    const pc_row_range *last = pc_delta_range(r, end - 1);
    const int64_t rows = last->row + last->n - row;
    if (heads.n == 0) {
        pc_delta_clear(r, r->out + row * d, rows * d);
        return;
    }
    const int64_t column = heads.n == 1 ? (int64_t)heads.last * r->s->d_head : 0;
    pc_delta_multiply(r, &(pc_product){.c = r->out + row * d,
                                       .a = r->z + row * q + column,
                                       .c_stride = d,
                                       .a_stride = q,
                                       .rows = rows,
                                       .w = r->w->layers[layer].o.w,
                                       .k_first = column,
                                       .k_count = heads.n == 1 ? r->s->d_head : q,
                                       .n_count = d,
                                       .mode = PC_GEMM_SET});
}

/* Where the first change enters, variants that change alike are multiplied together. */
static void add_up_alike(pc_delta_run *r, int layer)
{
    for (int first = 0, end; first < r->n; first = end) {
        const changed_heads heads = heads_of(r, layer, first);
        for (end = first + 1; end < r->n; end++) {
            const changed_heads other = heads_of(r, layer, end);
            if (other.n != heads.n || (heads.n == 1 && other.last != heads.last)) break;
        }
        add_up(r, layer, first, end, heads);
    }
}

static void keep(float *history, pc_delta_run *r, int layer, const float *values, int64_t width)
{
    if (r->keep != PC_DELTA_KEEPS_HISTORY) return;
    for (int i = 0; i < r->n; i++) {
        const pc_row_range *range = pc_delta_range(r, i);
        r->copies[i] =
            (pc_row_copy){pc_delta_full_row(r, i, 0) * width, range->row * width, range->n};
    }
    pc_delta_copy(r, history + layer * r->most_rows * width, width, values, width, r->n, width);
}

static bool has_heeded_head(const pc_delta_run *r, int layer, int variant)
{
    const pc_variant *v = &r->variants[variant];
    const int first = pc_writer_of_head(r->c, layer, 0);
    for (int head = first; head < first + r->s->n_heads; head++)
        if (pc_delta_is_replaced(v, head) || pc_delta_is_heeded(v, head)) return true;
    return false;
}

void pc_delta_attention(pc_delta_run *r, int layer)
{
    const int64_t q = pc_q_width(r->s), d = r->s->d_model;
    memset(r->changes, 0, (size_t)r->n * (size_t)r->s->n_heads);
    project_all(r, layer);
    const int64_t rows = r->n_rows[r->layout];
    pc_delta_clear(r, r->z, rows * q);
    compute_heads(r, layer);
    if (!r->is_dirty) add_up_alike(r, layer);
    else pc_delta_multiply_all(r, r->out, r->z, r->w->layers[layer].o, rows);
    keep(r->history.z, r, layer, r->z, q);
    if (!r->s->has_post_norms) return;
    keep(r->history.attention_sum, r, layer, r->out, d);
    for (int i = 0; i < r->n; i++)
        r->is_watched[i] = has_heeded_head(r, layer, i);
    pc_delta_norm(r, r->out, r->out, &r->prompt->base->layers[layer].attention_post, PC_LN1_POST_W,
                  layer, pc_delta_rows(r, r->layout));
    keep(r->history.attention, r, layer, r->out, d);
}
