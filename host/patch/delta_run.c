/* Batches of variants through the layers, in changes. */
#include "patch/delta_run_private.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- room ---- */

static int64_t widest(const pc_shape *s)
{
    return pc_q_width(s) > s->d_mlp ? pc_q_width(s) : s->d_mlp;
}

static void lay_out_history(pc_delta_run *r, pc_arena *a)
{
    const pc_shape *s = r->s;
    const int64_t rows = s->n_layers * (r->keep == PC_DELTA_KEEPS_HISTORY ? r->most_rows : 0);
    const int64_t sums = s->has_post_norms ? rows * s->d_model : 0;
    pc_history *h = &r->history;
    h->z = pc_arena_take(a, rows * pc_q_width(s), sizeof *h->z);
    h->m = pc_arena_take(a, rows * s->d_model, sizeof *h->m);
    h->act = pc_arena_take(a, rows * s->d_mlp, sizeof *h->act);
    h->attention_sum = pc_arena_take(a, sums, sizeof *h->attention_sum);
    h->attention = pc_arena_take(a, sums, sizeof *h->attention);
    h->mlp_sum = pc_arena_take(a, sums, sizeof *h->mlp_sum);
}

static int64_t rows_of_all(const pc_delta_run *r)
{
    return r->keep == PC_DELTA_KEEPS_HISTORY ? r->longest : 0;
}

static void lay_out_all(pc_delta_run *r, pc_arena *a)
{
    const int64_t rows = rows_of_all(r), n_layers = r->s->has_post_norms ? r->s->n_layers : 1;
    const int64_t d = r->s->d_model;
    r->all.stream = pc_arena_take(a, rows * d, sizeof *r->all.stream);
    r->all.attention = pc_arena_take(a, n_layers * rows * d, sizeof *r->all.attention);
    r->all.attention_sum = pc_arena_take(a, r->s->has_post_norms ? n_layers * rows * d : 0,
                                         sizeof *r->all.attention_sum);
}

static void lay_out_device(pc_delta_run *r, pc_arena *a)
{
    const pc_shape *s = r->s;
    const int64_t rows = r->most_rows, kv = (int64_t)r->c->n_kv_heads * s->d_head;
    float **streams[] = {&r->stream, &r->input, &r->normed, &r->out, &r->other, &r->sum};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        *streams[i] = pc_arena_take(a, rows * s->d_model, sizeof **streams[i]);
    r->q = pc_arena_take(a, rows * pc_q_width(s), sizeof *r->q);
    r->k = pc_arena_take(a, rows * kv, sizeof *r->k);
    r->v = pc_arena_take(a, rows * kv, sizeof *r->v);
    r->z = pc_arena_take(a, rows * pc_q_width(s), sizeof *r->z);
    r->differences = pc_arena_take(a, rows * widest(s), sizeof *r->differences);
    r->a = pc_arena_take(a, rows * s->d_mlp, sizeof *r->a);
    r->u = pc_arena_take(a, s->is_gated ? rows * s->d_mlp : 0, sizeof *r->u);
    lay_out_history(r, a);
    lay_out_all(r, a);
    for (int layout = 0; layout < PC_N_LAYOUTS; layout++)
        r->placed[layout] = pc_arena_take(a, rows, sizeof *r->placed[layout]);
    r->is_lost = pc_arena_take(a, r->most_asked, sizeof *r->is_lost);
}

