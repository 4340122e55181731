/* Lists of interventions: from a file's lines, and as paths from many senders. */
#include "search/effects_private.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 28 };

void pc_effects_free(pc_effects *e)
{
    if (!e) return;
    for (size_t i = 0; i < e->n; i++) {
        pc_intervention_free(e->items[i].intervention);
        free(e->items[i].name);
        free(e->items[i].key);
    }
    pc_circuit_free(e->run);
    free(e->per_prompt);
    free(e->items);
    free(e->path);
    free(e);
}

pc_status pc_effects_add(pc_effects *e, pc_intervention *intervention, const pc_components *c,
                         const char *name, int line, const pc_evaluator_options *settings)
{
    pc_text key = {0};
    pc_effects_item *items = pc_grow(e->items, &e->capacity, e->n + 1, sizeof *items);
    if (!items) {
        pc_intervention_free(intervention);
        return PC_ERR_NOMEM;
    }
    e->items = items;
    pc_effects_item *item = &e->items[e->n++];
    *item = (pc_effects_item){.intervention = intervention, .line = line, .settings = *settings};
    PC_TRY(pc_intervention_key(&key, intervention, c));
    item->key = key.data;
    item->name = pc_copy_text(name ? name : item->key);
    return item->name ? PC_OK : PC_ERR_NOMEM;
}

/* ---- files ---- */

/* Takes a word out of the object. */
static pc_status take_word(char **out, json_t *object, const char *key)
{
    const char *word;
    *out = NULL;
    if (!json_object_get(object, key)) return PC_OK;
    PC_TRY(pc_json_text(&word, object, key, "intervention"));
    *out = pc_copy_text(word);
    json_object_del(object, key);
    return *out ? PC_OK : PC_ERR_NOMEM;
}

static pc_status take_settings(pc_evaluator_options *settings, json_t *object)
{
    char *words[3] = {NULL, NULL, NULL};
    pc_status status = take_word(&words[0], object, "source");
    if (status == PC_OK) status = take_word(&words[1], object, "direction");
    if (status == PC_OK) status = take_word(&words[2], object, "metric");
    if (status == PC_OK && words[0]) status = pc_source_parse(&settings->source, words[0]);
    if (status == PC_OK && words[1]) status = pc_direction_parse(&settings->direction, words[1]);
    if (status == PC_OK && words[2]) status = pc_metric_parse(&settings->metric, words[2]);
    for (int i = 0; i < 3; i++)
        free(words[i]);
    return status;
}

static pc_status check_name(const pc_effects *e, const char *name)
{
    if (name && !*name) return pc_fail(PC_ERR_INPUT, "intervention: name is empty");
    for (size_t i = 0; name && i < e->n; i++)
        if (strcmp(e->items[i].name, name) == 0)
            return pc_fail(PC_ERR_INPUT, "name \"%.60s\" is line %d's already", name,
                           e->items[i].line);
    return PC_OK;
}

static pc_status add_object(pc_effects *e, json_t *object, int line, const pc_components *c,
                            const pc_evaluator_options *defaults)
{
    pc_evaluator_options settings = *defaults;
    char *name = NULL;
    pc_intervention *intervention = NULL;
    pc_status status = PC_OK;
    if (json_is_object(object)) status = take_word(&name, object, "name");
    if (status == PC_OK && json_is_object(object)) status = take_settings(&settings, object);
    if (status == PC_OK) status = check_name(e, name);
    if (status == PC_OK) status = pc_intervention_read(&intervention, c, object);
    if (status == PC_OK) status = pc_effects_add(e, intervention, c, name, line, &settings);
    free(name);
    return status;
}

static pc_status add_line(pc_effects *e, const char *bytes, size_t length, int line,
                          const pc_components *c, const pc_evaluator_options *defaults)
{
    json_t *object;
    pc_status status = pc_json_parse(&object, bytes, length, "intervention");
    if (status == PC_OK) {
        status = add_object(e, object, line, c, defaults);
        json_decref(object);
    }
    return status == PC_OK ? PC_OK : pc_fail_within(status, "%s:%d", e->path, line);
}

static bool is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r", bytes[i]) || bytes[i] == 0) return false;
    return true;
}

static pc_status read_lines(pc_effects *e, const char *bytes, size_t length, const pc_components *c,
                            const pc_evaluator_options *defaults)
{
    const char *at = bytes, *end = bytes + length;
    for (int line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        const size_t n = (size_t)(stop - at);
        if (!is_blank(at, n)) PC_TRY(add_line(e, at, n, line, c, defaults));
        at = stop < end ? stop + 1 : end;
    }
    return e->n ? PC_OK : pc_fail(PC_ERR_INPUT, "%s: no intervention in it", e->path);
}

