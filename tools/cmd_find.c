/* patchclamp find: the search for a circuit. */
#include "circuit_print.h"
#include "commands.h"
#include "exit_code.h"
#include "open_model.h"
#include "plan_print.h"
#include "position_words.h"
#include "positions_print.h"
#include "progress.h"
#include "same_file.h"
#include "shared_options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct find_words {
    const char *model, *task, *level, *method, *directory, *granularity, *bos;
    int64_t top, rows;
    double threshold, faithfulness, confidence;
    pc_kv_granularity kv;
    bool is_json, has_resume, is_plan;
    const char *positions, *positions_of;
    pc_bos_rule bos_rule;
    prompt_words prompts;
    measure_words measure;
} find_words;

static const command_usage usage = {
    "find", "MODEL",
    "Measures every node, edge or neuron alone (each effect is that of a real intervention), ranks "
    "them,\n"
    "selects the circuit and evaluates it. DIR gets circuit.json, scores.csv, circuit.svg and "
    "run.db;\n"
    "with --positions also positions.csv and positions.svg.",
    "patchclamp find demo --task induction --level edge --faithfulness 0.9 -o out/demo", 1};

static parse_outcome parse(find_words *w, int argc, char **argv)
{
    option_row rows[40] = {{0}}, *next = rows;
    const option_row own[] = {
        {"task", 't', OPTION_TEXT, &w->task, "T", "a built-in task's name, or a task file", 0, 0},
        {"output", 'o', OPTION_TEXT, &w->directory, "DIR", "the run directory", 0, 0},
        {"level", 0, OPTION_TEXT, &w->level, "NAME", "node, edge or neuron (edge)", 0, 0},
        {"method", 0, OPTION_TEXT, &w->method, "NAME",
         "exact; racing: the top with --confidence, on no more prompts than it takes; acdc: from "
         "the logits down, edges whose removal worsens the metric by less than --threshold go "
         "(exact)",
         0, 0},
        {"kv-granularity", 0, OPTION_TEXT, &w->granularity, "G",
         "grouped heads: k and v read once per KV head (kv), or per query head (query)", 0, 0},
        {"faithfulness", 0, OPTION_REAL, &w->faithfulness, "F",
         "the fewest components that keep F (0.9)", 0, 0},
        {"top", 0, OPTION_INT, &w->top, "N", "the N strongest components", 1, INT64_MAX},
        {"threshold", 0, OPTION_REAL, &w->threshold, "X",
         "components with |effect| >= X; acdc's threshold", 0, 0},
        {"confidence", 0, OPTION_REAL, &w->confidence, "P",
         "of racing: the probability that its top is the top (0.95)", 0, 0},
        {"positions", 0, OPTION_TEXT, &w->positions, "LIST",
         "then again at each position alone: each, or columns like IO,S2,end, -1, 2..5", 0, 0},
        {"positions-of", 0, OPTION_TEXT, &w->positions_of, "WHICH",
         "at positions: the circuit's components (circuit) or all", 0, 0},
        {"resume", 0, OPTION_FLAG, &w->has_resume, "", "continue the run in DIR", 0, 0},
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
    return options_parse(rows, &w->model, &usage, argc, argv);
}

static int read_selection(pc_find_options *out, const find_words *w)
{
    const int n_given = (w->top > 0) + !isnan(w->threshold) + !isnan(w->faithfulness);
    if (n_given > 1) {
        complain("find", "give one of --top, --threshold and --faithfulness");
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

static int read_method(pc_find_options *out, const find_words *w)
{
    out->method = w->method;
    if (!isnan(w->confidence)) out->confidence = w->confidence;
    if (!isnan(w->confidence) && strcmp(w->method, "racing") != 0) {
        complain("find", "--confidence belongs to --method racing, not to %s", w->method);
        return EXIT_USAGE;
    }
    if (pc_find_check(out) == PC_OK) return EXIT_DONE;
    complain("find", "%s", pc_last_error());
    return EXIT_USAGE;
}

/* A run replaces these files in its directory. */
static const char *const outputs[] = {"run.db",        "circuit.json",  "scores.csv", "circuit.svg",
                                      "positions.csv", "positions.svg", NULL};

static int read_position_options(pc_position_options *out, position_words *names,
                                 const find_words *w)
{
    if (!w->positions && !w->positions_of) return EXIT_DONE;
    if (!w->positions) {
        complain("find", "--positions-of needs --positions: each, or columns like IO,S2,end");
        return EXIT_USAGE;
    }
    out->of = PC_POSITIONS_OF_CIRCUIT;
    if (w->positions_of && pc_positions_of_parse(&out->of, w->positions_of) != PC_OK) {
        complain("find", "%s", pc_last_error());
        return EXIT_USAGE;
    }
    const int code = read_positions(names, w->positions, "find");
    out->names = names->names;
    out->n_names = names->n_names;
    return code;
}

static int read_words(pc_find_options *out, find_words *w)
{
    if (!w->task || (!w->is_plan && (!w->directory || !*w->directory))) {
        complain("find", "expected --task T and -o DIR or --plan; see patchclamp find --help");
        return EXIT_USAGE;
    }
    if (pc_level_parse(&out->level, w->level) != PC_OK ||
        pc_kv_granularity_parse(&w->kv, w->granularity) != PC_OK) {
        complain("find", "%s", pc_last_error());
        return EXIT_USAGE;
    }
    if (w->directory && is_run_output(w->task, w->directory, outputs)) {
        complain("find", "the task %s would be overwritten by the run in %s", w->task,
                 w->directory);
        return EXIT_USAGE;
    }
    const int prompts = check_prompt_words(&w->prompts, w->task, "find");
    if (prompts != EXIT_DONE || read_bos(&w->bos_rule, w->bos, "find") != EXIT_DONE)
        return EXIT_USAGE;
    out->directory = w->directory;
    out->resume = w->has_resume ? PC_RESUME_YES : PC_RESUME_NO;
    int code = read_selection(out, w);
    if (code == EXIT_DONE) code = read_method(out, w);
    return code == EXIT_DONE ? read_measure_words(&out->evaluation, &w->measure, "find") : code;
}

static pc_status plan(const find_words *w, const pc_find_options *options, opened_model *m,
                      const pc_task *task)
{
    pc_plan made;
    const pc_status status = pc_find_plan(&made, m->model, task, options, PC_PLAN_TIMED);
    if (status == PC_OK) print_plan(&made, w->is_json);
    if (status == PC_OK && strcmp(options->method, "exact") != 0)
        fprintf(stderr, "%s takes at most this: it is counted as the exact sweep\n",
                options->method);
    return status;
}

static pc_status run(const find_words *w, pc_find_options *options, opened_model *m,
                     const pc_task *task)
{
    pc_circuit *circuit;
    progress_state progress;
    progress_begin(&progress);
    options->progress = progress_tell;
    options->payload = &progress;
    pc_status status = pc_find(&circuit, m->model, task, options);
    progress_end(&progress);
    if (status != PC_OK) return status;
    const bool has_positions = pc_circuit_positions(circuit) != NULL;
    status = w->is_json ? print_circuit_json(circuit) : print_circuit(circuit, w->rows);
    if (status == PC_OK && has_positions && !w->is_json) status = print_positions(circuit, w->rows);
    if (status == PC_OK)
        fprintf(stderr, "written: %s/circuit.json, scores.csv, circuit.svg, %srun.db\n",
                w->directory, has_positions ? "positions.csv, positions.svg, " : "");
    pc_circuit_free(circuit);
    return status;
}

static pc_status search(const find_words *w, pc_find_options *options, opened_model *m)
{
    pc_task *task = NULL;
    const pc_task_options task_options = task_options_of(&w->prompts);
    pc_status status = open_task(&task, w->task, m, &task_options);
    options->positions.tokenizer = m->tokenizer;
    if (status == PC_OK) status = pc_model_set_kv_granularity(m->model, w->kv);
    if (status == PC_OK) status = w->is_plan ? plan(w, options, m, task) : run(w, options, m, task);
    pc_task_free(task);
    return status;
}

static int open_and_search(const find_words *w, pc_find_options *options)
{
    opened_model m;
    stop_on_signals();
    const int code = open_model(&m, w->model, "find");
    if (code != EXIT_DONE) return code;
    m.bos_rule = w->bos_rule;
    const pc_status status = search(w, options, &m);
    close_model(&m);
    if (status == PC_OK) return EXIT_DONE;
    if (status != PC_ERR_INTERRUPTED) return report("find", status);
    complain("find", "stopped; what was measured is kept in %s: --resume continues", w->directory);
    return EXIT_INTERRUPTED;
}

int cmd_find(int argc, char **argv)
{
    find_words w = {.level = "edge",
                    .granularity = "kv",
                    .method = "exact",
                    .rows = 25,
                    .threshold = NAN,
                    .faithfulness = NAN,
                    .confidence = NAN,
                    .prompts = PROMPT_WORDS_INIT,
                    .measure = MEASURE_WORDS_INIT};
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.evaluation.engine = PC_ENGINE_DELTA;
    const parse_outcome outcome = parse(&w, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    int code = read_words(&options, &w);
    position_words positions = {0};
    if (code == EXIT_DONE) code = read_position_options(&options.positions, &positions, &w);
    if (code == EXIT_DONE) code = open_and_search(&w, &options);
    position_words_free(&positions);
    return code;
}