static void lay_out_host(pc_delta_run *r, pc_arena *a)
{
    const int64_t rows = r->most_rows, heads = r->s->n_heads;
    for (int layout = 0; layout < PC_N_LAYOUTS; layout++) {
        r->positions[layout] = pc_arena_take(a, rows, sizeof *r->positions[layout]);
        r->owners[layout] = pc_arena_take(a, rows, sizeof *r->owners[layout]);
        /* a variant without rows is none: no more variants than rows */
        r->ranges[layout] = pc_arena_take(a, rows, sizeof *r->ranges[layout]);
    }
    r->all.positions = pc_arena_take(a, rows_of_all(r), sizeof *r->all.positions);
    for (int32_t t = 0; a->block && t < rows_of_all(r); t++)
        r->all.positions[t] = t;
    r->gathered = pc_arena_take(a, rows * heads, sizeof *r->gathered);
    r->gathered_owners = pc_arena_take(a, rows, sizeof *r->gathered_owners);
    r->copies = pc_arena_take(a, rows, sizeof *r->copies);
    r->cuts = pc_arena_take(a, rows, sizeof *r->cuts);
    r->spans = pc_arena_take(a, rows, sizeof *r->spans);
    r->items = pc_arena_take(a, rows * heads, sizeof *r->items);
    r->scratch = pc_arena_take(a, PC_ATTENTION_SCRATCH * r->longest, sizeof *r->scratch);
    r->asked_of = pc_arena_take(a, r->most_asked, sizeof *r->asked_of);
    r->answers = pc_arena_take(a, r->most_asked, sizeof *r->answers);
    r->is_frail = pc_arena_take(a, rows, sizeof *r->is_frail);
    r->is_watched = pc_arena_take(a, rows, sizeof *r->is_watched);
    r->computed = pc_arena_take(a, rows, sizeof *r->computed);
    r->changes = pc_arena_take(a, rows * heads, sizeof *r->changes);
}

static pc_delta_run run_for(const pc_model *model, int longest, int64_t most_rows,
                            pc_delta_keep keep)
{
    return (pc_delta_run){.model = model,
                          .s = &model->shape,
                          .c = &model->components,
                          .longest = longest,
                          .most_rows = most_rows,
                          .most_asked = 4 * most_rows * model->shape.n_heads,
                          .keep = keep};
}

int64_t pc_delta_run_bytes(const pc_model *model, int longest, int64_t most_rows,
                           pc_delta_keep keep)
{
    pc_delta_run r = run_for(model, longest, most_rows, keep);
    pc_arena host = {0}, device = {0};
    lay_out_host(&r, &host);
    lay_out_device(&r, &device);
    return (int64_t)(host.used + device.used);
}

pc_queue_needs pc_delta_run_needs(const pc_model *model, int longest, int64_t most_rows)
{
    const pc_shape *s = &model->shape;
    const int64_t w = widest(s) > s->d_model ? widest(s) : s->d_model;
    const int64_t items = most_rows * s->n_heads * (int64_t)sizeof(pc_attention_item);
    return (pc_queue_needs){.widest = w > pc_qkv_width(s) ? w : pc_qkv_width(s),
                            .longest = longest,
                            .list_bytes = items + most_rows * 64};
}

static pc_status open_arenas(pc_delta_run *r)
{
    void *memory;
    lay_out_host(r, &r->arena);
    PC_TRY(pc_arena_open(&r->arena));
    lay_out_host(r, &r->arena);
    lay_out_device(r, &r->device);
    PC_TRY(pc_arena_size(&r->device));
    PC_TRY(pc_device_allocate(&memory, r->w->device, r->device.size));
    pc_arena_use(&r->device, memory);
    lay_out_device(r, &r->device);
    return PC_OK;
}

pc_status pc_delta_run_new(pc_delta_run **out, const pc_engine_weights *weights, pc_queue *queue,
                           int longest, int64_t most_rows, pc_delta_keep keep, unsigned without)
{
    *out = NULL;
    pc_delta_run *r = pc_alloc(1, sizeof *r);
    if (!r) return PC_ERR_NOMEM;
    *r = run_for(weights->model, longest, most_rows, keep);
    r->w = weights;
    r->queue = queue;
    r->without = without;
    const pc_status status = open_arenas(r);
    if (status == PC_OK) *out = r;
    else pc_delta_run_free(r);
    return status;
}

void pc_delta_run_free(pc_delta_run *r)
{
    if (!r) return;
    free(r->pairs);
    pc_device_release(r->w->device, r->device.memory);
    pc_arena_free(&r->arena);
    free(r);
}

