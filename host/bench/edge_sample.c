/* Edges of a model, as interventions. */
#include "bench/edge_sample.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/model_private.h"

#include <stdlib.h>

static pc_status parse_edge(pc_intervention **out, const pc_model *model, int64_t edge)
{
    char name[2 * PC_NAME_BYTES + 2];
    pc_text json = {0};
    pc_edge_name(name, &model->components, edge);
    pc_text_printf(&json, "{\"cut\": [\"%s\"]}", name);
    const pc_status status =
        json.data ? pc_intervention_parse(out, model, json.data) : PC_ERR_NOMEM;
    pc_text_free(&json);
    return status;
}

pc_status pc_edge_sample_new(pc_edge_sample *out, const pc_model *model, int64_t every)
{
    const int64_t n_edges = model->components.n_edges, step = every < 1 ? 1 : every;
    *out = (pc_edge_sample){0};
    out->list = pc_alloc((size_t)((n_edges + step - 1) / step), sizeof *out->list);
    pc_status status = out->list ? PC_OK : PC_ERR_NOMEM;
    for (int64_t edge = 0; edge < n_edges && status == PC_OK; edge += step) {
        status = parse_edge(&out->list[out->n], model, edge);
        out->n += status == PC_OK;
    }
    if (status != PC_OK) pc_edge_sample_free(out);
    return status;
}

void pc_edge_sample_free(pc_edge_sample *sample)
{
    for (int i = 0; i < sample->n; i++)
        pc_intervention_free(sample->list[i]);
    free(sample->list);
    *sample = (pc_edge_sample){0};
}
