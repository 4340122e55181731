/* Enumerating candidates, and circuits as subsets of them. */
#include "search/candidates.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const level_names[] = {
    [PC_LEVEL_NODE] = "node", [PC_LEVEL_EDGE] = "edge", [PC_LEVEL_NEURON] = "neuron"};

const char *pc_level_name(pc_level level)
{
    return level_names[level];
}

pc_status pc_level_parse(pc_level *out, const char *name)
{
    for (int i = 0; i <= PC_LEVEL_NEURON; i++) {
        if (strcmp(level_names[i], name) != 0) continue;
        *out = (pc_level)i;
        return PC_OK;
    }
    return pc_fail(PC_ERR_INPUT, "level \"%.40s\" is unknown, expected one of node, edge, neuron",
                   name);
}

pc_status pc_candidates_init(pc_candidates *out, const pc_model *model, pc_level level)
{
    const pc_components *c = &model->components;
    *out = (pc_candidates){.level = level, .model = model};
    switch (level) {
    case PC_LEVEL_NODE:
        out->n = c->n_writers;
        break;
    case PC_LEVEL_EDGE:
        out->n = c->n_edges;
        break;
    case PC_LEVEL_NEURON:
        out->n = (int64_t)c->n_layers * c->d_mlp;
        break;
    }
    if (out->n == 0)
        return pc_fail(PC_ERR_INPUT, "%s is attention-only: it has no neurons", model->info.name);
    return PC_OK;
}

pc_place pc_candidate_place(const pc_candidates *candidates, int64_t i)
{
    const pc_components *c = &candidates->model->components;
    pc_place place = {.writer = -1, .neuron = -1, .reader = -1};
    switch (candidates->level) {
    case PC_LEVEL_NODE:
        place.writer = (int)i;
        break;
    case PC_LEVEL_EDGE:
        pc_edge_ends(&place.writer, &place.reader, c, i);
        break;
    case PC_LEVEL_NEURON:
        place.writer = pc_writer_of_mlp(c, (int)(i / c->d_mlp));
        place.neuron = (int)(i % c->d_mlp);
        break;
    }
    return place;
}

void pc_candidate_name(char out[2 * PC_NAME_BYTES + 2], const pc_candidates *candidates, int64_t i)
{
    const pc_components *c = &candidates->model->components;
    const pc_place place = pc_candidate_place(candidates, i);
    const char *writer = c->writers[place.writer].name;
    if (place.neuron >= 0) snprintf(out, 2 * PC_NAME_BYTES + 2, "%s.n%d", writer, place.neuron);
    else if (place.reader >= 0) pc_edge_name(out, c, i);
    else snprintf(out, 2 * PC_NAME_BYTES + 2, "%s", writer);
}

static pc_status cut_places(pc_intervention **out, const pc_candidates *candidates,
                            const bool *kept, bool is_cut_when_kept)
{
    pc_place *places = pc_alloc((size_t)candidates->n, sizeof *places);
    if (!places) return PC_ERR_NOMEM;
    size_t n = 0;
    for (int64_t i = 0; i < candidates->n; i++)
        if (kept[i] == is_cut_when_kept) places[n++] = pc_candidate_place(candidates, i);
    pc_status status = pc_intervention_cut_all(out, &candidates->model->components, places, n);
    free(places);
    return status;
}

static pc_status cut_edges(pc_intervention **out, const pc_candidates *candidates, const bool *kept,
                           bool is_cut_when_kept)
{
    uint8_t *stays = pc_alloc((size_t)candidates->n, 1);
    if (!stays) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < candidates->n; i++)
        stays[i] = kept[i] != is_cut_when_kept;
    pc_status status = pc_intervention_circuit(out, &candidates->model->components, stays);
    free(stays);
    return status;
}

pc_status pc_candidates_circuit(pc_intervention **out, const pc_candidates *candidates,
                                const bool *kept, pc_direction direction)
{
    const bool is_cut_when_kept = direction == PC_DIRECTION_DENOISE;
    if (candidates->level == PC_LEVEL_EDGE)
        return cut_edges(out, candidates, kept, is_cut_when_kept);
    return cut_places(out, candidates, kept, is_cut_when_kept);
}

