/* Reading an intervention from its JSON form. */
#include "patch/intervention.h"

#include "base/json.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char what[] = "intervention";

static int compare_ints(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static int sort_unique(int *values, int n)
{
    int kept = 0;
    qsort(values, (size_t)n, sizeof *values, compare_ints);
    for (int i = 0; i < n; i++)
        if (kept == 0 || values[kept - 1] != values[i]) values[kept++] = values[i];
    return kept;
}

static pc_status check_array(const json_t *object, const char *key)
{
    const json_t *array = json_object_get(object, key);
    char found[96];
    if (!json_is_array(array))
        return pc_fail(PC_ERR_INPUT, "%s: %s is %s, expected a list", what, key,
                       pc_json_describe(found, sizeof found, array));
    return PC_OK;
}

static pc_status name_at(const char **out, const json_t *array, size_t i, const char *key)
{
    const json_t *item = json_array_get(array, i);
    char found[96];
    *out = json_string_value(item);
    if (*out) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s[%zu] is %s, expected a component's name", what, key, i,
                   pc_json_describe(found, sizeof found, item));
}

static pc_status read_places(pc_place **out, size_t *n, const json_t *object, const char *key,
                             const pc_components *components)
{
    PC_TRY(check_array(object, key));
    const json_t *array = json_object_get(object, key);
    *n = json_array_size(array);
    *out = pc_alloc(*n, sizeof **out);
    if (!*out) return PC_ERR_NOMEM;
    for (size_t i = 0; i < *n; i++) {
        const char *name;
        PC_TRY(name_at(&name, array, i, key));
        PC_TRY(pc_place_parse(&(*out)[i], components, name));
    }
    return PC_OK;
}

/* Names that must be whole writers. */
static pc_status read_writers(int **out, int *n, const json_t *object, const char *key,
                              const pc_components *components)
{
    pc_place *places = NULL;
    size_t n_places = 0;
    pc_status status = read_places(&places, &n_places, object, key, components);
    if (status == PC_OK && !(*out = pc_alloc(n_places, sizeof **out))) status = PC_ERR_NOMEM;
    for (size_t i = 0; i < n_places && status == PC_OK; i++) {
        if (places[i].neuron >= 0 || places[i].reader >= 0)
            status = pc_fail(PC_ERR_INPUT, "%s: %s[%zu] is a neuron or an edge, expected a writer",
                             what, key, i);
        else (*out)[i] = places[i].writer;
    }
    if (status == PC_OK) *n = sort_unique(*out, (int)n_places);
    free(places);
    return status;
}

static pc_status read_position(pc_position *out, const json_t *item, size_t i)
{
    const bool is_span = json_is_array(item) && json_array_size(item) == 2;
    const json_t *first = is_span ? json_array_get(item, 0) : item;
    const json_t *last = is_span ? json_array_get(item, 1) : item;
    const json_int_t ends[] = {json_integer_value(first), json_integer_value(last)};
    const json_int_t most = 1 << 24;
    char found[96];
    *out = (pc_position){.name = (char *)json_string_value(item)}; /* is copied, not written */
    if (out->name) return PC_OK;
    if (!json_is_integer(first) || !json_is_integer(last) || ends[0] < -most || ends[0] > most ||
        ends[1] < -most || ends[1] > most)
        return pc_fail(PC_ERR_INPUT,
                       "%s: positions[%zu] is %s, expected an integer, a span [first, last] or a "
                       "name",
                       what, i, pc_json_describe(found, sizeof found, item));
    out->first = (int)ends[0];
    out->last = (int)ends[1];
    if ((out->first < 0) != (out->last < 0) || out->first <= out->last) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: positions[%zu] runs backwards: %d to %d", what, i, out->first,
                   out->last);
}

static pc_status read_positions(pc_intervention *x, const json_t *object)
{
    PC_TRY(check_array(object, "positions"));
    const json_t *array = json_object_get(object, "positions");
    const size_t n = json_array_size(array);
    if (n == 0) return pc_fail(PC_ERR_INPUT, "%s: positions is empty", what);
    pc_position *positions = pc_alloc(n, sizeof *positions);
    pc_status status = positions ? PC_OK : PC_ERR_NOMEM;
    for (size_t i = 0; i < n && status == PC_OK; i++)
        status = read_position(&positions[i], json_array_get(array, i), i);
    if (status == PC_OK) status = pc_intervention_set_positions(x, positions, n);
    free(positions);
    return status;
}

