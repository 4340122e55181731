/* From an intervention's cuts to what the delta engine does with each writer and reader. */
#include "patch/routing.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void pc_routing_free(pc_routing *r)
{
    free(r->is_unheeded);
    free(r->has_cut);
    free(r->inputs);
    free(r->cuts);
    free(r->replaced);
    free(r->states);
    *r = (pc_routing){0};
}

static pc_status allocate(pc_routing *r, const pc_components *c, size_t n_cuts, size_t n_inputs,
                          size_t n_replaced)
{
    *r = (pc_routing){.start = 2 * c->n_layers + 1};
    r->states = pc_alloc((size_t)c->n_writers, 1);
    r->cuts = pc_alloc(n_cuts, sizeof *r->cuts);
    r->inputs = pc_alloc(n_inputs, sizeof *r->inputs);
    r->replaced = pc_alloc(n_replaced, sizeof *r->replaced);
    r->has_cut = pc_alloc((size_t)c->n_writers, 1);
    r->is_unheeded = pc_alloc((size_t)c->n_writers, 1);
    if (r->is_unheeded && r->has_cut && r->states && r->cuts && r->inputs && r->replaced)
        return PC_OK;
    pc_routing_free(r);
    return PC_ERR_NOMEM;
}

const pc_own_input *pc_routing_input(const pc_routing *r, int reader)
{
    size_t first = 0, end = r->n_inputs;
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        if (r->inputs[middle].reader == reader) return &r->inputs[middle];
        if (r->inputs[middle].reader < reader) first = middle + 1;
        else end = middle;
    }
    return NULL;
}

static void start_at(pc_routing *r, int stage)
{
    if (stage < r->start) r->start = stage;
}

static void replace_writer(pc_routing *r, const pc_components *c, int writer)
{
    r->states[writer] = PC_WRITER_REPLACED;
    start_at(r, pc_stage_of_writer(&c->writers[writer]));
}

static void give_input(pc_routing *r, const pc_components *c, int reader)
{
    if (r->n_inputs > 0 && r->inputs[r->n_inputs - 1].reader == reader) return;
    r->inputs[r->n_inputs++] = (pc_own_input){.reader = reader, .first = r->n_cuts};
    start_at(r, pc_stage_of_reader(&c->readers[reader]));
}

static void add_cut(pc_routing *r, const pc_components *c, int reader, pc_cut cut)
{
    give_input(r, c, reader);
    r->inputs[r->n_inputs - 1].n++;
    r->cuts[r->n_cuts++] = cut;
}

/* ---- sparse interventions: named places, each one edge or one writer ---- */

typedef struct placed {
    int reader;
    pc_cut cut;
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->reader != y->reader) return x->reader < y->reader ? -1 : 1;
    if (x->cut.writer != y->cut.writer) return x->cut.writer < y->cut.writer ? -1 : 1;
    return (x->cut.neuron > y->cut.neuron) - (x->cut.neuron < y->cut.neuron);
}

static bool is_sparse(const pc_intervention *x)
{
    for (size_t i = 0; i < x->n_cuts; i++)
        if (x->cuts[i].kind != PC_PLACE_EDGES || x->cuts[i].writer < 0) return false;
    return !x->kept;
}

/* Edges to named readers; what every reader sees replaced goes into the states. */
static pc_status route_places(pc_routing *r, const pc_intervention *x, const pc_components *c)
{
    size_t n = 0;
    placed *list = pc_alloc(x->n_cuts, sizeof *list);
    if (!list) return PC_ERR_NOMEM;
    for (size_t i = 0; i < x->n_cuts; i++) {
        const pc_place *place = &x->cuts[i];
        const pc_cut cut = {place->writer, place->neuron};
        if (place->reader >= 0) {
            list[n++] = (placed){place->reader, cut};
        } else if (place->neuron >= 0) {
            r->replaced[r->n_replaced++] = cut;
            start_at(r, pc_stage_of_writer(&c->writers[cut.writer]));
        } else {
            replace_writer(r, c, cut.writer);
        }
    }
    if (n > 1) qsort(list, n, sizeof *list, compare_placed);
    for (size_t i = 0; i < n; i++)
        add_cut(r, c, list[i].reader, list[i].cut);
    free(list);
    return PC_OK;
}

