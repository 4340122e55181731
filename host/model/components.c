/* The component table and the parsing of component names. */
#include "model/components.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int writers_per_layer(const pc_components *c)
{
    return c->n_heads + (c->d_mlp > 0);
}

static int readers_per_layer(const pc_components *c)
{
    return c->n_heads + 2 * c->n_kv_heads + (c->d_mlp > 0);
}

int pc_writer_of_head(const pc_components *c, int layer, int head)
{
    return 1 + layer * writers_per_layer(c) + head;
}

int pc_writer_of_mlp(const pc_components *c, int layer)
{
    assert(c->d_mlp > 0);
    return 1 + layer * writers_per_layer(c) + c->n_heads;
}

/* A layer's attention readers stand KV head by KV head: its group's queries, then its k and v; with
 * one query head per KV head that is q, k, v of each head in turn. */
int pc_reader_of_head(const pc_components *c, int layer, pc_reader_kind kind, int head)
{
    const int group = c->n_heads / c->n_kv_heads;
    const int first = layer * readers_per_layer(c) + head / group * (group + 2);
    if (kind == PC_READER_Q) return first + head % group;
    return first + group + (kind == PC_READER_V);
}

int pc_reader_of_mlp(const pc_components *c, int layer)
{
    assert(c->d_mlp > 0);
    return layer * readers_per_layer(c) + c->n_heads + 2 * c->n_kv_heads;
}

int pc_reader_of_logits(const pc_components *c)
{
    return c->n_readers - 1;
}

void pc_reader_owners(int *first, int *end, const pc_components *c, int reader)
{
    const pc_reader *r = &c->readers[reader];
    const bool is_shared = r->kind == PC_READER_K || r->kind == PC_READER_V;
    const int group = is_shared ? c->n_heads / c->n_kv_heads : 1;
    *first = *end = 0;
    if (r->kind == PC_READER_LOGITS) return;
    *first = r->kind == PC_READER_MLP ? pc_writer_of_mlp(c, r->layer)
                                      : pc_writer_of_head(c, r->layer, r->head * group);
    *end = *first + group;
}

static void fill_writers(pc_components *c)
{
    c->writers[0] = (pc_writer){.kind = PC_WRITER_INPUT, .layer = -1, .head = -1, .name = "input"};
    for (int layer = 0; layer < c->n_layers; layer++) {
        for (int head = 0; head < c->n_heads; head++) {
            pc_writer *w = &c->writers[pc_writer_of_head(c, layer, head)];
            *w = (pc_writer){.kind = PC_WRITER_HEAD, .layer = layer, .head = head};
            snprintf(w->name, sizeof w->name, "a%d.h%d", layer, head);
        }
        if (c->d_mlp == 0) continue;
        pc_writer *w = &c->writers[pc_writer_of_mlp(c, layer)];
        *w = (pc_writer){.kind = PC_WRITER_MLP, .layer = layer, .head = -1};
        snprintf(w->name, sizeof w->name, "m%d", layer);
    }
}

static void fill_head_reader(pc_components *c, int layer, pc_reader_kind kind, int head)
{
    static const char letters[] = {[PC_READER_Q] = 'q', [PC_READER_K] = 'k', [PC_READER_V] = 'v'};
    const int group = c->n_heads / c->n_kv_heads;
    const bool is_shared = kind != PC_READER_Q && group > 1;
    pc_reader *r = &c->readers[pc_reader_of_head(c, layer, kind, head)];
    r->kind = kind;
    r->layer = layer;
    r->head = is_shared ? head / group : head;
    r->n_visible = 1 + layer * writers_per_layer(c);
    snprintf(r->name, sizeof r->name, "a%d.%s%d<%c>", layer, is_shared ? "kv" : "h", r->head,
             letters[kind]);
}

static void fill_readers(pc_components *c, pc_block block)
{
    for (int layer = 0; layer < c->n_layers; layer++) {
        for (int head = 0; head < c->n_heads; head++)
            for (pc_reader_kind kind = PC_READER_Q; kind <= PC_READER_V; kind++)
                fill_head_reader(c, layer, kind, head);
        if (c->d_mlp == 0) continue;
        pc_reader *r = &c->readers[pc_reader_of_mlp(c, layer)];
        r->kind = PC_READER_MLP;
        r->layer = layer;
        r->head = -1;
        r->n_visible =
            1 + layer * writers_per_layer(c) + (block == PC_BLOCK_SEQUENTIAL ? c->n_heads : 0);
        snprintf(r->name, sizeof r->name, "m%d", layer);
    }
    c->readers[c->n_readers - 1] = (pc_reader){.kind = PC_READER_LOGITS,
                                               .layer = c->n_layers,
                                               .head = -1,
                                               .n_visible = c->n_writers,
                                               .name = "logits"};
}

pc_status pc_components_init(pc_components *out, const pc_shape *shape,
                             pc_kv_granularity granularity)
{
    const bool is_shared = granularity == PC_KV_SHARED;
    pc_components c = {.n_layers = shape->n_layers,
                       .n_heads = shape->n_heads,
                       .n_kv_heads = is_shared ? shape->n_kv_heads : shape->n_heads,
                       .d_mlp = shape->d_mlp};
    c.n_writers = 1 + c.n_layers * writers_per_layer(&c);
    c.n_readers = 1 + c.n_layers * readers_per_layer(&c);
    c.writers = pc_alloc((size_t)c.n_writers, sizeof *c.writers);
    c.readers = pc_alloc((size_t)c.n_readers, sizeof *c.readers);
    *out = c;
    if (!c.writers || !c.readers) {
        pc_components_free(out);
        return PC_ERR_NOMEM;
    }
    fill_writers(out);
    fill_readers(out, shape->block);
    for (int r = 0; r < out->n_readers; r++) {
        out->readers[r].first_edge = out->n_edges;
        out->n_edges += out->readers[r].n_visible;
    }
    return PC_OK;
}

void pc_components_free(pc_components *components)
{
    free(components->readers);
    free(components->writers);
    *components = (pc_components){0};
}

void pc_edge_ends(int *writer, int *reader, const pc_components *c, int64_t edge)
{
    int low = 0, high = c->n_readers - 1; /* the last reader whose first edge is <= edge */
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (c->readers[middle].first_edge <= edge) low = middle;
        else high = middle - 1;
    }
    *reader = low;
    *writer = (int)(edge - c->readers[low].first_edge);
}

void pc_edge_name(char out[2 * PC_NAME_BYTES + 2], const pc_components *c, int64_t edge)
{
    int writer, reader;
    pc_edge_ends(&writer, &reader, c, edge);
    snprintf(out, 2 * PC_NAME_BYTES + 2, "%s->%s", c->writers[writer].name,
             c->readers[reader].name);
}
