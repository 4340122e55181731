/* patchclamp bench: ceilings of the device, its operators and a sweep beside them; what each
 * precision loses. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "open_model.h"
#include "shared_options.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const command_usage usage_speed = {"bench", "MODEL",
                                          "Times the device's copy and products, every operator of "
                                          "the delta engine at the model's sizes, "
                                          "and a sweep\n"
                                          "over some of its edges: each beside the ceiling. "
                                          "`patchclamp bench precision MODEL` tells what "
                                          "each\n"
                                          "precision loses.",
                                          "patchclamp bench demo --task induction --every 10", 1};

static const command_usage usage_precision = {
    "bench precision", "MODEL",
    "Measures some of the model's edges in every precision and compares them with the twin's, in "
    "double. The CPU\n"
    "simulates precisions below float32: their error is that of a GPU, their time is not.",
    "patchclamp bench precision demo --task induction -n 8", 1};

typedef struct bench_words {
    const char *model, *task, *bos;
    int64_t edges, every, milliseconds;
    bool is_json;
    prompt_words prompts;
    measure_words measure;
} bench_words;

/* What both need. */
typedef struct bench_setting {
    opened_model m;
    pc_task *task;
    pc_evaluator_options options;
} bench_setting;

static void close_setting(bench_setting *s)
{
    pc_task_free(s->task);
    close_model(&s->m);
}

static int open_setting(bench_setting *out, const bench_words *w, const char *command)
{
    const pc_task_options task_options = task_options_of(&w->prompts);
    pc_bos_rule bos_rule;
    *out = (bench_setting){.options = PC_EVALUATOR_OPTIONS_INIT};
    out->options.engine = PC_ENGINE_DELTA;
    int code = check_prompt_words(&w->prompts, w->task, command);
    if (code == EXIT_DONE) code = read_bos(&bos_rule, w->bos, command);
    if (code == EXIT_DONE) code = read_measure_words(&out->options, &w->measure, command);
    if (code == EXIT_DONE && out->options.engine != PC_ENGINE_DELTA) {
        complain(command, "it is the delta engine that is timed, not the twin");
        code = EXIT_USAGE;
    }
    if (code == EXIT_DONE) code = open_model(&out->m, w->model, command);
    if (code != EXIT_DONE) return code;
    out->m.bos_rule = bos_rule;
    const pc_status status = open_task(&out->task, w->task, &out->m, &task_options);
    if (status == PC_OK) return EXIT_DONE;
    close_setting(out);
    return report(command, status);
}

/* ---- precision ---- */

static void print_precisions(const pc_bench_precision *rows)
{
    table t;
    table_begin(&t, "lrrrrrr");
    table_cell(&t, "precision"), table_cell(&t, "rms error"), table_cell(&t, "worst"),
        table_cell(&t, "of the effects"), table_cell(&t, "ranks agree"), table_cell(&t, "again"),
        table_cell(&t, "seconds");
    for (int i = 0; i < PC_N_PRECISIONS; i++) {
        table_cell(&t, "%s", pc_precision_name(rows[i].precision));
        table_cell(&t, "%.2g", rows[i].rms_error);
        table_cell(&t, "%.2g", rows[i].worst_error);
        if (rows[i].rms_effect > 0) table_cell(&t, "%.2g", rows[i].rms_error / rows[i].rms_effect);
        else table_cell(&t, "-");
        if (isnan(rows[i].agreement)) table_cell(&t, "-");
        else table_cell(&t, "%.6f", rows[i].agreement);
        table_cell(&t, "%lld", (long long)rows[i].n_again);
        table_cell(&t, "%.2f", rows[i].seconds);
    }
    table_print(&t);
    table_free(&t);
}

static void print_precisions_json(const pc_bench_precision *rows)
{
    json_begin(NULL, '[');
    for (int i = 0; i < PC_N_PRECISIONS; i++) {
        json_begin(NULL, '{');
        json_text("precision", pc_precision_name(rows[i].precision));
        json_integer("n", rows[i].n_effects);
        json_number("rms_effect", rows[i].rms_effect);
        json_number("rms_error", rows[i].rms_error);
        json_number("worst_error", rows[i].worst_error);
        json_number("agreement", rows[i].agreement);
        json_integer("again", rows[i].n_again);
        json_number("seconds", rows[i].seconds);
        json_end('}');
    }
    json_end(']');
}

static int run_precision(const bench_words *w)
{
    bench_setting s;
    pc_bench_precision rows[PC_N_PRECISIONS];
    const int code = open_setting(&s, w, "bench precision");
    if (code != EXIT_DONE) return code;
    const pc_status status =
        pc_bench_precision_run(rows, s.m.model, s.task, &s.options, (int)w->edges);
    if (status == PC_OK && w->is_json) print_precisions_json(rows);
    if (status == PC_OK && !w->is_json) {
        print_precisions(rows);
        printf("\n%d effects of %s, rms %.3g; on %s\n", rows[0].n_effects, s.m.info->name,
               rows[0].rms_effect, s.options.device ? s.options.device : "cpu");
    }
    close_setting(&s);
    return status == PC_OK ? EXIT_DONE : report("bench precision", status);
}

/* ---- speed ---- */