pc_status pc_delta_run_reserve(pc_delta_run *r, size_t n_inputs)
{
    pc_delta_pair *pairs = pc_grow(r->pairs, &r->pair_capacity, n_inputs + 1, sizeof *pairs);
    if (!pairs) return PC_ERR_NOMEM;
    r->pairs = pairs;
    return PC_OK;
}

int64_t pc_delta_run_held(const pc_delta_run *r)
{
    return (int64_t)(r->arena.size + r->device.size);
}

pc_queue *pc_delta_run_queue(const pc_delta_run *r)
{
    return r->queue;
}

/* ---- shared steps ---- */

void pc_delta_multiply(pc_delta_run *r, const pc_product *args)
{
    r->flop += 2.0 * (double)args->rows * (double)args->k_count * (double)args->n_count;
    r->w->device->ops->product(r->queue, args);
}

void pc_delta_multiply_all(pc_delta_run *r, float *c, const float *a, pc_engine_matrix w,
                           int64_t rows)
{
    pc_delta_multiply(r, &(pc_product){.c = c,
                                       .a = a,
                                       .c_stride = w.n_out,
                                       .a_stride = w.n_in,
                                       .rows = rows,
                                       .w = w.w,
                                       .k_count = w.n_in,
                                       .n_count = w.n_out,
                                       .mode = PC_GEMM_SET});
}

void pc_delta_clear(const pc_delta_run *r, float *x, int64_t n)
{
    r->w->device->ops->clear(r->queue, x, (size_t)n * sizeof *x);
}

const void *pc_delta_list(const pc_delta_run *r, const void *items, int64_t n, size_t size)
{
    return r->w->device->ops->list(r->queue, items, (size_t)n * size);
}

const int32_t *pc_delta_at(const pc_delta_run *r, pc_row_list rows)
{
    return rows.placed ? rows.placed : pc_delta_list(r, rows.at, rows.n, sizeof *rows.at);
}

void pc_delta_norm_rows(pc_delta_run *r, float *dy, const float *d, const pc_base_norm *base,
                        pc_weight gain, int layer, pc_row_list rows)
{
    const int64_t width = r->s->d_model;
    if (r->s->norm == PC_NORM_NONE) {
        if (dy != d) pc_delta_move(r, dy, d, rows.n, width);
        return;
    }
    const pc_norm_delta_args args = {.dy = dy,
                                     .d = d,
                                     .base_row = pc_delta_at(r, rows),
                                     .x = base->x,
                                     .mean = base->mean,
                                     .variance = base->variance,
                                     .gain = pc_engine_gain(r->w, gain, layer),
                                     .gain_offset = (float)r->s->norm_gain_offset,
                                     .eps = r->s->norm_eps,
                                     .rows = rows.n,
                                     .width = width};
    if (r->s->norm == PC_NORM_LAYER) r->w->device->ops->layernorm_delta(r->queue, &args);
    else r->w->device->ops->rmsnorm_delta(r->queue, &args);
}

void pc_delta_norm(pc_delta_run *r, float *dy, const float *d, const pc_base_norm *base,
                   pc_weight gain, int layer, pc_row_list rows)
{
    if (r->s->norm != PC_NORM_NONE) pc_delta_watch(r, d, base->x, rows, r->s->d_model, r->s->norm);
    pc_delta_norm_rows(r, dy, d, base, gain, layer, rows);
}

/* ---- what float32 has lost ---- */

/* Takes the answers that are out. */
static pc_status look(pc_delta_run *r)
{
    const pc_device *device = r->w->device;
    device->ops->download(r->queue, r->answers, r->is_lost, (size_t)r->n_asked);
    PC_TRY(pc_device_wait(device, r->queue));
    for (int64_t i = 0; i < r->n_asked; i++)
        r->is_frail[r->asked_of[i]] |= r->answers[i];
    r->n_asked = 0;
    return PC_OK;
}

