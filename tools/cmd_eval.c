/* patchclamp eval: the faithfulness of a circuit on a task. */
#include "commands.h"
#include "eval_print.h"
#include "exit_code.h"
#include "json_out.h"
#include "open_model.h"
#include "progress.h"
#include "same_file.h"
#include "shared_options.h"
#include "splits_print.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* No "-0.0000". */
static double shown(double x)
{
    return fabs(x) < 0.00005 ? 0 : x;
}

static void print_json(const char *key, const pc_faithfulness *f)
{
    json_begin(key, '{');
    json_number("faithfulness", f->faithfulness);
    json_number("low", f->low);
    json_number("high", f->high);
    json_number("complement", f->complement);
    json_number("random_mean", f->random_mean);
    json_number("random_most", f->random_most);
    json_integer("random", f->n_random);
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
    printf("faithfulness  %.4f, 95 %% interval %.4f to %.4f\n", f->faithfulness, f->low, f->high);
    printf("without it    %.4f: the faithfulness of everything else\n", shown(f->complement));
    printf("by chance     %.4f, at most %.4f: %d random circuits of the same size\n",
           shown(f->random_mean), shown(f->random_most), f->n_random);
    printf("circuit       %lld of %lld components, %s %.4f +- %.4f\n", (long long)f->n_kept,
           (long long)f->n_all, pc_metric_name(o->metric), f->circuit, f->circuit_stderr);
    printf("full model    %.4f clean, %.4f corrupted, %.4f with everything cut\n", f->clean,
           f->corrupted, f->empty);
    printf("prompts       %d of %s (source %s, direction %s)\n", f->n, pc_task_name(task),
           pc_source_name(o->source), pc_direction_name(o->direction));
}

/* What eval is asked for. */
typedef struct eval_words {
    const char *path, *model, *task, *bos, *truth, *truth_path, *output;
    bool is_json, is_minimality, is_completeness, is_curve, is_tests;
    bool is_both; /* directions */
    prompt_words prompts;
    measure_words measure;
} eval_words;

typedef struct evaluated {
    const pc_circuit *circuit;
    const opened_model *m;
    const pc_evaluator_options *options;
    const eval_words *words;
} evaluated;

static pc_status open_prompts(pc_task **out, const evaluated *e, const char *split)
{
    pc_task_options task_options = task_options_of(&e->words->prompts);
    task_options.split = split;
    return open_task(out, e->words->task, e->m, &task_options);
}

static pc_status evaluate_one(const evaluated *e)
{
    pc_task *task = NULL;
    pc_faithfulness f;
    pc_status status = open_prompts(&task, e, e->words->prompts.split);
    if (status == PC_OK)
        status = pc_circuit_evaluate(&f, e->circuit, e->m->model, task, e->options);
    if (status == PC_OK && e->words->is_json) print_json(NULL, &f);
    if (status == PC_OK && !e->words->is_json) print_text(&f, e->options, task);
    pc_task_free(task);
    return status;
}

/* ---- splits and directions side by side ---- */

enum { N_DIRECTIONS = 2, MOST_ROWS = N_SPLITS * N_DIRECTIONS };

typedef struct evaluated_row {
    char split[32];
    pc_direction direction;
    pc_faithfulness f;
} evaluated_row;

static bool is_all_splits(const eval_words *w)
{
    return w->prompts.split && strcmp(w->prompts.split, "all") == 0;
}

/* The rows of a split: one a direction. */
static pc_status evaluate_split(evaluated_row *rows, int *n, const evaluated *e, const char *split)
{
    const pc_direction both[] = {PC_DIRECTION_NOISE, PC_DIRECTION_DENOISE};
    const bool is_both = e->words->is_both;
    pc_evaluator_options options = *e->options;
    pc_task *task = NULL;
    pc_status status = open_prompts(&task, e, split);
    for (int d = 0; d < (is_both ? N_DIRECTIONS : 1) && status == PC_OK; d++) {
        evaluated_row *row = &rows[(*n)++];
        if (is_both) options.direction = both[d];
        row->direction = options.direction;
        snprintf(row->split, sizeof row->split, "%s", pc_task_split(task));
        status = pc_circuit_evaluate(&row->f, e->circuit, e->m->model, task, &options);
    }
    pc_task_free(task);
    return status;
}