/* The writer that a reader's component writes as; -1 for the logits. */
static int writer_of_reader(const pc_components *c, const pc_reader *r, int head)
{
    if (r->kind == PC_READER_LOGITS) return -1;
    if (r->kind == PC_READER_MLP) return pc_writer_of_mlp(c, r->layer);
    return pc_writer_of_head(c, r->layer, head);
}

/* Query heads that a reader serves: one, or a KV head's group. */
static void heads_of_reader(int *first, int *end, const pc_components *c, const pc_reader *r)
{
    const int group = c->n_heads / c->n_kv_heads;
    const bool is_shared = r->kind == PC_READER_K || r->kind == PC_READER_V;
    *first = r->head < 0 ? 0 : is_shared ? r->head * group : r->head;
    *end = *first + (is_shared ? group : 1);
}

/* One of the readers that see the writer. */
static const pc_reader *draw_reader(const pc_components *c, int writer, pc_rng *rng)
{
    uint64_t n = 0;
    for (int r = 0; r < c->n_readers; r++)
        n += writer < c->readers[r].n_visible;
    uint64_t left = pc_rng_below(rng, n);
    for (int r = 0;; r++)
        if (writer < c->readers[r].n_visible && left-- == 0) return &c->readers[r];
}

bool pc_candidates_add_path(bool *kept, const pc_candidates *candidates, pc_rng *rng)
{
    const pc_components *c = &candidates->model->components;
    bool has_new = false;
    for (int writer = 0; writer >= 0;) { /* the logits write to nobody, and see everybody */
        const pc_reader *reader = draw_reader(c, writer, rng);
        bool *edge = &kept[reader->first_edge + writer];
        int first = 0, end = 1;
        has_new = has_new || !*edge;
        *edge = true;
        if (reader->kind != PC_READER_LOGITS) heads_of_reader(&first, &end, c, reader);
        writer =
            writer_of_reader(c, reader, first + (int)pc_rng_below(rng, (uint64_t)(end - first)));
    }
    return has_new;
}

static void mark_ends(bool *is_entered, bool *is_left, const bool *kept, const pc_components *c)
{
    memset(is_entered, 0, (size_t)c->n_writers);
    memset(is_left, 0, (size_t)c->n_writers);
    is_entered[0] = true; /* the input */
    for (int r = 0; r < c->n_readers; r++) {
        const pc_reader *reader = &c->readers[r];
        int first, end;
        heads_of_reader(&first, &end, c, reader);
        for (int u = 0; u < reader->n_visible; u++) {
            if (!kept[reader->first_edge + u]) continue;
            is_left[u] = true;
            for (int h = first; h < end && reader->kind != PC_READER_LOGITS; h++)
                is_entered[writer_of_reader(c, reader, h)] = true;
        }
    }
}

static bool leads_on(const pc_components *c, const pc_reader *reader, const bool *is_left)
{
    int first, end;
    if (reader->kind == PC_READER_LOGITS) return true;
    heads_of_reader(&first, &end, c, reader);
    for (int h = first; h < end; h++)
        if (is_left[writer_of_reader(c, reader, h)]) return true;
    return false;
}

static bool drop_dangling(bool *kept, const pc_components *c, const bool *is_entered,
                          const bool *is_left)
{
    bool has_changed = false;
    for (int r = 0; r < c->n_readers; r++) {
        const pc_reader *reader = &c->readers[r];
        const bool is_open = leads_on(c, reader, is_left);
        for (int u = 0; u < reader->n_visible; u++) {
            bool *edge = &kept[reader->first_edge + u];
            if (!*edge || (is_open && is_entered[u])) continue;
            *edge = false;
            has_changed = true;
        }
    }
    return has_changed;
}

pc_status pc_candidates_prune(bool *kept, const pc_candidates *candidates)
{
    if (candidates->pruning == PC_PRUNE_NOTHING) return PC_OK;
    const pc_components *c = &candidates->model->components;
    if (candidates->level != PC_LEVEL_EDGE) return PC_OK;
    bool *is_entered = pc_alloc((size_t)c->n_writers, sizeof *is_entered);
    bool *is_left = pc_alloc((size_t)c->n_writers, sizeof *is_left);
    pc_status status = is_entered && is_left ? PC_OK : PC_ERR_NOMEM;
    bool has_changed = status == PC_OK;
    while (has_changed) {
        mark_ends(is_entered, is_left, kept, c);
        has_changed = drop_dangling(kept, c, is_entered, is_left);
    }
    free(is_left);
    free(is_entered);
    return status;
}