static void print_operators(const pc_bench_device *d)
{
    table t;
    table_begin(&t, "lrrrr");
    table_cell(&t, "operator"), table_cell(&t, "us a call"), table_cell(&t, "GFLOP/s"),
        table_cell(&t, "GB/s"), table_cell(&t, "of the ceiling");
    for (int i = 0; i < d->n_rows; i++) {
        const pc_bench_row *r = &d->rows[i];
        const double flops = r->flop / r->seconds, bytes = r->bytes / r->seconds;
        table_cell(&t, "%s", r->name);
        table_cell(&t, "%.1f", 1e6 * r->seconds);
        if (r->flop > 0) table_cell(&t, "%.1f", 1e-9 * flops);
        else table_cell(&t, "-");
        table_cell(&t, "%.1f", 1e-9 * bytes);
        table_cell(&t, "%.0f%%",
                   100 * (r->flop > 0 ? flops / d->product_rate : bytes / d->copy_rate));
    }
    table_print(&t);
    table_free(&t);
}

/* The floor is that of one queue's products: other queues may run beside it. */
static void print_sweep(const pc_bench_sweep *s, const pc_bench_device *d)
{
    const double rate = s->flop_measured / s->seconds_measured;
    printf("\nsweep  %lld of %lld edges on %d prompts in %.3f s: %.1f GFLOP/s, %.0f%% of the "
           "fastest product\n",
           (long long)s->n_measured, (long long)s->n_edges, s->n_prompts, s->seconds_measured,
           1e-9 * rate, 100 * rate / d->product_rate);
    printf("all    %.4g FLOP: %.2f s at that rate, %.2f s if products alone were computed\n",
           s->flop, s->flop / rate, s->flop / d->product_rate);
}

static void print_speed_json(const pc_bench_device *d, const pc_bench_sweep *s)
{
    json_begin(NULL, '{');
    json_text("device", d->device);
    json_integer("batch_rows", d->batch_rows);
    json_number("copy_rate", d->copy_rate);
    json_number("product_rate", d->product_rate);
    json_begin("operators", '[');
    for (int i = 0; i < d->n_rows; i++) {
        json_begin(NULL, '{');
        json_text("name", d->rows[i].name);
        json_number("seconds", d->rows[i].seconds);
        json_number("flop", d->rows[i].flop);
        json_number("bytes", d->rows[i].bytes);
        json_end('}');
    }
    json_end(']');
    json_begin("sweep", '{');
    json_integer("edges", s->n_edges);
    json_integer("measured", s->n_measured);
    json_integer("prompts", s->n_prompts);
    json_number("flop_measured", s->flop_measured);
    json_number("seconds_measured", s->seconds_measured);
    json_number("flop", s->flop);
    json_number("floor", s->flop / d->product_rate);
    json_number("predicted", s->flop * s->seconds_measured / s->flop_measured);
    json_end('}');
    json_end('}');
}

static int run_speed(const bench_words *w)
{
    bench_setting s;
    pc_bench_device device;
    pc_bench_sweep sweep;
    const int code = open_setting(&s, w, "bench");
    if (code != EXIT_DONE) return code;
    pc_status status = pc_bench_device_run(&device, s.m.model, &s.options, pc_task_longest(s.task),
                                           1e-3 * (double)w->milliseconds);
    if (status == PC_OK)
        status = pc_bench_sweep_run(&sweep, s.m.model, s.task, &s.options, w->every);
    if (status == PC_OK && w->is_json) print_speed_json(&device, &sweep);
    if (status == PC_OK && !w->is_json) {
        printf("%s, batches of %lld rows, prompts of up to %d tokens, %s; one queue\n\n",
               device.device, (long long)device.batch_rows, pc_task_longest(s.task),
               pc_precision_name(s.options.precision));
        print_operators(&device);
        print_sweep(&sweep, &device);
    }
    close_setting(&s);
    return status == PC_OK ? EXIT_DONE : report("bench", status);
}

int cmd_bench(int argc, char **argv)
{
    bench_words w = {.task = "induction",
                     .edges = 200,
                     .every = 50,
                     .milliseconds = 500,
                     .prompts = PROMPT_WORDS_INIT,
                     .measure = MEASURE_WORDS_INIT};
    const bool is_precision = argc > 1 && strcmp(argv[1], "precision") == 0;
    option_row rows[32] = {{0}}, *next = rows;
    *next++ = (option_row){"task",  't', OPTION_TEXT,
                           &w.task, "T", "a built-in task's name, or a task file (induction)",
                           0,       0};
    *next++ =
        is_precision
            ? (option_row){"edges", 'e',    OPTION_INT, &w.edges, "N", "edges to compare (200)",
                           1,       1 << 24}
            : (option_row){"every", 0, OPTION_INT, &w.every, "K", "measure every K-th edge (50)", 1,
                           1 << 24};
    *next++ = (option_row){"json", 0, OPTION_FLAG, &w.is_json, "", "print one JSON value", 0, 0};
    if (!is_precision)
        *next++ = (option_row){
            "ms", 0,    OPTION_INT, &w.milliseconds, "N", "how long each operator is timed (500)",
            1,    60000};
    next = add_prompt_options(next, &w.prompts);
    next = add_bos_option(next, &w.bos);
    add_measure_options(next, &w.measure);
    const parse_outcome outcome =
        options_parse(rows, &w.model, is_precision ? &usage_precision : &usage_speed,
                      argc - is_precision, argv + is_precision);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    return is_precision ? run_precision(&w) : run_speed(&w);
}
