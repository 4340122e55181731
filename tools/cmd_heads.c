/* patchclamp heads: what every head attends to, and what it causes. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "open_model.h"
#include "progress.h"
#include "shared_options.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATED_ROWS = 16 };
#define LEAST_ROLE_SCORE 0.4

/* Per head: scores, and the node effect as find measures it. */
typedef struct head_report {
    pc_head_scores *scores;
    pc_circuit *effects; /* level node */
} head_report;

/* Scores on the task's own clean prompts, or on repeated random tokens. */
static pc_status detect(head_report *out, const opened_model *m, const pc_task *task,
                        bool is_on_task, uint64_t seed, const pc_evaluator_options *e)
{
    const int n = pc_task_n(task);
    out->scores = calloc((size_t)(m->info->n_layers * m->info->n_heads), sizeof *out->scores);
    if (!out->scores) return PC_ERR_NOMEM;
    if (!is_on_task)
        return pc_heads_detect_on_repeats_on(out->scores, m->model, pc_task_bos(task),
                                             REPEATED_ROWS, seed, e->device, e->precision);
    const int32_t **rows = malloc((size_t)n * sizeof *rows);
    int *lengths = malloc((size_t)n * sizeof *lengths);
    pc_status status = rows && lengths ? PC_OK : PC_ERR_NOMEM;
    for (int i = 0; i < n && status == PC_OK; i++) {
        rows[i] = pc_task_prompt(task, i)->clean;
        lengths[i] = pc_task_prompt(task, i)->n_tokens;
    }
    if (status == PC_OK)
        status =
            pc_heads_detect_on(out->scores, m->model, rows, lengths, n, e->device, e->precision);
    free(lengths);
    free(rows);
    return status;
}

/* Every node's effect; the selection does not matter here. */
static pc_status measure(head_report *out, const opened_model *m, const pc_task *task,
                         const pc_evaluator_options *evaluation)
{
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.level = PC_LEVEL_NODE;
    options.selection = PC_SELECT_THRESHOLD;
    options.evaluation = *evaluation;
    progress_state progress;
    progress_begin(&progress);
    options.progress = progress_tell;
    options.payload = &progress;
    const pc_status status = pc_find(&out->effects, m->model, task, &options);
    progress_end(&progress);
    return status;
}

static const pc_circuit_node *node_of(const pc_circuit *circuit, const char *name)
{
    for (size_t i = 0; i < pc_circuit_n_nodes(circuit); i++)
        if (strcmp(pc_circuit_node_at(circuit, i)->name, name) == 0)
            return pc_circuit_node_at(circuit, i);
    return NULL;
}

static void print_text(const head_report *r, const opened_model *m, const pc_task *task,
                       const pc_evaluator_options *evaluation)
{
    table t;
    table_begin(&t, "lrrrrrrrrl");
    table_cell(&t, "head");
    for (int role = 0; role < PC_N_ROLES; role++)
        table_cell(&t, "%s", pc_role_name((pc_role)role));
    table_cell(&t, "effect"), table_cell(&t, "+-"), table_cell(&t, "share"), table_cell(&t, "role");
    for (int h = 0; h < m->info->n_layers * m->info->n_heads; h++) {
        char name[32];
        double share;
        snprintf(name, sizeof name, "a%d.h%d", h / m->info->n_heads, h % m->info->n_heads);
        const pc_circuit_node *node = node_of(r->effects, name);
        const char *role = pc_head_role(&r->scores[h], LEAST_ROLE_SCORE);
        table_cell(&t, "%s", name);
        for (int i = 0; i < PC_N_ROLES; i++)
            table_cell(&t, "%.2f", r->scores[h].score[i]);
        table_cell(&t, "%+.3f", node->effect);
        if (pc_task_n(task) > 1) table_cell(&t, "%.3f", node->stderr_);
        else table_cell(&t, "-");
        if (pc_circuit_share(&share, r->effects, node->effect))
            table_cell(&t, "%.1f%%", 100 * share + 0.0); /* no "-0.0" */
        else table_cell(&t, "-");
        table_cell(&t, "%s", role ? role : "");
    }
    table_print(&t);
    table_free(&t);
    printf(
        "\nscores: share of attention, 0 to 1. effect: change of the %s when the head's output is "
        "replaced\n(source %s, direction %s), mean +- standard error over %d prompts of %s.\n",
        pc_metric_name(evaluation->metric), pc_source_name(evaluation->source),
        pc_direction_name(evaluation->direction), pc_task_n(task), pc_task_name(task));
}