void pc_delta_ask(pc_delta_run *r, int64_t n)
{
    assert(n <= r->most_asked);
    if (r->n_asked + n <= r->most_asked) return;
    if (r->status == PC_OK) r->status = look(r);
    r->n_asked = 0;
}

void pc_delta_watch_spans(pc_delta_run *r, const float *d, const float *x, pc_row_list rows,
                          int64_t n_spans, int64_t width, pc_norm kind)
{
    if (n_spans == 0) return;
    r->w->device->ops->vanishing(
        r->queue,
        &(pc_vanishing_args){.is_lost = r->is_lost + r->n_asked,
                             .spans = pc_delta_list(r, r->spans, n_spans, sizeof *r->spans),
                             .n_spans = n_spans,
                             .d = d,
                             .base_row = pc_delta_at(r, rows),
                             .x = x,
                             .width = width,
                             .is_centred = kind == PC_NORM_LAYER});
    r->n_asked += n_spans;
}

/* An owner's rows stand together, at ascending positions. */
void pc_delta_watch(pc_delta_run *r, const float *d, const float *x, pc_row_list rows,
                    int64_t width, pc_norm kind)
{
    int64_t n_spans = 0;
    pc_delta_ask(r, r->n);
    for (int64_t row = 0, end; row < rows.n; row = end) {
        const int32_t owner = rows.owners[row];
        for (end = row; end < rows.n && rows.owners[end] == owner; end++)
            if (rows.at[end] < r->watch_from) row = end + 1;
        if (row == end || !r->is_watched[owner]) continue;
        r->spans[n_spans] = (pc_row_span){.row = row, .stride = 1, .rows = end - row};
        r->asked_of[r->n_asked + n_spans++] = owner;
    }
    pc_delta_watch_spans(r, d, x, rows, n_spans, width, kind);
}

/* ---- moving rows ---- */

static void add(const pc_delta_run *r, float *x, const float *y, int64_t n, float sign)
{
    r->w->device->ops->add_change(r->queue,
                                  &(pc_add_change_args){.x = x, .y = y, .sign = sign, .n = n});
}

void pc_delta_add(const pc_delta_run *r, float *x, const float *y, int64_t n)
{
    add(r, x, y, n, 1);
}

void pc_delta_subtract(const pc_delta_run *r, float *x, const float *y, int64_t n)
{
    add(r, x, y, n, -1);
}

void pc_delta_copy(const pc_delta_run *r, float *to, int64_t to_stride, const float *from,
                   int64_t from_stride, int64_t n_items, int64_t width)
{
    int64_t most = 0;
    for (int64_t i = 0; i < n_items; i++)
        most = r->copies[i].rows > most ? r->copies[i].rows : most;
    if (most == 0) return;
    r->w->device->ops->copy_rows(
        r->queue,
        &(pc_copy_rows_args){.to = to,
                             .from = from,
                             .to_stride = to_stride,
                             .from_stride = from_stride,
                             .width = width,
                             .items = pc_delta_list(r, r->copies, n_items, sizeof *r->copies),
                             .n_items = n_items,
                             .most_rows = most});
}

void pc_delta_move(const pc_delta_run *r, float *to, const float *from, int64_t rows, int64_t width)
{
    r->copies[0] = (pc_row_copy){.from = from ? 0 : -1, .rows = rows};
    pc_delta_copy(r, to, width, from, width, 1, width);
}

void pc_delta_replace(pc_delta_run *r, int variant, float *to, const float *change, int64_t stride,
                      int64_t width)
{
    const pc_variant *v = &r->variants[variant];
    const int first = pc_delta_range(r, variant)->first,
              end = first + pc_delta_range(r, variant)->n;
    int64_t n_items = 0;
    for (int at = first, until; at < end; at = until) {
        until = pc_delta_alike_until(v, at, end);
        if (pc_delta_is_cut_at(v, at))
            r->copies[n_items++] = (pc_row_copy){(at - first) * stride, at * stride, until - at};
    }
    pc_delta_copy(r, to, stride, change, stride, n_items, width);
}