/* ---- dense ones: every edge is looked at ---- */

/* n_cut (n_writers): of each writer's edges, how many are cut. */
static void count_cut_edges(int *n_cut, int *n_all, const uint8_t *is_cut, const pc_components *c)
{
    for (int reader = 0; reader < c->n_readers; reader++) {
        const uint8_t *row = is_cut + c->readers[reader].first_edge;
        for (int u = 0; u < c->readers[reader].n_visible; u++) {
            n_cut[u] += row[u];
            n_all[u]++;
        }
    }
}

/* Edges from writers that follow: those that are cut, or those that are kept. */
static size_t count_own(const uint8_t *is_cut, bool cut, const uint8_t *states,
                        const pc_components *c)
{
    size_t n = 0;
    for (int reader = 0; reader < c->n_readers; reader++)
        for (int u = 0; u < c->readers[reader].n_visible; u++)
            n += (is_cut[c->readers[reader].first_edge + u] != 0) == cut &&
                 states[u] == PC_WRITER_FOLLOWS;
    return n;
}

static bool is_circuit(const pc_intervention *x)
{
    return x->kept && x->n_cuts == 0 && x->n_positions == 0 && x->n_frozen == 0;
}

/* Readers that see something cut get an input of what they keep. */
static void route_circuit(pc_routing *r, const uint8_t *is_cut, const pc_components *c)
{
    for (int reader = 0; reader < c->n_readers; reader++) {
        const uint8_t *row = is_cut + c->readers[reader].first_edge;
        bool has_cut = false;
        for (int u = 0; u < c->readers[reader].n_visible; u++)
            if (row[u] && r->states[u] == PC_WRITER_FOLLOWS) r->has_cut[u] = has_cut = true;
        if (!has_cut) continue;
        give_input(r, c, reader);
        for (int u = 0; u < c->readers[reader].n_visible; u++)
            if (!row[u] && r->states[u] == PC_WRITER_FOLLOWS)
                add_cut(r, c, reader, (pc_cut){u, -1});
    }
}

static pc_status route_edges(pc_routing *r, const uint8_t *is_cut, int *n_cut, int *n_all,
                             const pc_intervention *x, const pc_components *c)
{
    count_cut_edges(n_cut, n_all, is_cut, c);
    PC_TRY(allocate(r, c, 0, (size_t)c->n_readers, x->n_cuts));
    for (int u = 0; u < c->n_writers; u++)
        if (n_cut[u] == n_all[u]) replace_writer(r, c, u);
    r->is_circuit = is_circuit(x);
    size_t n_neurons = 0; /* cut at named readers, or at all of them */
    for (size_t i = 0; i < x->n_cuts; i++)
        n_neurons += x->cuts[i].kind == PC_PLACE_EDGES && x->cuts[i].neuron >= 0;
    free(r->cuts);
    r->cuts =
        pc_alloc(count_own(is_cut, !r->is_circuit, r->states, c) + n_neurons * (size_t)c->n_readers,
                 sizeof *r->cuts);
    if (!r->cuts) return PC_ERR_NOMEM;
    if (r->is_circuit) {
        route_circuit(r, is_cut, c);
        return PC_OK;
    }
    for (int reader = 0; reader < c->n_readers; reader++) {
        const uint8_t *row = is_cut + c->readers[reader].first_edge;
        for (int u = 0; u < c->readers[reader].n_visible; u++) {
            if (row[u] && r->states[u] == PC_WRITER_FOLLOWS) add_cut(r, c, reader, (pc_cut){u, -1});
            for (size_t i = 0; i < x->n_cuts && n_neurons && !row[u]; i++) {
                const pc_place *place = &x->cuts[i];
                if (place->kind == PC_PLACE_EDGES && place->neuron >= 0 && place->writer == u &&
                    (place->reader < 0 || place->reader == reader))
                    add_cut(r, c, reader, (pc_cut){u, place->neuron});
            }
        }
    }
    return PC_OK;
}

