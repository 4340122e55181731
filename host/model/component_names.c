/* From component names to indices, with the nearest name for a misspelt one. */
#include "model/components.h"

#include "base/memory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NAME = PC_NAME_BYTES - 1 };

/* Levenshtein distance of two short names. */
static int edit_distance(const char *a, const char *b)
{
    int row[PC_NAME_BYTES];
    const int n_b = (int)strlen(b);
    for (int j = 0; j <= n_b; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n_b; j++) {
            int replaced = diagonal + (a[i - 1] != b[j - 1]);
            int shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[n_b];
}

static pc_status fail_unknown(const char *what, const char *name, const char *nearest)
{
    return pc_fail(PC_ERR_INPUT, "%s \"%.60s\" is not in this model; the nearest name is \"%s\"",
                   what, name, nearest);
}

static pc_status fail_writer(const pc_components *c, const char *name)
{
    int best = 0, least = PC_NAME_BYTES * 2;
    for (int w = 0; w < c->n_writers && strlen(name) <= LONGEST_NAME; w++) {
        int distance = edit_distance(name, c->writers[w].name);
        if (distance < least) least = distance, best = w;
    }
    return fail_unknown("component", name, c->writers[best].name);
}

static pc_status fail_reader(const pc_components *c, const char *name)
{
    int best = c->n_readers - 1, least = PC_NAME_BYTES * 2;
    for (int r = 0; r < c->n_readers && strlen(name) <= LONGEST_NAME; r++) {
        int distance = edit_distance(name, c->readers[r].name);
        if (distance < least) least = distance, best = r;
    }
    return fail_unknown("reader", name, c->readers[best].name);
}

bool pc_take_number(int *out, const char **at)
{
    const char *s = *at;
    int value = 0, n_digits = 0;
    if (s[0] == '0' && isdigit((unsigned char)s[1])) return false;
    for (; isdigit((unsigned char)s[n_digits]) && n_digits < 8; n_digits++)
        value = value * 10 + (s[n_digits] - '0');
    *at = s + n_digits;
    *out = value;
    return n_digits > 0 && n_digits < 8;
}

static bool take(const char **at, const char *words)
{
    size_t length = strlen(words);
    if (strncmp(*at, words, length) != 0) return false;
    *at += length;
    return true;
}

/* Writers and neurons: "input", "a0.h1", "0.1", "m0", "m0.n7". */
static pc_status parse_writer(pc_place *out, const pc_components *c, const char *name)
{
    const char *at = name;
    int layer, index;
    if (strcmp(name, "input") == 0) {
        out->writer = 0;
        return PC_OK;
    }
    if (take(&at, "m")) {
        if (!pc_take_number(&layer, &at) || layer >= c->n_layers || c->d_mlp == 0)
            return fail_writer(c, name);
        out->writer = pc_writer_of_mlp(c, layer);
        if (*at == 0) return PC_OK;
        if (!take(&at, ".n") || !pc_take_number(&index, &at) || *at) return fail_writer(c, name);
        if (index >= c->d_mlp)
            return pc_fail(PC_ERR_INPUT, "neuron \"%s\" is not in this model: m%d has n0 to n%d",
                           name, layer, c->d_mlp - 1);
        out->neuron = index;
        return PC_OK;
    }
    const bool is_long = take(&at, "a");
    if (!pc_take_number(&layer, &at) || !take(&at, is_long ? ".h" : ".") ||
        !pc_take_number(&index, &at) || *at || layer >= c->n_layers || index >= c->n_heads)
        return fail_writer(c, name);
    out->writer = pc_writer_of_head(c, layer, index);
    return PC_OK;
}

/* A hook name that stands for one writer, neuron, edge or reader. */
static pc_status parse_one_hook(pc_place *out, const pc_components *c, const char *name)
{
    pc_place *places = pc_alloc((size_t)c->n_heads, sizeof *places);
    bool needs_resample;
    int n = 0;
    pc_status status = places ? pc_hook_parse(places, &n, &needs_resample, c, name) : PC_ERR_NOMEM;
    if (status == PC_OK && (n != 1 || places[0].kind != PC_PLACE_EDGES))
        status = pc_fail(PC_ERR_INPUT, "\"%.60s\" is not one component, expected one", name);
    if (status == PC_OK) *out = places[0];
    free(places);
    return status;
}

static pc_status parse_hook_of_reader(int *out, const pc_components *c, const char *name)
{
    pc_place place = {0};
    PC_TRY(parse_one_hook(&place, c, name));
    *out = place.reader;
    if (place.reader >= 0) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "\"%.60s\" is what a component writes, expected a reader", name);
}

static pc_status parse_hook_of_writer(pc_place *out, const pc_components *c, const char *name)
{
    PC_TRY(parse_one_hook(out, c, name));
    if (out->writer >= 0) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "\"%.60s\" is what a component reads, expected a writer", name);
}

pc_status pc_reader_parse(int *out, const pc_components *c, const char *name)
{
    if (pc_is_hook_name(name)) return parse_hook_of_reader(out, c, name);
    for (int r = 0; r < c->n_readers; r++) {
        if (strcmp(c->readers[r].name, name) != 0) continue;
        *out = r;
        return PC_OK;
    }
    return fail_reader(c, name);
}

static pc_status parse_edge(pc_place *out, const pc_components *c, const char *name,
                            const char *arrow)
{
    char from[PC_NAME_BYTES];
    if (arrow - name > LONGEST_NAME) return fail_writer(c, name);
    memcpy(from, name, (size_t)(arrow - name));
    from[arrow - name] = 0;
    PC_TRY(parse_writer(out, c, from));
    PC_TRY(pc_reader_parse(&out->reader, c, arrow + 2));
    if (out->writer < c->readers[out->reader].n_visible) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "edge \"%s\" cannot exist: %s does not see what %s writes", name,
                   arrow + 2, from);
}

pc_status pc_place_parse(pc_place *out, const pc_components *c, const char *name)
{
    *out = (pc_place){.writer = -1, .neuron = -1, .reader = -1};
    if (pc_is_hook_name(name)) return parse_hook_of_writer(out, c, name);
    const char *arrow = strstr(name, "->");
    if (arrow) return parse_edge(out, c, name, arrow);
    return parse_writer(out, c, name);
}
