/* Sites: which edges make an activation what the source run has. */
#include "model/components.h"

#include <stdio.h>

bool pc_site_has_heads(pc_site site)
{
    return site >= PC_SITE_Z;
}

int pc_site_heads(const pc_components *c, pc_site site)
{
    return site == PC_SITE_K || site == PC_SITE_V ? c->n_kv_heads : c->n_heads;
}

bool pc_site_needs_resample(pc_site site)
{
    return site >= PC_SITE_Q;
}

/* The first reader that sees a writer. Later readers see no fewer writers than earlier ones. */
static int first_reader_of(const pc_components *c, int writer)
{
    int low = 0, high = c->n_readers - 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (c->readers[middle].n_visible > writer) high = middle;
        else low = middle + 1;
    }
    return low;
}

pc_extent pc_place_extent(const pc_components *c, const pc_place *place)
{
    if (place->kind == PC_PLACE_STREAM)
        return (pc_extent){0, place->writer, place->reader, c->n_readers};
    if (place->writer < 0)
        return (pc_extent){0, c->readers[place->reader].n_visible, place->reader,
                           place->reader + 1};
    if (place->reader < 0)
        return (pc_extent){place->writer, place->writer + 1, first_reader_of(c, place->writer),
                           c->n_readers};
    return (pc_extent){place->writer, place->writer + 1, place->reader, place->reader + 1};
}

static pc_place writer_place(int writer)
{
    return (pc_place){.writer = writer, .neuron = -1, .reader = -1};
}

pc_place pc_reader_place(const pc_components *c, int reader)
{
    const int writer = c->readers[reader].n_visible == 1 ? 0 : -1;
    return (pc_place){.writer = writer, .neuron = -1, .reader = reader};
}

/* The stream between the writers before `writer` and the readers from `reader` on. */
static pc_place stream_place(const pc_components *c, int writer, int reader)
{
    if (writer == 1) return writer_place(0);
    if (reader == c->n_readers - 1) return pc_reader_place(c, reader);
    return (pc_place){.kind = PC_PLACE_STREAM, .writer = writer, .neuron = -1, .reader = reader};
}

static pc_place head_place(const pc_components *c, pc_site site, int layer, int head)
{
    const int group = c->n_heads / c->n_kv_heads;
    switch (site) {
    case PC_SITE_Q:
        return pc_reader_place(c, pc_reader_of_head(c, layer, PC_READER_Q, head));
    case PC_SITE_K:
        return pc_reader_place(c, pc_reader_of_head(c, layer, PC_READER_K, head * group));
    case PC_SITE_V:
        return pc_reader_place(c, pc_reader_of_head(c, layer, PC_READER_V, head * group));
    case PC_SITE_PATTERN:
        return (pc_place){.kind = PC_PLACE_PATTERN,
                          .writer = pc_writer_of_head(c, layer, head),
                          .neuron = -1,
                          .reader = pc_reader_of_head(c, layer, PC_READER_Q, head)};
    default:
        return writer_place(pc_writer_of_head(c, layer, head));
    }
}

/* The stream between the heads of a layer and its MLP. */
static pc_status put_middle(pc_place *out, const pc_components *c, int layer)
{
    const int reader = c->d_mlp ? pc_reader_of_mlp(c, layer) : 0;
    const int writer = c->d_mlp ? pc_writer_of_mlp(c, layer) : 0;
    if (c->d_mlp && c->readers[reader].n_visible == writer) {
        *out = stream_place(c, writer, reader);
        return PC_OK;
    }
    return pc_fail(PC_ERR_INPUT, "resid_mid does not exist in this model: it has %s",
                   c->d_mlp ? "parallel blocks" : "no MLPs");
}

static pc_status check_ranges(const pc_components *c, pc_site site, int layer, int head)
{
    if (layer < 0 || layer >= c->n_layers)
        return pc_fail(PC_ERR_INPUT, "layer %d is not in this model, expected 0 to %d", layer,
                       c->n_layers - 1);
    const int n_heads = pc_site_heads(c, site);
    if (pc_site_has_heads(site) && head >= n_heads)
        return pc_fail(PC_ERR_INPUT, "%s %d is not in this model, expected 0 to %d",
                       n_heads < c->n_heads ? "KV head" : "head", head, n_heads - 1);
    if (site == PC_SITE_MLP_OUT && c->d_mlp == 0)
        return pc_fail(PC_ERR_INPUT, "mlp_out does not exist in this model: it has no MLPs");
    return PC_OK;
}

pc_status pc_site_places(pc_place *out, int *n, const pc_components *c, pc_site site, int layer,
                         int head)
{
    *n = 1;
    PC_TRY(check_ranges(c, site, layer, head));
    switch (site) {
    case PC_SITE_RESID_PRE:
        *out = stream_place(c, pc_writer_of_head(c, layer, 0),
                            pc_reader_of_head(c, layer, PC_READER_Q, 0));
        return PC_OK;
    case PC_SITE_RESID_MID:
        return put_middle(out, c, layer);
    case PC_SITE_MLP_OUT:
        *out = writer_place(pc_writer_of_mlp(c, layer));
        return PC_OK;
    default:
        break;
    }
    if (head >= 0) {
        *out = head_place(c, site, layer, head);
        return PC_OK;
    }
    *n = pc_site_heads(c, site);
    for (int h = 0; h < *n; h++)
        out[h] = head_place(c, site, layer, h);
    return PC_OK;
}
