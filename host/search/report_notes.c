/* Notes for the report: written at the end of a search, checked when they are read. */
#include "search/report_notes.h"

#include "base/json.h"
#include "base/memory.h"
#include "graph/names.h"
#include "patch/twin.h"
#include "patchclamp/positions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TOKENS = 48, MOST_HEADS = 256 };

/* ---- writing: the example ---- */

static void put_token(pc_text *t, const pc_tokenizer *tokenizer, int32_t id)
{
    char number[16];
    const char *words = tokenizer ? pc_tokenizer_token(tokenizer, id) : NULL;
    snprintf(number, sizeof number, "%ld", (long)id);
    pc_text_put_json_string(t, words ? words : number);
}

static void put_tokens(pc_text *t, const char *key, const int32_t *ids, int n,
                       const pc_tokenizer *tokenizer)
{
    pc_text_printf(t, "\"%s\":[", key);
    for (int i = 0; i < n; i++) {
        if (i) pc_text_put(t, ",");
        put_token(t, tokenizer, ids[i]);
    }
    pc_text_put(t, "]");
}

static void put_targets(pc_text *t, const pc_prompt *prompt, const pc_tokenizer *tokenizer)
{
    pc_text_put(t, "\"targets\":[");
    for (int i = 0; i < prompt->n_targets; i++) {
        const pc_target *target = &prompt->targets[i];
        pc_text_printf(t, "%s{\"position\":%d,", i ? "," : "", target->position);
        put_tokens(t, "answers", target->answers, target->n_answers, tokenizer);
        pc_text_put(t, ",");
        put_tokens(t, "wrong", target->wrong_answers, target->n_wrong_answers, tokenizer);
        pc_text_put(t, "}");
    }
    pc_text_put(t, "]");
}

static void put_pattern(pc_text *t, const double *pattern, int seq)
{
    for (int query = 0; query < seq; query++)
        for (int key = 0; key <= query; key++)
            pc_text_printf(t, "%02x", (unsigned)lround(255 * pattern[query * seq + key]));
}

static void put_heads(pc_text *t, const pc_circuit *circuit, const double *patterns, int seq)
{
    const int n_heads = circuit->model.n_heads;
    int n = 0;
    pc_part part;
    pc_text_put(t, "\"heads\":{");
    for (size_t i = 0; i < circuit->n_nodes && n < MOST_HEADS; i++) {
        const pc_circuit_node *node = &circuit->nodes[i];
        if (!node->in_circuit || !pc_part_parse(&part, node->name) || part.kind != PC_PART_HEAD)
            continue;
        pc_text_printf(t, "%s\"%s\":\"", n++ ? "," : "", node->name);
        put_pattern(t, patterns + ((int64_t)part.layer * n_heads + part.index) * seq * seq, seq);
        pc_text_put(t, "\"");
    }
    pc_text_put(t, "}");
}

static pc_status attend(double *patterns, const pc_model *model, const pc_prompt *prompt)
{
    pc_twin *twin = NULL;
    pc_run run = {0};
    pc_status status = pc_twin_new(&twin, model, prompt->n_tokens);
    if (status == PC_OK) status = pc_run_new(&run, model, prompt->n_tokens);
    if (status == PC_OK)
        (void)pc_twin_run(&run, twin, prompt->clean, prompt->n_tokens,
                          &(pc_wiring){.patterns = patterns});
    pc_run_free(&run);
    pc_twin_free(twin);
    return status;
}

static pc_status put_example(pc_text *t, const pc_circuit *circuit, const pc_model *model,
                             const pc_prompt *prompt, const pc_tokenizer *tokenizer)
{
    const int seq = prompt->n_tokens;
    const size_t n_heads = (size_t)model->shape.n_layers * (size_t)model->shape.n_heads;
    double *patterns = pc_alloc(n_heads * (size_t)seq, (size_t)seq * sizeof *patterns);
    pc_status status = patterns ? attend(patterns, model, prompt) : PC_ERR_NOMEM;
    if (status == PC_OK) {
        pc_text_put(t, "{\"prompt\":0,");
        put_tokens(t, "clean", prompt->clean, seq, tokenizer);
        pc_text_put(t, ",");
        put_tokens(t, "corrupted", prompt->corrupted, seq, tokenizer);
        pc_text_put(t, ",");
        put_targets(t, prompt, tokenizer);
        pc_text_put(t, ",");
        put_heads(t, circuit, patterns, seq);
        pc_text_put(t, "}");
        status = pc_text_status(t);
    }
    free(patterns);
    return status;
}

/* ---- writing: positions ---- */

static void put_word(pc_text *t, const char *words)
{
    if (words) pc_text_put_json_string(t, words);
    else pc_text_put(t, "null");
}

static void put_column(pc_text *t, const pc_grid_position *column)
{
    pc_text_put(t, "[");
    put_word(t, column->name);
    pc_text_put(t, ",");
    put_word(t, column->token);
    pc_text_put(t, ",");
    put_word(t, column->also);
    pc_text_put(t, "]");
}

static void put_row(pc_text *t, const pc_position_effects *p, int64_t row)
{
    pc_text_put(t, "[");
    pc_text_put_json_string(t, pc_position_effects_name(p, row));
    pc_text_put(t, ",[");
    for (int i = 0; i < pc_position_effects_n_columns(p); i++) {
        if (i) pc_text_put(t, ",");
        pc_text_put_number(t, pc_position_effects_cell(p, row, i)->effect);
    }
    pc_text_put(t, "]]");
}

