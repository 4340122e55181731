/* Building interventions and naming them canonically. */
#include "patch/intervention.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void pc_intervention_free(pc_intervention *intervention)
{
    if (!intervention) return;
    for (int i = 0; intervention->path.via && i < intervention->path.n_via; i++)
        free(intervention->path.via[i].readers);
    free(intervention->path.via);
    free(intervention->path.receivers);
    free(intervention->path.senders);
    for (int i = 0; i < intervention->n_positions; i++)
        free(intervention->positions[i].name);
    free(intervention->positions);
    free(intervention->frozen);
    free(intervention->kept);
    free(intervention->cuts);
    free(intervention);
}

/* What has many writers stands first, then edges, then patterns. */
static int class_of(const pc_place *place)
{
    if (place->kind == PC_PLACE_PATTERN) return 3;
    return place->kind == PC_PLACE_STREAM ? 0 : place->writer < 0 ? 1 : 2;
}

static int compare_places(const void *a, const void *b)
{
    const pc_place *x = a, *y = b;
    const int class_x = class_of(x), class_y = class_of(y);
    if (class_x != class_y) return class_x < class_y ? -1 : 1;
    if (x->writer != y->writer) return x->writer < y->writer ? -1 : 1;
    if (x->neuron != y->neuron) return x->neuron < y->neuron ? -1 : 1;
    return (x->reader > y->reader) - (x->reader < y->reader);
}

/* Whether cutting `a` cuts all that cutting `b` does, of one writer. */
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

/* Whether one of the places with many writers has all edges of this one. */
static bool is_within(const pc_place *wide, size_t n_wide, const pc_place *place,
                      const pc_components *c)
{
    if (n_wide == 0 || place->kind == PC_PLACE_PATTERN) return false;
    const pc_extent b = pc_place_extent(c, place);
    for (size_t i = 0; i < n_wide; i++) {
        const pc_extent a = pc_place_extent(c, &wide[i]);
        if (a.first_writer <= b.first_writer && b.end_writer <= a.end_writer &&
            a.first_reader <= b.first_reader && b.end_reader <= a.end_reader)
            return true;
    }
    return false;
}

/* Sorts, and leaves out what another place covers: a neuron cut twice would change twice. */
static void make_canonical(pc_intervention *x, size_t n, const pc_components *c)
{
    size_t start = 0;  /* of the writer at hand, among those that stay */
    size_t n_wide = 0; /* of those that stay, how many have many writers */
    qsort(x->cuts, n, sizeof *x->cuts, compare_places);
    for (size_t i = 0; i < n; i++) {
        const pc_place place = x->cuts[i];
        const bool is_new = x->n_cuts == 0 || class_of(&x->cuts[x->n_cuts - 1]) != class_of(&place);
        if (is_new || x->cuts[x->n_cuts - 1].writer != place.writer) start = x->n_cuts;
        if (is_within(x->cuts, n_wide, &place, c)) continue;
        if (is_covered(x->cuts + start, x->n_cuts - start, &place)) continue;
        x->cuts[x->n_cuts++] = place;
        if (class_of(&place) < 2) n_wide = x->n_cuts;
    }
}

pc_status pc_intervention_cut_all(pc_intervention **out, const pc_components *components,
                                  const pc_place *places, size_t n)
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
    for (size_t i = 0; i < n; i++)
        made->needs_resample |= places[i].kind == PC_PLACE_PATTERN;
    make_canonical(made, n, components);
    *out = made;
    return PC_OK;
}

pc_status pc_intervention_cut(pc_intervention **out, const pc_components *components,
                              const pc_place *place)
{
    return pc_intervention_cut_all(out, components, place, 1);
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

static void mark_place(uint8_t *is_cut, const pc_place *place, const pc_components *c)
{
    const pc_extent e = pc_place_extent(c, place);
    for (int r = e.first_reader; r < e.end_reader; r++)
        memset(is_cut + c->readers[r].first_edge + e.first_writer, 1,
               (size_t)(e.end_writer - e.first_writer));
}

void pc_intervention_mark_edges(uint8_t *is_cut, const pc_intervention *x, const pc_components *c)
{
    memset(is_cut, 0, (size_t)c->n_edges);
    for (int64_t e = 0; x->kept && e < c->n_edges; e++)
        is_cut[e] = !x->kept[e];
    for (size_t i = 0; i < x->n_cuts; i++)
        if (x->cuts[i].neuron < 0 && x->cuts[i].kind != PC_PLACE_PATTERN)
            mark_place(is_cut, &x->cuts[i], c);
}

static void put_stream(pc_text *out, const pc_place *place, const pc_components *c)
{
    const pc_reader *first = &c->readers[place->reader];
    pc_text_printf(out, "blocks.%d.hook_resid_%s", first->layer,
                   first->kind == PC_READER_MLP ? "mid" : "pre");
}

static void put_place(pc_text *out, const pc_place *place, const pc_components *components)
{
    if (place->kind == PC_PLACE_STREAM) {
        put_stream(out, place, components);
        return;
    }
    if (place->writer >= 0) pc_text_put(out, components->writers[place->writer].name);
    if (place->neuron >= 0) pc_text_printf(out, ".n%d", place->neuron);
    if (place->kind == PC_PLACE_PATTERN) pc_text_put(out, "<pattern>");
    else if (place->reader >= 0)
        pc_text_printf(out, "->%s", components->readers[place->reader].name);
}

/* "3", "2..5", "\"S2\"" */
static void put_position(pc_text *out, const pc_position *p)
{
    if (p->name) pc_text_put_json_string(out, p->name);
    else pc_text_printf(out, "%d", p->first);
    if (!p->name && p->last != p->first) pc_text_printf(out, "..%d", p->last);
}

static pc_status put_circuit(pc_text *out, const pc_intervention *x)
{
    char hex[PC_DIGEST_CHARS];
    PC_TRY(pc_digest_bytes(hex, x->kept, (size_t)x->n_edges));
    pc_text_printf(out, "circuit %s", hex);
    return PC_OK;
}

static void put_readers(pc_text *out, const int *readers, int n, const pc_components *c)
{
    pc_text_put(out, " ->");
    for (int i = 0; i < n; i++)
        pc_text_printf(out, " %s", c->readers[readers[i]].name);
}

static void put_path(pc_text *out, const pc_path *path, const pc_components *c)
{
    pc_text_put(out, "path");
    for (int i = 0; i < path->n_senders; i++)
        pc_text_printf(out, " %s", c->writers[path->senders[i]].name);
    for (int i = 0; i < path->n_via; i++)
        put_readers(out, path->via[i].readers, path->via[i].n, c);
    put_readers(out, path->receivers, path->n_receivers, c);
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
    for (int i = 0; i < x->n_positions; i++) {
        pc_text_put(out, i ? "," : " @ ");
        put_position(out, &x->positions[i]);
    }
    for (int i = 0; i < x->n_frozen; i++)
        pc_text_printf(out, "%s%s", i ? " " : " frozen ", c->writers[x->frozen[i]].name);
    return pc_text_status(out);
}