static pc_status check_path_keys(const json_t *path)
{
    static const char *const known[] = {"from", "via", "to", "mlps"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)path, key, value)
    {
        size_t i = 0;
        while (i < 4 && strcmp(key, known[i]) != 0)
            i++;
        if (i == 4)
            return pc_fail(PC_ERR_INPUT,
                           "%s: path: unknown key \"%.40s\", expected from, via, to, mlps", what,
                           key);
    }
    return PC_OK;
}

static pc_status read_readers(int **out, int *n, const json_t *names, const char *key,
                              const pc_components *components)
{
    const size_t n_names = json_array_size(names);
    *out = pc_alloc(n_names, sizeof **out);
    if (!*out) return PC_ERR_NOMEM;
    for (size_t i = 0; i < n_names; i++) {
        const char *name;
        PC_TRY(name_at(&name, names, i, key));
        PC_TRY(pc_reader_parse(&(*out)[i], components, name));
    }
    *n = sort_unique(*out, (int)n_names);
    return PC_OK;
}

static pc_status read_stop(pc_stop *out, const json_t *names, size_t i, const pc_components *c)
{
    char found[96];
    if (!json_is_array(names) || json_array_size(names) == 0)
        return pc_fail(PC_ERR_INPUT, "%s: via[%zu] is %s, expected a list of readers", what, i,
                       pc_json_describe(found, sizeof found, names));
    PC_TRY(read_readers(&out->readers, &out->n, names, "via", c));
    if (out->readers[out->n - 1] != pc_reader_of_logits(c)) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: via[%zu]: no path goes through the logits", what, i);
}

static pc_status read_via(pc_path *path, const json_t *object, const pc_components *c)
{
    if (!json_object_get(object, "via")) return PC_OK;
    PC_TRY(check_array(object, "via"));
    const json_t *stops = json_object_get(object, "via");
    const size_t n = json_array_size(stops);
    path->via = pc_alloc(n, sizeof *path->via);
    if (!path->via) return PC_ERR_NOMEM;
    for (; path->n_via < (int)n; path->n_via++)
        PC_TRY(read_stop(&path->via[path->n_via], json_array_get(stops, (size_t)path->n_via),
                         (size_t)path->n_via, c));
    return PC_OK;
}

/* A step of the path: from a writer at the earliest to a reader at the latest. */
static pc_status check_step(int writer, int reader, const pc_components *c)
{
    if (c->readers[reader].n_visible > writer) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: the path runs backwards: no receiver sees %s", what,
                   c->writers[writer].name);
}

static pc_status check_steps(const pc_path *path, const pc_components *c)
{
    int writer = path->senders[0], end;
    for (int i = 0; i < path->n_via; i++) {
        const pc_stop *stop = &path->via[i];
        PC_TRY(check_step(writer, stop->readers[stop->n - 1], c));
        pc_reader_owners(&writer, &end, c, stop->readers[0]);
    }
    return check_step(writer, path->receivers[path->n_receivers - 1], c);
}

static pc_status read_path(pc_path *path, const json_t *object, const pc_components *components)
{
    const json_t *from = json_object_get(object, "path");
    const char *mlps;
    if (!json_is_object(from)) return pc_fail(PC_ERR_INPUT, "%s: path must be an object", what);
    PC_TRY(check_path_keys(from));
    PC_TRY(read_writers(&path->senders, &path->n_senders, from, "from", components));
    PC_TRY(check_array(from, "to"));
    PC_TRY(read_readers(&path->receivers, &path->n_receivers, json_object_get(from, "to"), "to",
                        components));
    if (path->n_senders == 0 || path->n_receivers == 0)
        return pc_fail(PC_ERR_INPUT, "%s: path needs at least one name in from and in to", what);
    PC_TRY(read_via(path, from, components));
    PC_TRY(check_steps(path, components));
    PC_TRY(pc_json_text(&mlps, from, "mlps", what));
    path->has_free_mlps = strcmp(mlps, "free") == 0;
    if (!path->has_free_mlps && strcmp(mlps, "frozen") != 0)
        return pc_fail(PC_ERR_INPUT, "%s: mlps is \"%.40s\", expected \"free\" or \"frozen\"", what,
                       mlps);
    return PC_OK;
}