/* The first of many rows: the heat map of positions.svg has the strongest. */
static void put_positions(pc_text *t, const pc_position_effects *p)
{
    enum { MOST_ROWS = 1000 };
    pc_text_put(t, "{\"columns\":[");
    for (int i = 0; i < pc_position_effects_n_columns(p); i++) {
        if (i) pc_text_put(t, ",");
        put_column(t, pc_position_effects_column(p, i));
    }
    pc_text_put(t, "],\"rows\":[");
    for (int64_t i = 0; i < pc_position_effects_n_rows(p) && i < MOST_ROWS; i++) {
        if (i) pc_text_put(t, ",");
        put_row(t, p, i);
    }
    pc_text_put(t, "]}");
}

static pc_status keep(pc_store *store, const char *key, pc_text *words, pc_status status)
{
    if (status == PC_OK) status = pc_text_status(words);
    if (status == PC_OK) status = pc_store_note(store, key, words->data);
    pc_text_free(words);
    return status;
}

pc_status pc_report_keep(pc_store *store, const pc_circuit *circuit, const pc_model *model,
                         const pc_task *task, const pc_find_options *options)
{
    const pc_prompt *prompt = pc_task_prompt(task, 0);
    pc_text words = {0};
    if (options->command) PC_TRY(pc_store_note(store, "command", options->command));
    if (prompt->n_tokens <= MOST_TOKENS)
        PC_TRY(keep(store, "example", &words,
                    put_example(&words, circuit, model, prompt, options->positions.tokenizer)));
    if (!pc_circuit_positions(circuit)) return PC_OK;
    put_positions(&words, pc_circuit_positions(circuit));
    return keep(store, "positions", &words, PC_OK);
}

/* ---- reading ---- */

static bool is_word(const json_t *value)
{
    return json_is_string(value);
}

static bool is_word_or_null(const json_t *value)
{
    return json_is_string(value) || json_is_null(value);
}

static bool is_number(const json_t *value)
{
    return json_is_number(value);
}

/* A list of n values (any number if n is negative) of one kind. */
static bool is_list(const json_t *list, long n, bool (*is_right)(const json_t *))
{
    if (!json_is_array(list) || (n >= 0 && json_array_size(list) != (size_t)n)) return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!is_right(json_array_get(list, i))) return false;
    return true;
}

static bool is_target(const json_t *target)
{
    return json_is_integer(json_object_get(target, "position")) &&
           is_list(json_object_get(target, "answers"), -1, is_word) &&
           is_list(json_object_get(target, "wrong"), -1, is_word);
}

static bool is_pattern(const json_t *words, size_t n_tokens)
{
    const char *text = json_string_value(words);
    return text && strspn(text, "0123456789abcdef") == n_tokens * (n_tokens + 1) &&
           strlen(text) == n_tokens * (n_tokens + 1);
}

static bool is_example(const json_t *example)
{
    const json_t *clean = json_object_get(example, "clean");
    const json_t *heads = json_object_get(example, "heads");
    const size_t n = json_array_size(clean);
    if (!is_list(clean, -1, is_word) || n > MOST_TOKENS || !json_is_object(heads) ||
        !is_list(json_object_get(example, "corrupted"), (long)n, is_word) ||
        !is_list(json_object_get(example, "targets"), -1, is_target) ||
        !json_is_integer(json_object_get(example, "prompt")))
        return false;
    for (void *i = json_object_iter((json_t *)heads); i;
         i = json_object_iter_next((json_t *)heads, i))
        if (!is_pattern(json_object_iter_value(i), n)) return false;
    return true;
}

static bool is_column(const json_t *column)
{
    return is_list(column, 3, is_word_or_null) && json_is_string(json_array_get(column, 0));
}

static bool is_positions(const json_t *positions)
{
    const json_t *columns = json_object_get(positions, "columns");
    const json_t *rows = json_object_get(positions, "rows");
    if (!is_list(columns, -1, is_column) || !json_is_array(rows)) return false;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (!json_is_array(row) || json_array_size(row) != 2 || !is_word(json_array_get(row, 0)) ||
            !is_list(json_array_get(row, 1), (long)json_array_size(columns), is_number))
            return false;
    }
    return true;
}

static pc_status put_note(pc_text *out, pc_store *store, const char *key,
                          bool (*is_right)(const json_t *))
{
    char *words = NULL;
    json_t *value = NULL;
    PC_TRY(pc_store_read_note(&words, store, key));
    if (!words) return PC_OK;
    pc_status status = pc_json_parse(&value, words, strlen(words), "run.db: note");
    if (status == PC_OK && !is_right(value))
        status = pc_fail(PC_ERR_INPUT, "run.db: the note \"%s\" is not what find writes", key);
    if (status == PC_OK) pc_text_printf(out, "\"%s\":", key);
    if (status == PC_OK) pc_text_put(out, words); /* as it was: JSON, which no locale changes */
    if (status == PC_OK) pc_text_put(out, ",\n");
    json_decref(value);
    free(words);
    return status;
}

static pc_status put_command(pc_text *out, pc_store *store)
{
    char *words = NULL;
    PC_TRY(pc_store_read_note(&words, store, "command"));
    if (words) pc_text_put(out, "\"command\":");
    if (words) pc_text_put_json_string(out, words);
    if (words) pc_text_put(out, ",\n");
    free(words);
    return PC_OK;
}

pc_status pc_report_put_notes(pc_text *out, pc_store *store)
{
    PC_TRY(put_command(out, store));
    PC_TRY(put_note(out, store, "example", is_example));
    return put_note(out, store, "positions", is_positions);
}
