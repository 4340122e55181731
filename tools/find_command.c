/* Parsing and reading the command line of a search. */
#include "find_command.h"

#include "circuit_print.h"
#include "command_again.h"
#include "exit_code.h"
#include "positions_print.h"
#include "same_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void find_command_begin(find_command *out, const char *command)
{
    *out = (find_command){.command = command,
                          .level = "edge",
                          .method = "exact",
                          .rows = 25,
                          .threshold = NAN,
                          .faithfulness = NAN,
                          .confidence = NAN,
                          .ig_steps = -1,
                          .n_checked = -1,
                          .n_candidates = -1,
                          .prompts = PROMPT_WORDS_INIT,
                          .measure = MEASURE_WORDS_INIT,
                          .options = PC_FIND_OPTIONS_INIT};
    out->options.evaluation.engine = PC_ENGINE_DELTA;
}

/* What changes no number. */
static const char *const unimportant[] = {"output", "resume",  "take-over", "rows",    "plan",
                                          "json",   "threads", "memory",    "without", NULL};

parse_outcome find_command_parse(find_command *w, const command_usage *usage, int argc, char **argv)
{
    option_row rows[48] = {{0}}, *next = rows;
    const option_row own[] = {
        {"task", 't', OPTION_TEXT, &w->task, "T", "a built-in task's name, or a task file", 0, 0},
        {"output", 'o', OPTION_TEXT, &w->directory, "DIR", "the run directory", 0, 0},
        {"level", 0, OPTION_TEXT, &w->level, "NAME", "node, edge or neuron (edge)", 0, 0},
        {"method", 0, OPTION_TEXT, &w->method, "NAME",
         "exact; racing: the top with --confidence, on no more prompts than it takes; acdc: from "
         "the logits down, edges whose removal worsens the metric by less than --threshold go; "
         "greedy: what costs the circuit at hand least goes first; "
         "estimates by gradients: eap, eap-ig, eap-ig-activations, clean-corrupted, relp; hybrid: "
         "an estimate proposes, measuring decides (exact)",
         0, 0},
        {"kv-granularity", 0, OPTION_TEXT, &w->granularity, "G",
         "grouped heads: k and v read once per KV head (kv), or per query head (query)", 0, 0},
        {"profile", 0, OPTION_TEXT, &w->profile, "NAME",
         "a tool's conventions: native, mib, eap-ig, acdc, auto-circuit (native)", 0, 0},
        {"faithfulness", 0, OPTION_REAL, &w->faithfulness, "F",
         "the fewest components that keep F (0.9)", 0, 0},
        {"top", 0, OPTION_INT, &w->top, "N", "the N strongest components", 1, INT64_MAX},
        {"threshold", 0, OPTION_REAL, &w->threshold, "X",
         "components with |effect| >= X; acdc's threshold", 0, 0},
        {"thresholds", 0, OPTION_TEXT, &w->thresholds, "LIST",
         "of acdc, one circuit for each: numbers like 0.01,0.1, or from:to:count; circuit.json is "
         "the smallest that keeps --faithfulness",
         0, 0},
        {"confidence", 0, OPTION_REAL, &w->confidence, "P",
         "of racing: the probability that its top is the top (0.95)", 0, 0},
        {"check", 0, OPTION_INT, &w->n_checked, "K",
         "of an estimate: measure K components too, and say how well they agree (0)", 0, INT64_MAX},
        {"ig-steps", 0, OPTION_INT, &w->ig_steps, "M", "of integrated gradients (5)", 1, 10000},
        {"ig-rule", 0, OPTION_TEXT, &w->ig_rule, "RULE",
         "where steps stand: left, right, midpoint; default: left of inputs, right of activations "
         "(default)",
         0, 0},
        {"estimate", 0, OPTION_TEXT, &w->estimate, "NAME",
         "of hybrid: the estimate that proposes (eap-ig)", 0, 0},
        {"candidates", 0, OPTION_INT, &w->n_candidates, "K",
         "of hybrid: how many are measured (a tenth, at least 4 times --top, at least 50); of "
         "greedy: how many at least in a step (16)",
         1, INT64_MAX},
        {"positions", 0, OPTION_TEXT, &w->positions, "LIST",
         "then again at each position alone: each, or columns like IO,S2,end, -1, 2..5", 0, 0},
        {"positions-of", 0, OPTION_TEXT, &w->positions_of, "WHICH",
         "at positions: the circuit's components (circuit) or all", 0, 0},
        {"resume", 0, OPTION_FLAG, &w->has_resume, "", "continue the run in DIR", 0, 0},
        {"take-over", 0, OPTION_FLAG, &w->takes_over, "",
         "as --resume, from another machine's process that is silent and gone", 0, 0},
        {"rows", 0, OPTION_INT, &w->rows, "N", "rows of the table on the terminal (25)", 0,
         1 << 30},
        {"plan", 0, OPTION_FLAG, &w->is_plan, "",
         "print what it would take, memory and time included, and measure nothing", 0, 0},
        {"json", 0, OPTION_FLAG, &w->is_json, "", "print one JSON value instead of the table", 0,
         0},
    };
    memcpy(next, own, sizeof own);
    next = add_prompt_options(next + sizeof own / sizeof *own, &w->prompts);
    next = add_bos_option(next, &w->bos);
    add_measure_options(next, &w->measure);
    const parse_outcome outcome = options_parse(rows, &w->model, usage, argc, argv);
    if (outcome == PARSED) w->again = command_again(rows, unimportant, "find", argc, argv);
    w->options.command = w->again;
    return outcome;
}