/* ---- the kept cone ---- */

static bool is_heeded(const pc_routing *r, int writer)
{
    return r->states[writer] == PC_WRITER_FOLLOWS && !r->is_unheeded[writer];
}

/* Whether the component that reads here is computed for somebody. */
static bool is_active(const pc_routing *r, const pc_components *c, int reader)
{
    const pc_reader *at = &c->readers[reader];
    if (at->kind == PC_READER_LOGITS) return true;
    if (at->kind == PC_READER_MLP) return is_heeded(r, pc_writer_of_mlp(c, at->layer));
    for (int head = 0; head < c->n_heads; head++)
        if (pc_reader_of_head(c, at->layer, at->kind, head) == reader &&
            is_heeded(r, pc_writer_of_head(c, at->layer, head)))
            return true;
    return false;
}

static bool is_seen(const pc_components *c, const uint8_t *is_cut, const bool *active, int writer)
{
    for (int reader = 0; reader < c->n_readers; reader++)
        if (writer < c->readers[reader].n_visible &&
            !is_cut[c->readers[reader].first_edge + writer] && active[reader])
            return true;
    return false;
}

/* They are not computed, and what they read is not either. */
static void leave_unheeded(pc_routing *r, const pc_components *c)
{
    size_t n = 0;
    for (int u = 0; u < c->n_writers; u++)
        if (r->is_unheeded[u]) r->states[u] = PC_WRITER_UNSEEN;
    for (size_t i = 0; i < r->n_inputs; i++)
        if (is_active(r, c, r->inputs[i].reader)) r->inputs[n++] = r->inputs[i];
    r->n_inputs = n;
}

/* Writers from the last to the first: all who could read one come after it. Cuts act everywhere
 * here, so that nothing of a replaced writer is computed. */
static pc_status find_unseen(pc_routing *r, const pc_components *c, const uint8_t *is_cut,
                             unsigned without)
{
    bool *active = pc_alloc((size_t)c->n_readers, sizeof *active);
    if (!active) return PC_ERR_NOMEM;
    int next = c->n_readers - 1; /* readers behind it are settled: their components come later */
    for (int u = c->n_writers - 1; u >= 0; u--) {
        for (; next >= 0 && c->readers[next].n_visible > u; next--)
            active[next] = is_active(r, c, next);
        if (r->states[u] == PC_WRITER_FOLLOWS && !is_seen(c, is_cut, active, u))
            r->is_unheeded[u] = true;
    }
    if (pc_saves(without, PC_SAVING_CONE)) leave_unheeded(r, c);
    free(active);
    return PC_OK;
}

static pc_status route_dense(pc_routing *r, const pc_intervention *x, const pc_components *c,
                             unsigned without)
{
    uint8_t *is_cut = pc_alloc((size_t)c->n_edges, 1);
    int *n_cut = pc_alloc((size_t)c->n_writers, sizeof *n_cut);
    int *n_all = pc_alloc((size_t)c->n_writers, sizeof *n_all);
    pc_status status = is_cut && n_cut && n_all ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) {
        pc_intervention_mark_edges(is_cut, x, c);
        status = route_edges(r, is_cut, n_cut, n_all, x, c);
        if (status == PC_OK && r->is_circuit) status = find_unseen(r, c, is_cut, without);
    }
    free(n_all);
    free(n_cut);
    free(is_cut);
    return status;
}

/* ---- what holds for all ---- */

static void hold(pc_routing *r, const pc_intervention *x)
{
    for (int i = 0; i < x->n_frozen; i++) {
        uint8_t *state = &r->states[x->frozen[i]];
        *state = *state == PC_WRITER_REPLACED ? PC_WRITER_SENDING : PC_WRITER_HELD;
    }
}

static bool is_held(uint8_t state)
{
    return state == PC_WRITER_HELD || state == PC_WRITER_SENDING;
}

