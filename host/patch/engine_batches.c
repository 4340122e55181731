/* Interventions routed, sorted and cut into batches. */
#include "patch/engine_batches.h"

#include "base/memory.h"

#include <stdlib.h>

/* Where the device cannot be had, opening the evaluator says so: here the CPU will do. */
const pc_device *pc_engine_device(const pc_evaluator_options *o)
{
    const pc_device *d;
    if (pc_device_get(&d, o->device, o->precision) != PC_OK)
        (void)pc_device_get(&d, "cpu", PC_PRECISION_FP32);
    return d;
}

pc_batch_sizes pc_batch_sizes_of(const pc_evaluator_options *o)
{
    const pc_device *d = pc_engine_device(o);
    return (pc_batch_sizes){d->facts.rows, d->facts.history_rows, (int)d->facts.most_variants};
}

int64_t pc_batch_rows(const pc_batch_sizes *sizes, bool has_history, int longest)
{
    const int64_t rows = has_history ? sizes->history_rows : sizes->rows;
    return rows > longest ? rows : longest;
}

static pc_status route(pc_routed *out, const pc_intervention *x, int index, const pc_components *c,
                       unsigned without)
{
    *out = (pc_routed){.index = index, .is_path = x->path.n_receivers > 0};
    if (x->path.n_via > 0)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "the delta engine does not follow paths through stops, the twin does");
    if (out->is_path) {
        PC_TRY(pc_routing_new_send(&out->routing, x, c, without));
        return pc_routing_new_receive(&out->receiving, x, c, without);
    }
    for (size_t i = 0; i < x->n_cuts; i++)
        if (x->cuts[i].kind == PC_PLACE_PATTERN)
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "the delta engine does not cut attention patterns, the twin does");
    return pc_routing_new(&out->routing, x, c, without);
}

static int compare_routed(const void *a, const void *b)
{
    const pc_routed *x = a, *y = b;
    if (x->is_path != y->is_path) return x->is_path ? 1 : -1;
    if (x->routing.start != y->routing.start) return x->routing.start < y->routing.start ? -1 : 1;
    if (x->routing.has_history != y->routing.has_history) return x->routing.has_history ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool go_together(const pc_routed *a, const pc_routed *b)
{
    return !a->is_path && !b->is_path && a->routing.start == b->routing.start &&
           a->routing.has_history == b->routing.has_history;
}

static int changed_rows(const pc_prompt *p, const pc_evaluator_options *o)
{
    int seq = 0, first = 0;
    for (int t = 0; t < p->n_targets; t++)
        if (p->targets[t].position >= seq) seq = p->targets[t].position + 1;
    const bool begins_late = o->source == PC_SOURCE_RESAMPLE &&
                             pc_saves(o->without, PC_SAVING_POSITIONS) &&
                             pc_saves(o->without, PC_SAVING_UNTOUCHED);
    while (begins_late && first < seq && p->clean[first] == p->corrupted[first])
        first++;
    return seq - first;
}

pc_batch_limits pc_batch_limits_of(const pc_task *task, const pc_evaluator_options *o,
                                   const pc_batch_sizes *sizes)
{
    pc_batch_limits limits = {pc_task_longest(task), 1, *sizes};
    for (int i = 0; i < pc_task_n(task); i++) {
        const int rows = changed_rows(pc_task_prompt(task, i), o);
        if (rows > limits.changed) limits.changed = rows;
    }
    return limits;
}

static int most_of(int64_t rows, const pc_batch_limits *limits)
{
    const int64_t n = rows / limits->changed;
    const int most = limits->sizes.most;
    return n < 1 ? 1 : n > most ? most : (int)n;
}

int pc_batch_fill(const pc_batch_limits *limits)
{
    return most_of(limits->sizes.rows, limits);
}

static int most_together(const pc_routed *r, const pc_batch_limits *limits)
{
    return most_of(pc_batch_rows(&limits->sizes, r->routing.has_history, limits->longest), limits);
}

static void measure_up(pc_engine_batches *b, const pc_engine_batch *batch)
{
    size_t n_inputs = 0;
    for (int i = batch->first; i < batch->first + batch->n; i++) {
        const pc_routed *r = &b->list[i];
        n_inputs += r->routing.n_inputs + r->receiving.n_inputs;
        if (r->receiving.n_inputs > b->most_receivers) b->most_receivers = r->receiving.n_inputs;
    }
    if (n_inputs > b->most_inputs) b->most_inputs = n_inputs;
}

static void make_batches(pc_engine_batches *b, const pc_batch_limits *limits)
{
    for (int first = 0, n; first < b->n; first += n) {
        const int most = most_together(&b->list[first], limits);
        for (n = 1; n < most && first + n < b->n; n++)
            if (!go_together(&b->list[first], &b->list[first + n])) break;
        b->batches[b->n_batches] = (pc_engine_batch){first, n};
        measure_up(b, &b->batches[b->n_batches++]);
    }
}

pc_status pc_engine_batches_new(pc_engine_batches *out, const pc_intervention *const *interventions,
                                int n, const pc_components *c, const pc_batch_limits *limits,
                                unsigned without)
{
    *out = (pc_engine_batches){0};
    out->list = pc_alloc((size_t)n, sizeof *out->list);
    out->batches = pc_alloc((size_t)n, sizeof *out->batches);
    pc_status status = out->list && out->batches ? PC_OK : PC_ERR_NOMEM;
    for (; status == PC_OK && out->n < n; out->n++)
        status = route(&out->list[out->n], interventions[out->n], out->n, c, without);
    if (status != PC_OK) {
        pc_engine_batches_free(out);
        return status;
    }
    qsort(out->list, (size_t)n, sizeof *out->list, compare_routed);
    make_batches(out, limits);
    return PC_OK;
}

void pc_engine_batches_free(pc_engine_batches *b)
{
    for (int i = 0; b->list && i < b->n; i++) {
        pc_routing_free(&b->list[i].receiving);
        pc_routing_free(&b->list[i].routing);
    }
    free(b->batches);
    free(b->list);
    *b = (pc_engine_batches){0};
}