static void print_row(table *t, const evaluated_row *row, bool is_both)
{
    table_cell(t, "%s", row->split[0] ? row->split : "-");
    if (is_both) table_cell(t, "%s", pc_direction_name(row->direction));
    table_cell(t, "%.4f", row->f.faithfulness);
    table_cell(t, "%.4f", row->f.low);
    table_cell(t, "%.4f", row->f.high);
    table_cell(t, "%.4f", shown(row->f.complement));
    table_cell(t, "%.4f", shown(row->f.random_mean));
    table_cell(t, "%.4f", row->f.circuit);
    table_cell(t, "%.4f", row->direction == PC_DIRECTION_NOISE ? row->f.clean : row->f.empty);
}

static void print_row_table(const evaluated_row *rows, int n, bool is_both)
{
    table t;
    table_begin(&t, is_both ? "llrrrrrrr" : "lrrrrrrr");
    table_cell(&t, "split");
    if (is_both) table_cell(&t, "direction");
    table_cell(&t, "faithfulness"), table_cell(&t, "95 %% from"), table_cell(&t, "to"),
        table_cell(&t, "without it"), table_cell(&t, "by chance"), table_cell(&t, "circuit"),
        table_cell(&t, "full");
    for (int i = 0; i < n; i++)
        print_row(&t, &rows[i], is_both);
    table_print(&t);
    table_free(&t);
}

static void print_rows(const evaluated_row *rows, int n, const evaluated *e)
{
    const pc_faithfulness *f = &rows[0].f;
    const bool is_both = e->words->is_both;
    print_row_table(rows, n, is_both);
    printf("\n%lld of %lld components, %s, %d prompts", (long long)f->n_kept, (long long)f->n_all,
           pc_metric_name(e->options->metric), f->n);
    printf("%s; ", is_all_splits(e->words) ? " of each split" : "");
    if (is_both) printf("noise cuts all but the circuit, denoise restores the circuit alone\n");
    if (!is_all_splits(e->words)) return;
    for (int d = 0, each = n / N_SPLITS; d < each; d++) { /* splits in the order of their names */
        if (is_both) printf("%s: ", pc_direction_name(rows[d].direction));
        print_drop(rows[d].f.faithfulness, rows[2 * each + d].f.faithfulness);
    }
}

/* An object a split where there are several, in it one a direction likewise. */
static void print_rows_json(const evaluated_row *rows, int n, const evaluated *e)
{
    const bool is_all = is_all_splits(e->words), is_both = e->words->is_both;
    json_begin(NULL, '{');
    for (int i = 0; i < n; i++) {
        const char *key = is_both ? pc_direction_name(rows[i].direction) : rows[i].split;
        if (is_all && is_both && i % N_DIRECTIONS == 0) json_begin(rows[i].split, '{');
        print_json(key, &rows[i].f);
        if (is_all && is_both && i % N_DIRECTIONS == N_DIRECTIONS - 1) json_end('}');
    }
    json_end('}');
}

static pc_status evaluate_rows(const evaluated *e)
{
    evaluated_row rows[MOST_ROWS];
    const bool is_all = is_all_splits(e->words);
    int n = 0;
    for (int i = 0; i < (is_all ? N_SPLITS : 1); i++) {
        const char *split = is_all ? split_names[i] : e->words->prompts.split;
        const pc_status status = evaluate_split(rows, &n, e, split);
        if (status != PC_OK) return status;
    }
    if (e->words->is_json) print_rows_json(rows, n, e);
    else print_rows(rows, n, e);
    return PC_OK;
}

/* ---- minimality ---- */

static void print_minimality(const pc_minimality *rows, int64_t n)
{
    table t;
    table_begin(&t, "lrrr");
    table_cell(&t, "without"), table_cell(&t, "faithfulness lost"), table_cell(&t, "95 %% from"),
        table_cell(&t, "to");
    for (int64_t i = 0; i < n; i++) {
        table_cell(&t, "%s", rows[i].name);
        table_cell(&t, "%+.4f", shown(rows[i].drop));
        table_cell(&t, "%+.4f", shown(rows[i].low));
        table_cell(&t, "%+.4f", shown(rows[i].high));
    }
    table_print(&t);
    table_free(&t);
    printf("\nintervals each by itself, not corrected for their number\n");
}

static void print_minimality_json(const pc_minimality *rows, int64_t n)
{
    json_begin(NULL, '[');
    for (int64_t i = 0; i < n; i++) {
        json_begin(NULL, '{');
        json_text("name", rows[i].name);
        json_number("drop", rows[i].drop);
        json_number("low", rows[i].low);
        json_number("high", rows[i].high);
        json_end('}');
    }
    json_end(']');
}