static int read_selection(pc_find_options *out, const find_command *w)
{
    const int n_given = (w->top > 0) + !isnan(w->threshold) + !isnan(w->faithfulness);
    out->thresholds = w->acdc.values;
    out->n_thresholds = w->acdc.n;
    if (n_given > 1) {
        complain(w->command, "give one of --top, --threshold and --faithfulness");
        return EXIT_USAGE;
    }
    if (w->top > 0) {
        out->selection = PC_SELECT_TOP;
        out->top = w->top;
    } else if (!isnan(w->threshold)) {
        out->selection = PC_SELECT_THRESHOLD;
        out->threshold = w->threshold;
    } else if (!isnan(w->faithfulness)) {
        out->faithfulness = w->faithfulness;
    }
    return EXIT_DONE;
}

/* Options that belong to some methods alone. */
static int refuse_option(const find_command *w, const char *option, const char *belongs)
{
    complain(w->command, "--%s belongs to --method %s, not to %s", option, belongs, w->method);
    return EXIT_USAGE;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0) return true;
    return false;
}

static int read_estimate(pc_find_options *out, const find_command *w)
{
    static const char *const estimates[] = {
        "eap", "eap-ig", "eap-ig-activations", "clean-corrupted", "relp", NULL};
    const bool is_hybrid = strcmp(w->method, "hybrid") == 0;
    const char *estimate = is_hybrid ? w->estimate ? w->estimate : "eap-ig" : w->method;
    const bool has_steps = strncmp(estimate, "eap-ig", 6) == 0;
    if (w->estimate && !is_hybrid) return refuse_option(w, "estimate", "hybrid");
    if (w->n_candidates >= 0 && !is_hybrid && strcmp(w->method, "greedy") != 0)
        return refuse_option(w, "candidates", "hybrid or greedy");
    if (w->n_checked >= 0 && !is_one_of(w->method, estimates))
        return refuse_option(w, "check", "eap and the other estimates");
    if ((w->ig_steps >= 0 || w->ig_rule) && !has_steps)
        return refuse_option(w, w->ig_rule ? "ig-rule" : "ig-steps",
                             "eap-ig or eap-ig-activations");
    if (w->ig_rule && pc_ig_rule_parse(&out->ig_rule, w->ig_rule) != PC_OK) {
        complain(w->command, "%s", pc_last_error());
        return EXIT_USAGE;
    }
    if (w->ig_steps >= 0) out->ig_steps = (int)w->ig_steps;
    if (w->n_checked >= 0) out->n_checked = w->n_checked;
    if (w->n_candidates >= 0) out->n_candidates = w->n_candidates;
    if (w->estimate) out->estimate = w->estimate;
    return EXIT_DONE;
}

static int read_method(pc_find_options *out, const find_command *w)
{
    const int code = read_estimate(out, w);
    if (code != EXIT_DONE) return code;
    out->method = w->method;
    if (!isnan(w->confidence)) out->confidence = w->confidence;
    if (!isnan(w->confidence) && strcmp(w->method, "racing") != 0) {
        complain(w->command, "--confidence belongs to --method racing, not to %s", w->method);
        return EXIT_USAGE;
    }
    if (pc_find_check(out) == PC_OK) return EXIT_DONE;
    complain(w->command, "%s", pc_last_error());
    return EXIT_USAGE;
}

/* A run replaces these files in its directory. */
static const char *const outputs[] = {"run.db",
                                      "circuit.json",
                                      "scores.csv",
                                      "circuit.svg",
                                      "positions.csv",
                                      "positions.svg",
                                      "positions.pdf",
                                      "check.csv",
                                      "report.html",
                                      "thresholds.csv",
                                      NULL};