pc_status pc_effects_read(pc_effects **out, const char *path, const pc_model *model,
                          const pc_evaluator_options *evaluation)
{
    char *bytes = NULL;
    size_t length;
    *out = NULL;
    PC_TRY(pc_file_read(&bytes, &length, path, MOST_BYTES));
    pc_effects *e = pc_alloc(1, sizeof *e);
    pc_status status = e && (e->path = pc_copy_text(path)) ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = read_lines(e, bytes, length, &model->components, evaluation);
    free(bytes);
    if (status == PC_OK) *out = e;
    else pc_effects_free(e);
    return status;
}

/* ---- paths ---- */

/* `words` up to `length` bytes, parted by commas, as a list of strings. */
static json_t *split(const char *words, size_t length)
{
    json_t *list = json_array();
    for (size_t at = 0; at <= length;) {
        size_t n = 0;
        while (at + n < length && words[at + n] != ',')
            n++;
        size_t first = at, end = at + n;
        while (first < end && words[first] == ' ')
            first++;
        while (end > first && words[end - 1] == ' ')
            end--;
        json_array_append_new(list, json_stringn(words + first, end - first));
        at += n + 1;
    }
    return list;
}

static json_t *path_object(const pc_path_words *words)
{
    json_t *path = json_object();
    if (words->via) {
        json_t *via = json_array();
        for (const char *at = words->via; at;) {
            const char *arrow = strstr(at, "->");
            json_array_append_new(via, split(at, arrow ? (size_t)(arrow - at) : strlen(at)));
            at = arrow ? arrow + 2 : NULL;
        }
        json_object_set_new(path, "via", via);
    }
    json_object_set_new(path, "to", split(words->to, strlen(words->to)));
    json_object_set_new(path, "mlps", json_string(words->mlps));
    return path;
}

static pc_status add_path(pc_effects *e, json_t *path, const char *sender, int line,
                          const pc_components *c, const pc_evaluator_options *settings)
{
    pc_intervention *made;
    json_t *from = json_array();
    json_array_append_new(from, json_string(sender));
    json_object_set_new(path, "from", from);
    json_t *object = json_pack("{s:O}", "path", path);
    if (!object) return pc_fail(PC_ERR_INPUT, "path: its names are not UTF-8");
    const pc_status status = pc_intervention_read(&made, c, object);
    json_decref(object);
    if (status != PC_OK) return status;
    return pc_effects_add(e, made, c, c->writers[made->path.senders[0]].name, line, settings);
}

/* Every writer that a path can begin with. The list's first item, from the input, says where its
 * first stop is. */
static pc_status add_all_senders(pc_effects *e, json_t *path, const pc_components *c,
                                 const pc_evaluator_options *settings)
{
    PC_TRY(add_path(e, path, "input", 0, c, settings));
    const pc_path *p = &e->items[0].intervention->path;
    const int *readers = p->n_via ? p->via[0].readers : p->receivers;
    const int n = p->n_via ? p->via[0].n : p->n_receivers;
    const int n_visible = c->readers[readers[n - 1]].n_visible;
    for (int u = 1; u < n_visible; u++)
        PC_TRY(add_path(e, path, c->writers[u].name, 0, c, settings));
    return PC_OK;
}

static pc_status add_senders(pc_effects *e, json_t *path, const json_t *senders,
                             const pc_components *c, const pc_evaluator_options *settings)
{
    size_t i;
    json_t *sender;
    json_array_foreach((json_t *)senders, i, sender)
        PC_TRY(add_path(e, path, json_string_value(sender), (int)i + 1, c, settings));
    return PC_OK;
}

pc_status pc_effects_paths(pc_effects **out, const pc_path_words *words, const pc_model *model,
                           const pc_evaluator_options *evaluation)
{
    const pc_components *c = &model->components;
    *out = NULL;
    pc_effects *e = pc_alloc(1, sizeof *e);
    if (!e) return PC_ERR_NOMEM;
    json_t *path = path_object(words);
    json_t *senders = words->from ? split(words->from, strlen(words->from)) : NULL;
    pc_status status = senders ? add_senders(e, path, senders, c, evaluation)
                               : add_all_senders(e, path, c, evaluation);
    json_decref(senders);
    json_decref(path);
    if (status == PC_OK) *out = e;
    else pc_effects_free(e);
    return status;
}