/* Whether all who read here are held: their inputs do not matter. */
static bool is_idle(const pc_routing *r, const pc_components *c, int reader)
{
    const pc_reader *at = &c->readers[reader];
    if (at->kind == PC_READER_LOGITS) return false;
    if (at->kind == PC_READER_MLP) return is_held(r->states[pc_writer_of_mlp(c, at->layer)]);
    for (int head = 0; head < c->n_heads; head++)
        if (pc_reader_of_head(c, at->layer, at->kind, head) == reader &&
            !is_held(r->states[pc_writer_of_head(c, at->layer, head)]))
            return false;
    return true;
}

static void drop_idle(pc_routing *r, const pc_components *c)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_inputs; i++)
        if (!is_idle(r, c, r->inputs[i].reader)) r->inputs[n++] = r->inputs[i];
    r->n_inputs = n;
}

/* The stage at which a writer's change is known. */
static bool may_have_changed(const pc_routing *r, const pc_components *c, int writer)
{
    return pc_stage_of_writer(&c->writers[writer]) >= r->start;
}

static void find_history(pc_routing *r, const pc_components *c)
{
    r->has_history = r->is_circuit && r->n_inputs > 0;
    for (size_t i = 0; i < r->n_inputs; i++)
        for (size_t k = 0; k < r->inputs[i].n; k++)
            if (may_have_changed(r, c, r->cuts[r->inputs[i].first + k].writer))
                r->has_history = true;
}

/* Without the saving every layer is gone through from the input on. */
static void settle_start(pc_routing *r, unsigned without)
{
    if (!pc_saves(without, PC_SAVING_LAYERS)) r->start = -1;
}

pc_status pc_routing_new(pc_routing *out, const pc_intervention *x, const pc_components *c,
                         unsigned without)
{
    pc_status status;
    *out = (pc_routing){0};
    if (is_sparse(x)) {
        PC_TRY(allocate(out, c, x->n_cuts, x->n_cuts, x->n_cuts));
        status = route_places(out, x, c);
    } else {
        status = route_dense(out, x, c, without);
    }
    if (status != PC_OK) {
        pc_routing_free(out);
        return status;
    }
    hold(out, x);
    if (x->n_frozen) drop_idle(out, c);
    settle_start(out, without);
    find_history(out, c);
    return PC_OK;
}

pc_status pc_routing_new_send(pc_routing *out, const pc_intervention *x, const pc_components *c,
                              unsigned without)
{
    PC_TRY(allocate(out, c, 0, 0, 0));
    for (int u = 0; u < c->n_writers; u++) {
        const bool is_free = x->path.has_free_mlps && c->writers[u].kind == PC_WRITER_MLP;
        out->states[u] = is_free ? PC_WRITER_FOLLOWS : PC_WRITER_HELD;
    }
    for (int i = 0; i < x->path.n_senders; i++) {
        replace_writer(out, c, x->path.senders[i]);
        out->states[x->path.senders[i]] = PC_WRITER_SENDING;
    }
    for (int i = 0; i < x->n_frozen; i++)
        out->states[x->frozen[i]] = PC_WRITER_HELD;
    settle_start(out, without);
    return PC_OK;
}

pc_status pc_routing_new_receive(pc_routing *out, const pc_intervention *x, const pc_components *c,
                                 unsigned without)
{
    const size_t n = (size_t)x->path.n_receivers;
    PC_TRY(allocate(out, c, 0, n, 0));
    for (size_t i = 0; i < n; i++) {
        out->inputs[out->n_inputs++] = (pc_own_input){.reader = x->path.receivers[i]};
        start_at(out, pc_stage_of_reader(&c->readers[x->path.receivers[i]]));
    }
    for (int i = 0; i < x->path.n_senders; i++)
        out->states[x->path.senders[i]] = PC_WRITER_HELD;
    for (int i = 0; i < x->n_frozen; i++)
        out->states[x->frozen[i]] = PC_WRITER_HELD;
    settle_start(out, without);
    return PC_OK;
}

pc_status pc_routing_new_all(pc_routing *out, const pc_components *c)
{
    PC_TRY(allocate(out, c, 0, 0, 0));
    for (int u = 0; u < c->n_writers; u++)
        replace_writer(out, c, u);
    return PC_OK;
}