static void print_json(const head_report *r, const opened_model *m)
{
    json_begin(NULL, '{');
    json_begin("heads", '[');
    for (int h = 0; h < m->info->n_layers * m->info->n_heads; h++) {
        char name[32];
        snprintf(name, sizeof name, "a%d.h%d", h / m->info->n_heads, h % m->info->n_heads);
        const pc_circuit_node *node = node_of(r->effects, name);
        json_begin(NULL, '{');
        json_text("name", name);
        for (int i = 0; i < PC_N_ROLES; i++)
            json_number(pc_role_name((pc_role)i), r->scores[h].score[i]);
        json_number("effect", node->effect);
        json_number("stderr", node->stderr_);
        json_text("role", pc_head_role(&r->scores[h], LEAST_ROLE_SCORE));
        json_end('}');
    }
    json_end(']');
    json_end('}');
}

int cmd_heads(int argc, char **argv)
{
    const char *name, *task_name = NULL, *bos = NULL;
    bool is_json = false;
    pc_bos_rule bos_rule;
    prompt_words prompts = PROMPT_WORDS_INIT;
    measure_words words = MEASURE_WORDS_INIT;
    pc_evaluator_options evaluation = PC_EVALUATOR_OPTIONS_INIT;
    evaluation.engine = PC_ENGINE_DELTA;
    option_row rows[32] = {{0}}, *next = rows;
    *next++ = (option_row){"task",     't', OPTION_TEXT,
                           &task_name, "T", "score the heads on this task's clean prompts",
                           0,          0};
    next = add_bos_option(add_prompt_options(next, &prompts), &bos);
    next = add_measure_options(next, &words);
    *next++ = (option_row){"json", 0, OPTION_FLAG, &is_json, "", "print one JSON value", 0, 0};
    const command_usage usage = {"heads", "MODEL",
                                 "Scores every head's attention against the patterns of known "
                                 "roles: on repeated random tokens,\n"
                                 "or on a task. Beside them the effect of replacing the head's "
                                 "output on the task (induction\n"
                                 "by default).",
                                 "patchclamp heads demo", 1};
    const parse_outcome outcome = options_parse(rows, &name, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    int code = check_prompt_words(&prompts, task_name ? task_name : "induction", "heads");
    if (code == EXIT_DONE) code = read_bos(&bos_rule, bos, "heads");
    if (code == EXIT_DONE) code = read_measure_words(&evaluation, &words, "heads");
    if (code != EXIT_DONE) return code;

    opened_model m;
    pc_task *task = NULL;
    head_report r = {NULL, NULL};
    const pc_task_options task_options = task_options_of(&prompts);
    stop_on_signals();
    code = open_model(&m, name, "heads");
    if (code != EXIT_DONE) return code;
    m.bos_rule = bos_rule;
    pc_status status = open_task(&task, task_name ? task_name : "induction", &m, &task_options);
    if (status == PC_OK)
        status = detect(&r, &m, task, task_name != NULL, (uint64_t)prompts.seed, &evaluation);
    if (status == PC_OK) status = measure(&r, &m, task, &evaluation);
    if (status == PC_OK && is_json) print_json(&r, &m);
    if (status == PC_OK && !is_json) print_text(&r, &m, task, &evaluation);
    pc_circuit_free(r.effects);
    free(r.scores);
    pc_task_free(task);
    close_model(&m);
    return status == PC_OK ? EXIT_DONE : report("heads", status);
}