static int read_position_options(pc_position_options *out, position_words *names,
                                 const find_command *w)
{
    if (!w->positions && !w->positions_of) return EXIT_DONE;
    if (!w->positions) {
        complain(w->command, "--positions-of needs --positions: each, or columns like IO,S2,end");
        return EXIT_USAGE;
    }
    out->of = PC_POSITIONS_OF_CIRCUIT;
    if (w->positions_of && pc_positions_of_parse(&out->of, w->positions_of) != PC_OK) {
        complain(w->command, "%s", pc_last_error());
        return EXIT_USAGE;
    }
    const int code = read_positions(names, w->positions, w->command);
    out->names = names->names;
    out->n_names = names->n_names;
    return code;
}

/* Thresholds write a circuit each. */
static bool is_output(const find_command *w)
{
    return is_run_output(w->task, w->directory, outputs) ||
           (w->thresholds && is_file_in(w->task, w->directory));
}

static int read_words(pc_find_options *out, find_command *w)
{
    if (pc_level_parse(&out->level, w->level) != PC_OK ||
        pc_profile_apply(out, &w->kv, w->profile ? w->profile : "native") != PC_OK ||
        (w->granularity && pc_kv_granularity_parse(&w->kv, w->granularity) != PC_OK)) {
        complain(w->command, "%s", pc_last_error());
        return EXIT_USAGE;
    }
    if (w->directory && is_output(w)) {
        complain(w->command, "the task %s would be overwritten by the run in %s", w->task,
                 w->directory);
        return EXIT_USAGE;
    }
    const int prompts = check_prompt_words(&w->prompts, w->task, w->command);
    if (prompts != EXIT_DONE || read_bos(&w->bos_rule, w->bos, w->command) != EXIT_DONE)
        return EXIT_USAGE;
    out->directory = w->directory;
    out->resume = resume_of(w->has_resume, w->takes_over);
    int code = read_thresholds(&w->acdc, w->thresholds, w->command);
    if (code == EXIT_DONE) code = read_selection(out, w);
    if (code == EXIT_DONE) code = read_method(out, w);
    return code == EXIT_DONE ? read_measure_words(&out->evaluation, &w->measure, w->command) : code;
}

int find_command_read(find_command *c)
{
    const int code = read_words(&c->options, c);
    if (code != EXIT_DONE) return code;
    return read_position_options(&c->options.positions, &c->columns, c);
}

void find_command_free(find_command *c)
{
    for (int i = 0; i < c->others.n; i++)
        pc_task_free(c->others.tasks[i]);
    threshold_words_free(&c->acdc);
    position_words_free(&c->columns);
    free(c->again);
}

static void open_other_splits(find_command *c, const opened_model *m, const pc_task *task)
{
    const pc_task_limits limits = limits_of(m);
    pc_task_options options = task_options_of(&c->prompts);
    other_splits *others = &c->others;
    for (int i = 0; i < N_SPLITS; i++) {
        pc_task **next = &others->tasks[others->n];
        options.split = split_names[i];
        if (strcmp(pc_task_split(task), split_names[i]) == 0) continue;
        if (pc_task_generate(next, c->task, m->tokenizer, &limits, &options) == PC_OK) others->n++;
        else snprintf(others->why_not[i], sizeof others->why_not[i], "%s", pc_last_error());
    }
    c->options.held_out = (const pc_task *const *)others->tasks;
    c->options.n_held_out = others->n;
}

static void tell_missing_splits(const other_splits *others)
{
    for (int i = 0; i < N_SPLITS; i++)
        if (others->why_not[i][0])
            fprintf(stderr, "the circuit was not evaluated on %s: %s\n", split_names[i],
                    others->why_not[i]);
}

pc_status find_command_open_task(pc_task **out, find_command *c, opened_model *m)
{
    const pc_task_options options = task_options_of(&c->prompts);
    m->bos_rule = c->bos_rule;
    const pc_status status = open_task(out, c->task, m, &options);
    if (status != PC_OK) return status;
    if (!is_task_file(c->task)) open_other_splits(c, m, *out);
    c->options.positions.tokenizer = m->tokenizer;
    return pc_model_set_kv_granularity(m->model, c->kv);
}

pc_status print_found(const find_command *c, const pc_circuit *circuit)
{
    const bool has_positions = pc_circuit_positions(circuit) != NULL;
    pc_status status = c->is_json ? print_circuit_json(circuit) : print_circuit(circuit, c->rows);
    if (status == PC_OK && has_positions && !c->is_json) status = print_positions(circuit, c->rows);
    if (status == PC_OK && !c->is_json) print_thresholds(circuit);
    if (status == PC_OK)
        fprintf(stderr,
                "written: %s/circuit.json, scores.csv, circuit.svg, report.html, %s%srun.db\n",
                c->options.directory,
                has_positions ? "positions.csv, positions.svg, positions.pdf, " : "",
                c->thresholds ? "thresholds.csv, circuit-T.json of each, " : "");
    if (status == PC_OK) tell_missing_splits(&c->others);
    return status;
}