/* Into r->input, where nothing stands between two readers, which then takes the array's place. */
static void compact(float **x, pc_delta_run *r)
{
    const int64_t d = r->s->d_model;
    float *const to = r->input;
    for (int i = 0; i < r->n; i++) {
        const pc_row_range *full = &r->ranges[PC_ROWS_FULL][i], *tail = &r->ranges[PC_ROWS_TAIL][i];
        r->copies[i] =
            (pc_row_copy){tail->row * d, (full->row + tail->first - full->first) * d, tail->n};
    }
    pc_delta_copy(r, to, d, *x, d, r->n, d);
    r->input = *x;
    *x = to;
}

void pc_delta_go_to_tail(pc_delta_run *r)
{
    r->watch_from = r->prompt->first_target;
    if (r->layout == PC_ROWS_TAIL) return;
    if (r->is_dirty) {
        compact(&r->stream, r);
        compact(&r->normed, r);
    }
    r->layout = PC_ROWS_TAIL;
}

/* ---- a batch ---- */

static void place_rows(pc_delta_run *r, pc_row_layout layout)
{
    int64_t row = 0;
    for (int i = 0; i < r->n; i++) {
        const int first = r->variants[i].first;
        const int target = pc_saves(r->without, PC_SAVING_LAST_LAYER) ? r->prompt->first_target : 0;
        pc_row_range *range = &r->ranges[layout][i];
        range->row = row;
        range->first = layout == PC_ROWS_TAIL && first < target ? target : first;
        range->n = r->prompt->seq - range->first;
        for (int k = 0; k < range->n; k++)
            r->positions[layout][row + k] = range->first + k, r->owners[layout][row + k] = i;
        row += range->n;
    }
    assert(row <= r->most_rows);
    r->n_rows[layout] = row;
}