static pc_status evaluate_minimality(const evaluated *e)
{
    pc_task *task = NULL;
    pc_minimality *rows = NULL;
    int64_t n = 0;
    pc_status status = open_prompts(&task, e, e->words->prompts.split);
    if (status == PC_OK)
        status = pc_circuit_minimality(&rows, &n, e->circuit, e->m->model, task, e->options);
    if (status == PC_OK && e->words->is_json) print_minimality_json(rows, n);
    if (status == PC_OK && !e->words->is_json) print_minimality(rows, n);
    free(rows);
    pc_task_free(task);
    return status;
}

/* ---- completeness ---- */

static pc_status evaluate_completeness(const evaluated *e)
{
    pc_task *task = NULL;
    pc_completeness *rows = NULL;
    int64_t n = 0;
    pc_status status = open_prompts(&task, e, e->words->prompts.split);
    if (status == PC_OK)
        status = pc_circuit_completeness(&rows, &n, e->circuit, e->m->model, task, e->options);
    if (status == PC_OK && e->words->is_json) print_completeness_json(rows, n);
    if (status == PC_OK && !e->words->is_json) print_completeness(rows, n);
    free(rows);
    pc_task_free(task);
    return status;
}

/* ---- tests ---- */

static pc_status evaluate_tests(const evaluated *e)
{
    pc_task *task = NULL;
    pc_hypotheses h = {0};
    pc_status status = open_prompts(&task, e, e->words->prompts.split);
    if (status == PC_OK) status = pc_circuit_test(&h, e->circuit, e->m->model, task, e->options);
    if (status == PC_OK && e->words->is_json) print_tests_json(&h);
    if (status == PC_OK && !e->words->is_json) print_tests(&h);
    pc_hypotheses_free(&h);
    pc_task_free(task);
    return status;
}

/* ---- the curve ---- */

static void print_curve(const pc_curve *c)
{
    table t;
    table_begin(&t, "rrrrr");
    table_cell(&t, "share"), table_cell(&t, "by score"), table_cell(&t, "faithfulness"),
        table_cell(&t, "by |effect|"), table_cell(&t, "faithfulness");
    for (int i = 0; i < PC_CURVE_POINTS; i++) {
        table_cell(&t, "%g%%", 100 * c->by_score[i].share);
        table_cell(&t, "%lld of %lld", (long long)c->by_score[i].n_kept,
                   (long long)c->by_score[i].n);
        table_cell(&t, "%.4f", shown(c->by_score[i].faithfulness));
        table_cell(&t, "%lld of %lld", (long long)c->by_strength[i].n_kept,
                   (long long)c->by_strength[i].n);
        table_cell(&t, "%.4f", shown(c->by_strength[i].faithfulness));
    }
    table_print(&t);
    table_free(&t);
    printf("\nCPR %.4f (by score), CMD %.4f (by |effect|), as MIB has them\n", c->cpr, c->cmd);
}

static void print_points(const char *key, const pc_curve_point *points)
{
    json_begin(key, '[');
    for (int i = 0; i < PC_CURVE_POINTS; i++) {
        json_begin(NULL, '{');
        json_number("share", points[i].share);
        json_integer("n", points[i].n);
        json_integer("kept", points[i].n_kept);
        json_number("faithfulness", points[i].faithfulness);
        json_end('}');
    }
    json_end(']');
}

static void print_curve_json(const pc_curve *c)
{
    json_begin(NULL, '{');
    print_points("by_score", c->by_score);
    print_points("by_strength", c->by_strength);
    json_number("cpr", c->cpr);
    json_number("cmd", c->cmd);
    json_end('}');
}

typedef pc_status (*curve_writer)(const pc_curve *curve, const char *path,
                                  const pc_curve_labels *labels);

static curve_writer curve_writer_for(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (dot && strcmp(dot, ".svg") == 0) return pc_curve_write_svg;
    return dot && strcmp(dot, ".pdf") == 0 ? pc_curve_write_pdf : NULL;
}

static pc_status draw_curve(const pc_curve *curve, const evaluated *e, const pc_task *task)
{
    const pc_curve_labels labels = {.model = pc_circuit_describe_model(e->circuit)->name,
                                    .task = pc_task_name(task),
                                    .metric = pc_metric_name(e->options->metric),
                                    .source = pc_source_name(e->options->source),
                                    .direction = pc_direction_name(e->options->direction),
                                    .method = pc_circuit_option(e->circuit, "method"),
                                    .n = pc_task_n(task)};
    return curve_writer_for(e->words->output)(curve, e->words->output, &labels);
}