static pc_status read_circuit(pc_intervention *x, const json_t *object, const pc_components *c)
{
    pc_place *places = NULL;
    size_t n = 0;
    x->n_edges = c->n_edges;
    pc_status status = read_places(&places, &n, object, "circuit", c);
    if (status == PC_OK && !(x->kept = pc_alloc((size_t)c->n_edges, 1))) status = PC_ERR_NOMEM;
    for (size_t i = 0; i < n && status == PC_OK; i++) {
        if (places[i].reader < 0 || places[i].neuron >= 0)
            status = pc_fail(PC_ERR_INPUT, "%s: circuit[%zu] is not an edge", what, i);
        else x->kept[c->readers[places[i].reader].first_edge + places[i].writer] = 1;
    }
    free(places);
    return status;
}

/* A name may stand for several places, one a head. */
static pc_status read_cut_places(pc_place **out, size_t *n, bool *needs_resample,
                                 const json_t *object, const pc_components *c)
{
    const json_t *array = json_object_get(object, "cut");
    size_t capacity = 0;
    PC_TRY(check_array(object, "cut"));
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *name;
        int n_places;
        bool is_activation;
        pc_place *grown = pc_grow(*out, &capacity, *n + (size_t)c->n_heads, sizeof *grown);
        if (!grown) return PC_ERR_NOMEM;
        *out = grown;
        PC_TRY(name_at(&name, array, i, "cut"));
        PC_TRY(pc_cut_parse(*out + *n, &n_places, &is_activation, c, name));
        *n += (size_t)n_places;
        *needs_resample |= is_activation;
    }
    return PC_OK;
}

static pc_status read_cuts(pc_intervention *x, const json_t *object, const pc_components *c)
{
    pc_place *places = NULL;
    size_t n = 0;
    pc_intervention *made = NULL;
    pc_status status = read_cut_places(&places, &n, &x->needs_resample, object, c);
    if (status == PC_OK) status = pc_intervention_cut_all(&made, c, places, n);
    if (status == PC_OK) {
        x->cuts = made->cuts;
        x->n_cuts = made->n_cuts;
        made->cuts = NULL;
    }
    pc_intervention_free(made);
    free(places);
    return status;
}

static pc_status check_keys(const json_t *object)
{
    static const char *const known[] = {"cut", "circuit", "path", "positions", "freeze"};
    const char *key;
    json_t *value;
    int n_kinds = 0;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (i < 5 && strcmp(key, known[i]) != 0)
            i++;
        if (i == 5)
            return pc_fail(PC_ERR_INPUT,
                           "%s: unknown key \"%.40s\", expected cut, circuit, path, positions or "
                           "freeze",
                           what, key);
        n_kinds += i < 3;
    }
    if (n_kinds == 1) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: expected exactly one of cut, circuit and path", what);
}

static pc_status read_object(pc_intervention *x, const json_t *object, const pc_components *c)
{
    PC_TRY(check_keys(object));
    if (json_object_get(object, "cut")) PC_TRY(read_cuts(x, object, c));
    if (json_object_get(object, "circuit")) PC_TRY(read_circuit(x, object, c));
    if (json_object_get(object, "path")) PC_TRY(read_path(&x->path, object, c));
    if (json_object_get(object, "positions")) PC_TRY(read_positions(x, object));
    if (json_object_get(object, "freeze"))
        PC_TRY(read_writers(&x->frozen, &x->n_frozen, object, "freeze", c));
    return PC_OK;
}

pc_status pc_intervention_read(pc_intervention **out, const pc_components *components,
                               const json_t *object)
{
    *out = NULL;
    pc_intervention *made = pc_alloc(1, sizeof *made);
    pc_status status = made ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK && !json_is_object(object))
        status = pc_fail(PC_ERR_INPUT, "%s: expected a JSON object", what);
    if (status == PC_OK) status = read_object(made, object, components);
    if (status == PC_OK) *out = made;
    else pc_intervention_free(made);
    return status;
}

pc_status pc_intervention_parse(pc_intervention **out, const pc_model *model, const char *json)
{
    *out = NULL;
    json_t *object;
    PC_TRY(pc_json_parse(&object, json, strlen(json), what));
    const pc_status status = pc_intervention_read(out, &model->components, object);
    json_decref(object);
    return status;
}