static void clear_history(pc_delta_run *r)
{
    if (r->keep != PC_DELTA_KEEPS_HISTORY) return;
    const pc_shape *s = r->s;
    const struct {
        float *rows;
        int64_t width;
    } parts[] = {{r->history.z, pc_q_width(s)},
                 {r->history.m, s->d_model},
                 {r->history.act, s->d_mlp},
                 {r->history.attention_sum, s->has_post_norms ? s->d_model : 0},
                 {r->history.attention, s->has_post_norms ? s->d_model : 0},
                 {r->history.mlp_sum, s->has_post_norms ? s->d_model : 0}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (int layer = 0; layer < s->n_layers; layer++)
            pc_delta_clear(r, parts[i].rows + layer * r->most_rows * parts[i].width,
                           r->n_rows[PC_ROWS_FULL] * parts[i].width);
}

/* The stream where the input is replaced. */
static void change_input(pc_delta_run *r)
{
    const int64_t d = r->s->d_model;
    for (int i = 0; i < r->n; i++) {
        const uint8_t state = r->variants[i].routing->states[0];
        if (state == PC_WRITER_REPLACED || state == PC_WRITER_SENDING)
            pc_delta_replace(r, i, r->stream + pc_delta_range(r, i)->row * d,
                             r->prompt->change->input, d, d);
    }
}

static void add_to_stream(pc_delta_run *r, const float *change)
{
    pc_delta_add(r, r->stream, change, r->n_rows[r->layout] * r->s->d_model);
    r->is_dirty = true;
}

static void run_layer(pc_delta_run *r, int layer, int start)
{
    const bool has_mlp = r->s->d_mlp > 0, is_parallel = r->s->block == PC_BLOCK_PARALLEL;
    const bool has_attention = start <= 2 * layer;
    if (has_attention) pc_delta_attention(r, layer);
    else if (layer == r->s->n_layers - 1) pc_delta_go_to_tail(r);
    if (has_mlp && is_parallel) pc_delta_mlp(r->other, r, layer); /* reads the stream before */
    if (has_attention) add_to_stream(r, r->out);
    if (r->has_circuit) pc_delta_all_attention(r, layer);
    if (has_mlp && !is_parallel) pc_delta_mlp(r->other, r, layer);
    if (has_mlp) add_to_stream(r, r->other);
    if (r->has_circuit) pc_delta_all_mlp(r, layer);
}

/* What was replaced before the first layer that is run. */
static void begin_all(pc_delta_run *r, int first_layer)
{
    r->has_circuit = false;
    for (int i = 0; i < r->n; i++)
        r->has_circuit = r->has_circuit || (r->variants[i].routing->is_circuit &&
                                            r->variants[i].routing->has_history);
    if (!r->has_circuit) return;
    pc_delta_all_begin(r);
    for (int layer = 0; layer < first_layer; layer++) {
        pc_delta_all_attention(r, layer);
        pc_delta_all_mlp(r, layer);
    }
}

/* r->normed = the change of the final norm's output. */
static void finish(pc_delta_run *r)
{
    const int reader = pc_reader_of_logits(r->c);
    const int64_t d = r->s->d_model;
    memset(r->is_watched, 1, (size_t)r->n);
    pc_delta_go_to_tail(r);
    pc_delta_find_pairs(r, reader, reader + 1);
    for (size_t i = 0; i < r->n_pairs; i++) {
        const pc_delta_pair *pair = &r->pairs[i];
        const pc_row_range *range = pc_delta_range(r, pair->variant);
        pc_delta_own_input(r->input, r, pair->variant, pair->input);
        pc_delta_move(r, r->stream + range->row * d, r->input, range->n, d);
    }
    for (int i = 0; i < r->n; i++)
        pc_delta_record(r, i, reader, r->stream + pc_delta_range(r, i)->row * d);
    pc_delta_norm(r, r->normed, r->stream, &r->prompt->base->final, PC_LN_FINAL_W, 0,
                  pc_delta_rows(r, PC_ROWS_TAIL));
}

static void place_lists(pc_delta_run *r)
{
    for (int layout = 0; layout < PC_N_LAYOUTS; layout++)
        r->w->device->ops->upload(r->queue, r->placed[layout], r->positions[layout],
                                  (size_t)r->n_rows[layout] * sizeof *r->positions[layout]);
}

pc_status pc_delta_run_batch(pc_delta_run *r, const pc_delta_prompt *prompt,
                             const pc_variant *variants, int n)
{
    const int start = variants[0].routing->start;
    r->prompt = prompt;
    r->variants = variants;
    r->n = n;
    r->layout = PC_ROWS_FULL;
    r->watch_from = 0;
    place_rows(r, PC_ROWS_FULL);
    place_rows(r, PC_ROWS_TAIL);
    place_lists(r);
    clear_history(r);
    memset(r->is_frail, 0, (size_t)n);
    r->status = PC_OK;
    r->n_asked = 0;
    pc_delta_clear(r, r->stream, r->n_rows[PC_ROWS_FULL] * r->s->d_model);
    r->is_dirty = start < 0 || !pc_saves(r->without, PC_SAVING_HEADS);
    if (start < 0) change_input(r);
    const int first_layer = start < 0 ? 0 : start / 2;
    begin_all(r, first_layer);
    for (int layer = first_layer; layer < r->s->n_layers; layer++)
        run_layer(r, layer, start);
    finish(r);
    PC_TRY(r->status);
    return look(r);
}

void pc_delta_run_final(float *to, pc_delta_run *r, const pc_final_row *rows, int n)
{
    const int64_t d = r->s->d_model;
    assert(n <= r->most_rows);
    for (int i = 0; i < n; i++) {
        const pc_row_range *range = &r->ranges[PC_ROWS_TAIL][rows[i].variant];
        assert(rows[i].position >= range->first);
        r->copies[i] = (pc_row_copy){i * d, (range->row + rows[i].position - range->first) * d, 1};
    }
    pc_delta_copy(r, to, d, r->normed, d, n, d);
}

bool pc_delta_run_is_frail(const pc_delta_run *r, int i)
{
    return r->is_frail[i];
}

double pc_delta_run_flop(const pc_delta_run *r)
{
    return r->flop;
}