static pc_status evaluate_curve(const evaluated *e)
{
    pc_task *task = NULL;
    pc_curve curve;
    pc_status status = open_prompts(&task, e, e->words->prompts.split);
    if (status == PC_OK)
        status = pc_circuit_curve(&curve, e->circuit, e->m->model, task, e->options);
    if (status == PC_OK && e->words->output) status = draw_curve(&curve, e, task);
    if (status == PC_OK && e->words->is_json) print_curve_json(&curve);
    if (status == PC_OK && !e->words->is_json) print_curve(&curve);
    pc_task_free(task);
    return status;
}

/* ---- the truth ---- */

static void print_judgement(const pc_judgement *j)
{
    if (isnan(j->auroc))
        printf("AUROC      undefined: %lld of %lld edges are true\n", (long long)j->n_true,
               (long long)j->n_all);
    else printf("AUROC      %.4f of the ranking by |effect|\n", j->auroc);
    printf("circuit    %lld of the %lld true edges, and %lld of the %lld others\n",
           (long long)j->n_both, (long long)j->n_true, (long long)(j->n_kept - j->n_both),
           (long long)(j->n_all - j->n_true));
}

static void print_judgement_json(const pc_judgement *j)
{
    json_begin(NULL, '{');
    json_number("auroc", j->auroc);
    json_integer("edges", j->n_all);
    json_integer("true", j->n_true);
    json_integer("kept", j->n_kept);
    json_integer("both", j->n_both);
    json_end('}');
}

static pc_status judge(const evaluated *e)
{
    pc_circuit *truth = NULL;
    pc_judgement j;
    pc_status status = pc_circuit_import(&truth, e->words->truth_path, e->m->model);
    if (status == PC_OK) status = pc_circuit_judge(&j, e->circuit, truth);
    if (status == PC_OK && e->words->is_json) print_judgement_json(&j);
    if (status == PC_OK && !e->words->is_json) print_judgement(&j);
    pc_circuit_free(truth);
    return status;
}

static pc_status evaluate(const evaluated *e)
{
    const pc_status status = take_granularity(e->m->model, e->circuit);
    if (status != PC_OK) return status;
    if (e->words->truth) return judge(e);
    if (e->words->is_minimality) return evaluate_minimality(e);
    if (e->words->is_completeness) return evaluate_completeness(e);
    if (e->words->is_curve) return evaluate_curve(e);
    if (e->words->is_tests) return evaluate_tests(e);
    return is_all_splits(e->words) || e->words->is_both ? evaluate_rows(e) : evaluate_one(e);
}

/* ---- the command ---- */

static const command_usage usage = {
    "eval", "CIRCUIT.json|DIR",
    "Runs the model with everything outside the circuit cut, and prints how much of the behaviour "
    "is left, with\n"
    "an interval, beside what is left without the circuit and what random circuits of its size "
    "keep. "
    "Source,\n"
    "direction and metric are the circuit's own unless given; the prompts are those of --task, "
    "which need not be\n"
    "the ones that the circuit was found on. Side by side:\n"
    "--split all puts train, test and ood, --direction both noise and denoise.",
    "patchclamp eval out/demo/circuit.json --model demo --task induction --split all", 1};

static parse_outcome parse(eval_words *w, int argc, char **argv)
{
    option_row rows[32] = {{0}}, *next = rows;
    *next++ =
        (option_row){"model", 'm', OPTION_TEXT, &w->model, "MODEL", "the circuit's model", 0, 0};
    *next++ = (option_row){
        "task", 't', OPTION_TEXT, &w->task, "T", "a built-in task's name, or a task file", 0, 0};
    *next++ = (option_row){"minimality",
                           0,
                           OPTION_FLAG,
                           &w->is_minimality,
                           "",
                           "what each component's removal costs instead",
                           0,
                           0};
    *next++ = (option_row){
        "completeness",
        0,
        OPTION_FLAG,
        &w->is_completeness,
        "",
        "what the circuit lacks of the model, both without parts of the circuit, instead",
        0,
        0};
    *next++ = (option_row){"tests",     0,
                           OPTION_FLAG, &w->is_tests,
                           "",          "equivalence, independence and minimality tested instead",
                           0,           0};
    *next++ = (option_row){
        "curve",
        0,
        OPTION_FLAG,
        &w->is_curve,
        "",
        "faithfulness of the first 0.1 % to 100 % of the ranking instead, with CPR and CMD",
        0,
        0};
    *next++ = (option_row){"output",   'o',    OPTION_TEXT,
                           &w->output, "FILE", "with --curve: its figure, .svg or .pdf",
                           0,          0};
    *next++ = (option_row){"truth",
                           0,
                           OPTION_TEXT,
                           &w->truth,
                           "T",
                           "hold it against these edges instead: a file (convert --help), "
                           "docstring, greater-than or ioi",
                           0,
                           0};
    *next++ = (option_row){"json", 0, OPTION_FLAG, &w->is_json, "", "print one JSON value", 0, 0};
    next = add_bos_option(add_prompt_options(next, &w->prompts), &w->bos);
    add_measure_options(next, &w->measure);
    return options_parse(rows, &w->path, &usage, argc, argv);
}

