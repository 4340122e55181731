/* patchclamp patch: grids of patched activations, as tables and heat maps. */
#include "commands.h"
#include "exit_code.h"
#include "grid_print.h"
#include "open_model.h"
#include "plan_print.h"
#include "position_words.h"
#include "progress.h"
#include "same_file.h"
#include "shared_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct patch_words {
    const char *model, *task, *what, *by, *positions, *directory, *granularity, *bos;
    pc_kv_granularity kv;
    int64_t rows;
    bool is_json, has_resume, takes_over, is_plan;
    pc_bos_rule bos_rule;
    prompt_words prompts;
    measure_words measure;
} patch_words;

static const command_usage usage = {
    "patch", "MODEL",
    "Replaces one activation at a time, layer by layer, head by head, position by position, and "
    "prints what\n"
    "that does to the metric. DIR gets grid.csv, grid.svg and grid.pdf (a heat map), grid.json and run.db.",
    "patchclamp patch demo --task induction -n 16 --what resid_pre --by layer,position "
    "--direction denoise -o out/grid",
    1};

static parse_outcome parse(patch_words *w, int argc, char **argv)
{
    option_row rows[32] = {{0}}, *next = rows;
    const option_row own[] = {
        {"task", 't', OPTION_TEXT, &w->task, "T", "a built-in task's name, or a task file", 0, 0},
        {"what", 0, OPTION_TEXT, &w->what, "SITE",
         "resid_pre, resid_mid, attn_out, mlp_out, z, q, k, v or pattern", 0, 0},
        {"by", 0, OPTION_TEXT, &w->by, "AXES",
         "layer, and head or position or both (layer,position)", 0, 0},
        {"positions", 0, OPTION_TEXT, &w->positions, "LIST",
         "each, or columns like IO,S2,end (the task's names), -1, 2..5 (each)", 0, 0},
        {"kv-granularity", 0, OPTION_TEXT, &w->granularity, "G",
         "grouped heads: k and v once per KV head (kv), or per query head (query)", 0, 0},
        {"output", 'o', OPTION_TEXT, &w->directory, "DIR", "the run directory", 0, 0},
        {"resume", 0, OPTION_FLAG, &w->has_resume, "", "continue the run in DIR", 0, 0},
        {"take-over", 0, OPTION_FLAG, &w->takes_over, "",
         "as --resume, from another machine's process that is silent and gone", 0, 0},
        {"rows", 0, OPTION_INT, &w->rows, "N", "strongest cells on the terminal (15)", 0, 1 << 30},
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

/* A run replaces these files in its directory. */
static const char *const outputs[] = {"run.db", "grid.json", "grid.csv", "grid.svg", "grid.pdf", NULL};

static int check_words(const patch_words *w)
{
    if (!w->task || !w->what) {
        complain("patch", "expected --task T and --what SITE; see patchclamp patch --help");
        return EXIT_USAGE;
    }
    if (w->directory && !*w->directory) {
        complain("patch", "-o is empty, expected a directory");
        return EXIT_USAGE;
    }
    if ((w->has_resume || w->takes_over) && !w->directory) {
        complain("patch", "--resume needs the run's directory: -o DIR");
        return EXIT_USAGE;
    }
    if (w->directory && is_run_output(w->task, w->directory, outputs)) {
        complain("patch", "the task %s would be overwritten by the run in %s", w->task,
                 w->directory);
        return EXIT_USAGE;
    }
    return check_prompt_words(&w->prompts, w->task, "patch");
}

/* The option words that the library reads; `positions` holds the names. */
static int read_words(pc_grid_options *out, position_words *positions, patch_words *w)
{
    pc_status status = pc_site_parse(&out->what, w->what);
    if (status == PC_OK) status = pc_axes_parse(&out->axes, w->by);
    if (status == PC_OK) status = pc_kv_granularity_parse(&w->kv, w->granularity);
    if (status != PC_OK) {
        complain("patch", "%s", pc_last_error());
        return EXIT_USAGE;
    }
    if (read_bos(&w->bos_rule, w->bos, "patch") != EXIT_DONE) return EXIT_USAGE;
    out->directory = w->directory;
    out->resume = resume_of(w->has_resume, w->takes_over);
    const int code = read_positions(positions, w->positions, "patch");
    if (code != EXIT_DONE) return code;
    out->positions = positions->names;
    out->n_positions = positions->n_names;
    /* attention patterns are the twin's alone */
    out->evaluation.engine = out->what == PC_SITE_PATTERN ? PC_ENGINE_TWIN : PC_ENGINE_DELTA;
    return read_measure_words(&out->evaluation, &w->measure, "patch");
}

static pc_status plan(const patch_words *w, const pc_grid_options *options, opened_model *m,
                      const pc_task *task)
{
    pc_plan made;
    const pc_status status = pc_grid_plan(&made, m->model, task, options, PC_PLAN_TIMED);
    if (status == PC_OK) print_plan(&made, w->is_json);
    return status;
}

static pc_status measure(const patch_words *w, pc_grid_options *options, opened_model *m,
                         const pc_task *task)
{
    pc_grid *grid;
    progress_state progress;
    progress_begin(&progress);
    options->progress = progress_tell;
    options->payload = &progress;
    pc_status status = pc_grid_measure(&grid, m->model, task, options);
    progress_end(&progress);
    if (status != PC_OK) return status;
    status = w->is_json ? print_grid_json(grid) : print_grid(grid, w->rows);
    if (status == PC_OK && w->directory)
        fprintf(stderr, "written: %s/grid.csv, grid.svg, grid.pdf, grid.json, run.db\n", w->directory);
    pc_grid_free(grid);
    return status;
}

static pc_status plan_or_measure(const patch_words *w, pc_grid_options *options, opened_model *m)
{
    pc_task *task = NULL;
    const pc_task_options task_options = task_options_of(&w->prompts);
    pc_status status = open_task(&task, w->task, m, &task_options);
    options->tokenizer = m->tokenizer;
    if (status == PC_OK) status = pc_model_set_kv_granularity(m->model, w->kv);
    if (status == PC_OK)
        status = w->is_plan ? plan(w, options, m, task) : measure(w, options, m, task);
    pc_task_free(task);
    return status;
}

static int run(const patch_words *w, pc_grid_options *options)
{
    opened_model m;
    stop_on_signals();
    const int code = open_model(&m, w->model, "patch");
    if (code != EXIT_DONE) return code;
    m.bos_rule = w->bos_rule;
    const pc_status status = plan_or_measure(w, options, &m);
    close_model(&m);
    if (status == PC_OK) return EXIT_DONE;
    if (status != PC_ERR_INTERRUPTED || !w->directory) return report("patch", status);
    complain("patch", "stopped; what was measured is kept in %s: --resume continues", w->directory);
    return EXIT_INTERRUPTED;
}

int cmd_patch(int argc, char **argv)
{
    patch_words w = {.by = "layer,position",
                     .granularity = "kv",
                     .rows = 15,
                     .prompts = PROMPT_WORDS_INIT,
                     .measure = MEASURE_WORDS_INIT};
    pc_grid_options options = PC_GRID_OPTIONS_INIT;
    position_words positions = {0};
    const parse_outcome outcome = parse(&w, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    int code = check_words(&w);
    if (code == EXIT_DONE) code = read_words(&options, &positions, &w);
    if (code == EXIT_DONE) code = run(&w, &options);
    position_words_free(&positions);
    return code;
}
