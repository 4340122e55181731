/* What run and path share: options, measuring, printing, exit codes. */
#include "effects_command.h"

#include "exit_code.h"
#include "open_model.h"
#include "plan_print.h"
#include "progress.h"
#include "same_file.h"

#include <stdio.h>
#include <string.h>

option_row *add_effects_options(option_row *at, effects_words *w)
{
    const option_row own[] = {
        {"task", 't', OPTION_TEXT, &w->task, "T", "a built-in task's name, or a task file", 0, 0},
        {"kv-granularity", 0, OPTION_TEXT, &w->granularity, "G",
         "grouped heads: k and v once per KV head (kv), or per query head (query)", 0, 0},
        {"output", 'o', OPTION_TEXT, &w->directory, "DIR", "the run directory", 0, 0},
        {"resume", 0, OPTION_FLAG, &w->has_resume, "", "continue the run in DIR", 0, 0},
        {"take-over", 0, OPTION_FLAG, &w->takes_over, "",
         "as --resume, from another machine's process that is silent and gone", 0, 0},
        {"rows", 0, OPTION_INT, &w->rows, "N", "rows of the table on the terminal (25)", 0,
         1 << 30},
        {"plan", 0, OPTION_FLAG, &w->is_plan, "",
         "print what it would take, memory and time included, and measure nothing", 0, 0},
        {"json", 0, OPTION_FLAG, &w->is_json, "",
         "print one JSON value, with each prompt's effect, instead of the table", 0, 0},
    };
    memcpy(at, own, sizeof own);
    at = add_bos_option(add_prompt_options(at + sizeof own / sizeof *own, &w->prompts), &w->bos);
    return add_measure_options(at, &w->measure);
}

/* A run replaces these files in its directory. */
static const char *const outputs[] = {"run.db", "run.json", "effects.csv", NULL};

static int check_directory(const effects_words *w, const char *input)
{
    const char *inputs[] = {w->task, input};
    if (w->directory && !*w->directory) {
        complain(w->command, "-o is empty, expected a directory");
        return EXIT_USAGE;
    }
    if ((w->has_resume || w->takes_over) && !w->directory) {
        complain(w->command, "--resume needs the run's directory: -o DIR");
        return EXIT_USAGE;
    }
    for (int i = 0; i < 2 && w->directory; i++) {
        if (!inputs[i] || !is_run_output(inputs[i], w->directory, outputs)) continue;
        complain(w->command, "%s would be overwritten by the run in %s", inputs[i], w->directory);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static int read_words(pc_effects_options *out, effects_words *w, const char *input)
{
    int code = check_directory(w, input);
    if (code == EXIT_DONE) code = check_prompt_words(&w->prompts, w->task, w->command);
    if (code == EXIT_DONE) code = read_bos(&w->bos_rule, w->bos, w->command);
    if (code != EXIT_DONE) return code;
    if (pc_kv_granularity_parse(&w->kv, w->granularity) != PC_OK) {
        complain(w->command, "%s", pc_last_error());
        return EXIT_USAGE;
    }
    out->evaluation.engine = PC_ENGINE_DELTA;
    out->directory = w->directory;
    out->resume = resume_of(w->has_resume, w->takes_over);
    return read_measure_words(&out->evaluation, &w->measure, w->command);
}

static pc_status plan(pc_effects *effects, const effects_words *w,
                      const pc_effects_options *options, opened_model *m, const pc_task *task)
{
    pc_plan made;
    const pc_status status =
        pc_effects_plan(&made, effects, m->model, task, options, PC_PLAN_TIMED);
    if (status == PC_OK) print_plan(&made, w->is_json);
    return status;
}

static pc_status measure(pc_effects *effects, effects_order order, const effects_words *w,
                         pc_effects_options *options, opened_model *m, const pc_task *task)
{
    progress_state progress;
    progress_begin(&progress);
    options->progress = progress_tell;
    options->payload = &progress;
    pc_status status = pc_effects_measure(effects, m->model, task, options);
    progress_end(&progress);
    if (status != PC_OK) return status;
    status = w->is_json ? print_effects_json(effects) : print_effects(effects, order, w->rows);
    if (status == PC_OK && w->directory)
        fprintf(stderr, "written: %s/effects.csv, run.json, run.db\n", w->directory);
    return status;
}

static pc_status plan_or_measure(const effects_words *w, pc_effects_options *options,
                                 opened_model *m, effects_order order, make_effects make,
                                 const void *payload)
{
    pc_task *task = NULL;
    pc_effects *effects = NULL;
    const pc_task_options task_options = task_options_of(&w->prompts);
    m->bos_rule = w->bos_rule;
    pc_status status = pc_model_set_kv_granularity(m->model, w->kv);
    if (status == PC_OK) status = make(&effects, m->model, &options->evaluation, payload);
    if (status == PC_OK) status = open_task(&task, w->task, m, &task_options);
    if (status == PC_OK)
        status = w->is_plan ? plan(effects, w, options, m, task)
                            : measure(effects, order, w, options, m, task);
    pc_task_free(task);
    pc_effects_free(effects);
    return status;
}

int run_effects(effects_words *w, const char *input, effects_order order, make_effects make,
                const void *payload)
{
    opened_model m;
    pc_effects_options options = PC_EFFECTS_OPTIONS_INIT;
    int code = read_words(&options, w, input);
    stop_on_signals();
    if (code == EXIT_DONE) code = open_model(&m, w->model, w->command);
    if (code != EXIT_DONE) return code;
    const pc_status status = plan_or_measure(w, &options, &m, order, make, payload);
    close_model(&m);
    if (status == PC_OK) return EXIT_DONE;
    if (status != PC_ERR_INTERRUPTED || !w->directory) return report(w->command, status);
    complain(w->command, "stopped; what was measured is kept in %s: --resume continues",
             w->directory);
    return EXIT_INTERRUPTED;
}
