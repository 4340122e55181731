/* Component names to parts and back. */
#include "graph/names.h"

#include <stdio.h>
#include <string.h>

static bool take(const char **at, const char *words)
{
    const size_t length = strlen(words);
    if (strncmp(*at, words, length) != 0) return false;
    *at += length;
    return true;
}

/* Own digits test: isdigit() may follow the locale. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_number(int *out, const char **at)
{
    const char *s = *at;
    int value = 0;
    if (!is_digit(*s) || (*s == '0' && is_digit(s[1]))) return false;
    for (; is_digit(*s); s++) {
        value = value * 10 + (*s - '0');
        if (value > PC_PART_MAX_INDEX) return false;
    }
    *at = s;
    *out = value;
    return true;
}

static bool take_port(pc_port *out, const char **at)
{
    static const char *const words[] = {"", "<q>", "<k>", "<v>"};
    for (int port = PC_PORT_Q; port <= PC_PORT_V; port++) {
        if (!take(at, words[port])) continue;
        *out = (pc_port)port;
        return true;
    }
    return false;
}

/* Behind "aL.": hH, hH<q>, kvG<k>. */
static bool take_head(pc_part *out, const char **at)
{
    out->kind = PC_PART_HEAD;
    if (take(at, "h")) {
        if (!take_number(&out->index, at)) return false;
        (void)take_port(&out->port, at);
        return true;
    }
    out->kind = PC_PART_KV;
    return take(at, "kv") && take_number(&out->index, at) && take_port(&out->port, at) &&
           out->port != PC_PORT_Q;
}

static bool take_part(pc_part *out, const char **at)
{
    *out = (pc_part){PC_PART_INPUT, -1, -1, PC_PORT_NONE};
    if (take(at, "input")) return true;
    out->kind = PC_PART_LOGITS;
    if (take(at, "logits")) return true;
    if (take(at, "a")) return take_number(&out->layer, at) && take(at, ".") && take_head(out, at);
    out->kind = PC_PART_MLP;
    if (!take(at, "m") || !take_number(&out->layer, at)) return false;
    if (!take(at, ".n")) return true;
    out->kind = PC_PART_NEURON;
    return take_number(&out->index, at);
}

bool pc_part_parse(pc_part *out, const char *name)
{
    return take_part(out, &name) && *name == 0;
}

bool pc_part_is_writer(const pc_part *part)
{
    return part->kind != PC_PART_KV && part->kind != PC_PART_LOGITS && part->port == PC_PORT_NONE;
}

bool pc_part_is_reader(const pc_part *part)
{
    return part->kind != PC_PART_INPUT && part->kind != PC_PART_NEURON;
}

bool pc_edge_parse(pc_part *from, pc_part *to, const char *name)
{
    return take_part(from, &name) && take(&name, "->") && take_part(to, &name) && *name == 0 &&
           pc_part_is_writer(from) && pc_part_is_reader(to);
}

bool pc_part_precedes(const pc_part *writer, const pc_part *reader, bool has_parallel_blocks)
{
    if (writer->kind == PC_PART_INPUT || reader->kind == PC_PART_LOGITS) return true;
    if (writer->layer != reader->layer) return writer->layer < reader->layer;
    return writer->kind == PC_PART_HEAD && reader->kind == PC_PART_MLP && !has_parallel_blocks;
}

uint64_t pc_part_key(const pc_part *part)
{
    const uint64_t layer = part->kind == PC_PART_LOGITS ? PC_PART_MAX_INDEX + 2 : part->layer + 1;
    return layer << 36 | (uint64_t)part->kind << 32 | (uint64_t)(part->index + 1) << 4 |
           (uint64_t)part->port;
}

pc_part pc_part_box(pc_part part)
{
    part.port = PC_PORT_NONE;
    if (part.kind != PC_PART_NEURON) return part;
    part.kind = PC_PART_MLP;
    part.index = -1;
    return part;
}

char *pc_part_name(char out[PC_PART_NAME_BYTES], const pc_part *part)
{
    static const char *const ports[] = {"", "<q>", "<k>", "<v>"};
    switch (part->kind) {
    case PC_PART_INPUT:
        return strcpy(out, "input");
    case PC_PART_LOGITS:
        return strcpy(out, "logits");
    case PC_PART_MLP:
        snprintf(out, PC_PART_NAME_BYTES, "m%d", part->layer);
        break;
    case PC_PART_NEURON:
        snprintf(out, PC_PART_NAME_BYTES, "m%d.n%d", part->layer, part->index);
        break;
    case PC_PART_HEAD:
    case PC_PART_KV:
        snprintf(out, PC_PART_NAME_BYTES, "a%d.%s%d%s", part->layer,
                 part->kind == PC_PART_KV ? "kv" : "h", part->index, ports[part->port]);
        break;
    }
    return out;
}