static int check_output(const eval_words *w)
{
    char in_directory[CIRCUIT_PATH_BYTES];
    if (!w->is_curve) complain("eval", "-o is the figure of --curve, which is not asked for");
    else if (!curve_writer_for(w->output))
        complain("eval", "-o is \"%s\", expected a name that ends in .svg or .pdf", w->output);
    else if (is_same_file(circuit_path(in_directory, w->path), w->output) ||
             (w->task && is_same_file(w->task, w->output)))
        complain("eval", "the output \"%s\" is the input", w->output);
    else return EXIT_DONE;
    return EXIT_USAGE;
}

static int check(const eval_words *w)
{
    if (!w->model || !(w->task || w->truth)) {
        complain("eval", "expected --model MODEL and --task T; see patchclamp eval --help");
        return EXIT_USAGE;
    }
    const bool is_all = is_all_splits(w);
    const int n_others =
        w->is_minimality + w->is_completeness + w->is_curve + w->is_tests + (w->truth != NULL);
    if (n_others + is_all > 1) {
        complain(
            "eval",
            "give one of --minimality, --completeness, --curve, --tests, --truth and --split all");
        return EXIT_USAGE;
    }
    if (w->is_both && n_others) {
        complain("eval", "--direction both is for the faithfulness alone, with or without --split");
        return EXIT_USAGE;
    }
    if (w->output && check_output(w) != EXIT_DONE) return EXIT_USAGE;
    if (w->task && w->truth) {
        complain("eval", "--truth looks at the ranking alone: it takes no --task");
        return EXIT_USAGE;
    }
    return w->task ? check_prompt_words(&w->prompts, w->task, "eval") : EXIT_DONE;
}

/* With the circuit read and the options complete. */
static int run(const eval_words *w, const pc_circuit *circuit, pc_evaluator_options *options,
               pc_bos_rule bos_rule)
{
    measure_words words = w->measure;
    opened_model m = {0};
    take_recorded(&words, circuit);
    int code = read_measure_words(options, &words, "eval");
    if (code == EXIT_USAGE) return EXIT_BAD_INPUT; /* the file's words */
    stop_on_signals();
    if (code == EXIT_DONE) code = open_model(&m, w->model, "eval");
    if (code != EXIT_DONE) return code;
    m.bos_rule = bos_rule;
    const pc_status status = evaluate(&(evaluated){circuit, &m, options, w});
    close_model(&m);
    if (status == PC_OK) return EXIT_DONE;
    if (status != PC_ERR_INTERRUPTED) return report("eval", status);
    complain("eval", "stopped; nothing is kept, the same command begins anew");
    return EXIT_INTERRUPTED;
}

/* "both" is eval's own direction; the circuit's is the one that is read then. */
static void take_both(eval_words *w)
{
    w->is_both = w->measure.direction && strcmp(w->measure.direction, "both") == 0;
    if (w->is_both) w->measure.direction = NULL;
}

int cmd_eval(int argc, char **argv)
{
    eval_words w = {.prompts = PROMPT_WORDS_INIT, .measure = MEASURE_WORDS_INIT};
    char in_directory[CIRCUIT_PATH_BYTES], truth_room[CIRCUIT_PATH_BYTES];
    pc_bos_rule bos_rule;
    pc_circuit *circuit;
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.engine = PC_ENGINE_DELTA;
    const parse_outcome outcome = parse(&w, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    take_both(&w);
    int code = check(&w);
    if (code == EXIT_DONE && w.truth) code = find_truth(&w.truth_path, truth_room, w.truth, "eval");
    if (code == EXIT_DONE) code = read_bos(&bos_rule, w.bos, "eval");
    if (code == EXIT_DONE) code = read_measure_words(&options, &w.measure, "eval");
    if (code != EXIT_DONE) return code;
    const pc_status status = pc_circuit_read(&circuit, circuit_path(in_directory, w.path));
    if (status != PC_OK) return report("eval", status);
    code = run(&w, circuit, &options, bos_rule);
    pc_circuit_free(circuit);
    return code;
}
