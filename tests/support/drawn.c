/* Drawing interventions as the JSON that users write. */
#include "drawn.h"

#include "golden.h"

#include "base/rng.h"
#include "base/text.h"

#include <criterion/criterion.h>

static int below(pc_rng *rng, int n)
{
    return (int)pc_rng_below(rng, (uint64_t)n);
}

static void put_edge(pc_text *out, pc_rng *rng, const pc_components *c)
{
    char name[2 * PC_NAME_BYTES + 2];
    pc_edge_name(name, c, (int64_t)pc_rng_below(rng, (uint64_t)c->n_edges));
    pc_text_printf(out, "\"%s\"", name);
}

static void put_writer(pc_text *out, pc_rng *rng, const pc_components *c)
{
    pc_text_printf(out, "\"%s\"", c->writers[below(rng, c->n_writers)].name);
}

/* Edges, nodes, neurons and streams, some twice; a few at positions, a few with held writers. */
static void put_cuts(pc_text *out, pc_rng *rng, const pc_components *c)
{
    const int n = 1 + below(rng, 6);
    pc_text_put(out, "{\"cut\": [");
    for (int i = 0; i < n; i++) {
        const int kind = below(rng, 8), layer = below(rng, c->n_layers);
        if (i) pc_text_put(out, ", ");
        if (kind == 0) put_writer(out, rng, c);
        else if (kind == 1 && c->d_mlp)
            pc_text_printf(out, "\"m%d.n%d\"", layer, below(rng, c->d_mlp));
        else if (kind == 2 && c->d_mlp)
            pc_text_printf(out, "\"m%d.n%d->logits\"", layer, below(rng, c->d_mlp));
        else if (kind == 3)
            pc_text_printf(out, "\"->%s\"", c->readers[below(rng, c->n_readers)].name);
        else if (kind == 4) pc_text_printf(out, "\"blocks.%d.hook_resid_pre\"", layer);
        else put_edge(out, rng, c);
    }
    pc_text_put(out, "]");
    if (below(rng, 3) == 0) pc_text_printf(out, ", \"positions\": [%d, -1, -2]", below(rng, 4));
    if (below(rng, 3) == 0) {
        pc_text_put(out, ", \"freeze\": [");
        put_writer(out, rng, c);
        pc_text_put(out, "]");
    }
    pc_text_put(out, "}");
}

static void put_circuit(pc_text *out, pc_rng *rng, const pc_components *c)
{
    const int share = 1 + below(rng, 9);
    bool is_first = true;
    pc_text_put(out, "{\"circuit\": [");
    for (int64_t e = 0; e < c->n_edges; e++) {
        char name[2 * PC_NAME_BYTES + 2];
        if (below(rng, 10) >= share) continue;
        pc_edge_name(name, c, e);
        pc_text_printf(out, "%s\"%s\"", is_first ? "" : ", ", name);
        is_first = false;
    }
    pc_text_put(out, "]}");
}

static void put_path(pc_text *out, pc_rng *rng, const pc_components *c)
{
    int64_t edge = (int64_t)pc_rng_below(rng, (uint64_t)c->n_edges);
    int writer, reader;
    pc_edge_ends(&writer, &reader, c, edge);
    pc_text_printf(out, "{\"path\": {\"from\": [\"%s\"], \"to\": [\"%s\"], \"mlps\": \"%s\"}}",
                   c->writers[writer].name, c->readers[reader].name,
                   below(rng, 2) ? "free" : "frozen");
}

static pc_intervention *draw(pc_rng *rng, const pc_model *model)
{
    pc_text json = {0};
    pc_intervention *x;
    const int kind = below(rng, 10);
    if (kind == 0) put_circuit(&json, rng, &model->components);
    else if (kind == 1) put_path(&json, rng, &model->components);
    else put_cuts(&json, rng, &model->components);
    cr_assert_eq(pc_intervention_parse(&x, model, json.data), PC_OK, "%s: %s", json.data,
                 pc_last_error());
    pc_text_free(&json);
    return x;
}

drawn draw_all(const char *name, uint64_t seed, int n)
{
    drawn d = {.model = golden_open(name), .n = n};
    json_t *golden = golden_read(name);
    pc_rng rng = {.seed = seed};
    d.task = golden_task(golden, d.model);
    json_decref(golden);
    for (int i = 0; i < n; i++)
        d.list[i] = draw(&rng, d.model);
    return d;
}

void free_all(drawn *d)
{
    for (int i = 0; i < d->n; i++)
        pc_intervention_free(d->list[i]);
    pc_task_free(d->task);
    pc_model_free(d->model);
}
