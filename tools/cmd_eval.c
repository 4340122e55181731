/* patchclamp eval: the faithfulness of a circuit on a task. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "open_model.h"
#include "shared_options.h"

#include <stdio.h>

/* What the user does not say is as the circuit records it. */
static void take_recorded(measure_words *w, const pc_circuit *circuit)
{
    if (!w->source) w->source = pc_circuit_option(circuit, "source");
    if (!w->direction) w->direction = pc_circuit_option(circuit, "direction");
    if (!w->metric) w->metric = pc_circuit_option(circuit, "metric");
}

/* The circuit's edges are named at the granularity that it was found with. */
static pc_status take_granularity(pc_model *model, const pc_circuit *circuit)
{
    const char *name = pc_circuit_option(circuit, "kv_granularity");
    pc_kv_granularity granularity = PC_KV_SHARED;
    const pc_status status = name ? pc_kv_granularity_parse(&granularity, name) : PC_OK;
    return status != PC_OK ? status : pc_model_set_kv_granularity(model, granularity);
}

static void print_json(const pc_faithfulness *f)
{
    json_begin(NULL, '{');
    json_number("faithfulness", f->faithfulness);
    json_number("clean", f->clean);
    json_number("corrupted", f->corrupted);
    json_number("circuit", f->circuit);
    json_number("circuit_stderr", f->circuit_stderr);
    json_number("empty", f->empty);
    json_integer("n", f->n);
    json_integer("kept", f->n_kept);
    json_integer("components", f->n_all);
    json_end('}');
}

static void print_text(const pc_faithfulness *f, const pc_evaluator_options *o, const pc_task *task)
{
    printf("faithfulness  %.4f\n", f->faithfulness);
    printf("circuit       %lld of %lld components, %s %.4f +- %.4f\n", (long long)f->n_kept,
           (long long)f->n_all, pc_metric_name(o->metric), f->circuit, f->circuit_stderr);
    printf("full model    %.4f clean, %.4f corrupted, %.4f with everything cut\n", f->clean,
           f->corrupted, f->empty);
    printf("prompts       %d of %s (source %s, direction %s)\n", f->n, pc_task_name(task),
           pc_source_name(o->source), pc_direction_name(o->direction));
}

static pc_status evaluate(const pc_circuit *circuit, const opened_model *m, const char *task_name,
                          const pc_task_options *task_options, const pc_evaluator_options *options,
                          bool is_json)
{
    pc_task *task = NULL;
    pc_faithfulness f;
    pc_status status = take_granularity(m->model, circuit);
    if (status == PC_OK) status = open_task(&task, task_name, m, task_options);
    if (status == PC_OK) status = pc_circuit_evaluate(&f, circuit, m->model, task, options);
    if (status == PC_OK && is_json) print_json(&f);
    if (status == PC_OK && !is_json) print_text(&f, options, task);
    pc_task_free(task);
    return status;
}

int cmd_eval(int argc, char **argv)
{
    const char *path, *model_name = NULL, *task_name = NULL, *bos = NULL;
    char in_directory[CIRCUIT_PATH_BYTES];
    bool is_json = false;
    pc_bos_rule bos_rule;
    prompt_words prompts = PROMPT_WORDS_INIT;
    measure_words words = MEASURE_WORDS_INIT;
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.engine = PC_ENGINE_DELTA;
    option_row rows[32] = {{0}}, *next = rows;
    *next++ =
        (option_row){"model", 'm', OPTION_TEXT, &model_name, "MODEL", "the circuit's model", 0, 0};
    *next++ = (option_row){
        "task", 't', OPTION_TEXT, &task_name, "T", "a built-in task's name, or a task file", 0, 0};
    *next++ = (option_row){"json", 0, OPTION_FLAG, &is_json, "", "print one JSON value", 0, 0};
    next = add_bos_option(add_prompt_options(next, &prompts), &bos);
    add_measure_options(next, &words);
    const command_usage usage = {
        "eval", "CIRCUIT.json|DIR",
        "Runs the model with everything outside the circuit cut, and prints how much of the "
        "behaviour is\n"
        "left. Source, direction and metric are the circuit's own unless given; the prompts are "
        "those of\n--task, which need not be the ones that the circuit was found on.",
        "patchclamp eval out/demo/circuit.json --model demo --task induction --split test", 1};
    const parse_outcome outcome = options_parse(rows, &path, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!model_name || !task_name) {
        complain("eval", "expected --model MODEL and --task T; see patchclamp eval --help");
        return EXIT_USAGE;
    }
    int code = check_prompt_words(&prompts, task_name, "eval");
    if (code == EXIT_DONE) code = read_bos(&bos_rule, bos, "eval");
    if (code == EXIT_DONE) code = read_measure_words(&options, &words, "eval"); /* the user's own */
    if (code != EXIT_DONE) return code;

    pc_circuit *circuit;
    pc_status status = pc_circuit_read(&circuit, circuit_path(in_directory, path));
    if (status != PC_OK) return report("eval", status);
    take_recorded(&words, circuit);
    code = read_measure_words(&options, &words, "eval");
    if (code == EXIT_USAGE) code = EXIT_BAD_INPUT; /* the file's words */
    opened_model m = {0};
    if (code == EXIT_DONE) code = open_model(&m, model_name, "eval");
    m.bos_rule = bos_rule;
    const pc_task_options task_options = task_options_of(&prompts);
    if (code == EXIT_DONE) {
        status = evaluate(circuit, &m, task_name, &task_options, &options, is_json);
        if (status != PC_OK) code = report("eval", status);
    }
    close_model(&m);
    pc_circuit_free(circuit);
    return code;
}
