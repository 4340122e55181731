/* Building interventions and naming them canonically. */
#include "patch/intervention.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void pc_intervention_free(pc_intervention *intervention)
{
    if (!intervention) return;
    free(intervention->path.receivers);
    free(intervention->path.senders);
    free(intervention->positions);
    free(intervention->frozen);
    free(intervention->kept);
    free(intervention->cuts);
    free(intervention);
}

static int compare_places(const void *a, const void *b)
{
    const pc_place *x = a, *y = b;
    if (x->writer != y->writer) return x->writer < y->writer ? -1 : 1;
    if (x->neuron != y->neuron) return x->neuron < y->neuron ? -1 : 1;
    return (x->reader > y->reader) - (x->reader < y->reader);
}

/* Whether cutting `a` cuts all that cutting `b` does. */
static bool covers(const pc_place *a, const pc_place *b)
{
    return a->writer == b->writer && (a->neuron < 0 || a->neuron == b->neuron) &&
           (a->reader < 0 || a->reader == b->reader);
}

/* Whether one of the writer's sorted places covers this one, which comes after them: a whole writer
 * stands before its neurons, every reader before each. */
static bool is_covered(const pc_place *places, size_t n, const pc_place *place)
{
    for (size_t i = 0; i < n && places[i].neuron < 0; i++)
        if (covers(&places[i], place)) return true;
    for (size_t i = n; i-- > 0 && places[i].neuron == place->neuron;)
        if (covers(&places[i], place)) return true;
    return false;
}

/* Sorts, and leaves out what another place covers: a neuron cut twice would change twice. */
static void make_canonical(pc_intervention *x, size_t n)
{
    size_t start = 0; /* of the writer at hand, among those that stay */
    qsort(x->cuts, n, sizeof *x->cuts, compare_places);
    for (size_t i = 0; i < n; i++) {
        const pc_place place = x->cuts[i];
        if (x->n_cuts > 0 && x->cuts[x->n_cuts - 1].writer != place.writer) start = x->n_cuts;
        if (!is_covered(x->cuts + start, x->n_cuts - start, &place)) x->cuts[x->n_cuts++] = place;
    }
}

pc_status pc_intervention_cut_all(pc_intervention **out, const pc_place *places, size_t n)
{
    *out = NULL;
    pc_intervention *made = pc_alloc(1, sizeof *made);
    if (!made) return PC_ERR_NOMEM;
    made->cuts = pc_alloc(n, sizeof *made->cuts);
    if (!made->cuts) {
        pc_intervention_free(made);
        return PC_ERR_NOMEM;
    }
    if (n) memcpy(made->cuts, places, n * sizeof *places);
    make_canonical(made, n);
    *out = made;
    return PC_OK;
}

pc_status pc_intervention_cut(pc_intervention **out, const pc_place *place)
{
    return pc_intervention_cut_all(out, place, 1);
}

pc_status pc_intervention_circuit(pc_intervention **out, const pc_components *components,
                                  const uint8_t *kept)
{
    *out = NULL;
    pc_intervention *made = pc_alloc(1, sizeof *made);
    if (!made) return PC_ERR_NOMEM;
    made->n_edges = components->n_edges;
    made->kept = pc_alloc((size_t)made->n_edges, 1);
    if (!made->kept) {
        pc_intervention_free(made);
        return PC_ERR_NOMEM;
    }
    memcpy(made->kept, kept, (size_t)made->n_edges);
    *out = made;
    return PC_OK;
}

static void put_place(pc_text *out, const pc_place *place, const pc_components *components)
{
    pc_text_put(out, components->writers[place->writer].name);
    if (place->neuron >= 0) pc_text_printf(out, ".n%d", place->neuron);
    if (place->reader >= 0) pc_text_printf(out, "->%s", components->readers[place->reader].name);
}

static pc_status put_circuit(pc_text *out, const pc_intervention *x)
{
    char hex[PC_DIGEST_CHARS];
    PC_TRY(pc_digest_bytes(hex, x->kept, (size_t)x->n_edges));
    pc_text_printf(out, "circuit %s", hex);
    return PC_OK;
}

static void put_path(pc_text *out, const pc_path *path, const pc_components *c)
{
    pc_text_put(out, "path");
    for (int i = 0; i < path->n_senders; i++)
        pc_text_printf(out, " %s", c->writers[path->senders[i]].name);
    pc_text_put(out, " ->");
    for (int i = 0; i < path->n_receivers; i++)
        pc_text_printf(out, " %s", c->readers[path->receivers[i]].name);
    pc_text_put(out, path->has_free_mlps ? " mlps free" : " mlps frozen");
}

pc_status pc_intervention_key(pc_text *out, const pc_intervention *x, const pc_components *c)
{
    if (x->path.n_receivers > 0) {
        put_path(out, &x->path, c);
    } else if (x->kept) {
        PC_TRY(put_circuit(out, x));
    } else {
        pc_text_put(out, "cut");
        for (size_t i = 0; i < x->n_cuts; i++) {
            pc_text_put(out, " ");
            put_place(out, &x->cuts[i], c);
        }
    }
    for (int i = 0; i < x->n_positions; i++)
        pc_text_printf(out, "%s%d", i ? "," : " @ ", x->positions[i]);
    for (int i = 0; i < x->n_frozen; i++)
        pc_text_printf(out, "%s%s", i ? " " : " frozen ", c->writers[x->frozen[i]].name);
    return pc_text_status(out);
}
