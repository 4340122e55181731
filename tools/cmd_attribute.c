/* patchclamp attribute: direct logit attribution and the logit lens. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "open_model.h"
#include "same_file.h"
#include "shared_options.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const command_usage usage = {
    "attribute", "MODEL",
    "Prints what each component writes straight into the answers' logits on the clean prompts, "
    "through the\n"
    "final norm with its scale held (direct logit attribution), and the metric of the stream after "
    "each layer\n"
    "(logit lens). No intervention is made. A final softcap is left out.",
    "patchclamp attribute demo --task induction -n 16", 1};

typedef struct ranked {
    double strength;
    int index;
} ranked;

static int compare(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->strength != b->strength) return a->strength > b->strength ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void add_row(table *t, const pc_attribution_row *row, int n)
{
    table_cell(t, "%s", row->name);
    table_cell(t, "%+.4f", row->mean + 0.0);
    table_cell(t, "%g", row->mean);
    if (n > 1) table_cell(t, "%.4f", row->stderr_);
    else table_cell(t, "-"); /* one prompt says nothing about others */
}

static pc_status print_components(const pc_attribution *a, int64_t n_rows)
{
    const int n = pc_attribution_n(a);
    ranked *ranks = malloc((size_t)n * sizeof *ranks);
    if (!ranks) return PC_ERR_NOMEM;
    for (int i = 0; i < n; i++)
        ranks[i] = (ranked){fabs(pc_attribution_at(a, i).mean), i};
    qsort(ranks, (size_t)n, sizeof *ranks, compare);
    table t;
    table_begin(&t, "lrbr");
    table_cell(&t, "component"), table_cell(&t, "logits"), table_cell(&t, "%s", ""), table_cell(&t, "+-");
    for (int i = 0; i < n && i < n_rows; i++) {
        const pc_attribution_row row = pc_attribution_at(a, ranks[i].index);
        add_row(&t, &row, pc_attribution_n_prompts(a));
    }
    table_print(&t);
    table_free(&t);
    free(ranks);
    if (n > n_rows) printf("... and %lld more (--rows, --json)\n", (long long)(n - n_rows));
    return PC_OK;
}

static pc_status print_text(const pc_attribution *a, pc_metric metric, int64_t n_rows)
{
    const pc_status status = print_components(a, n_rows);
    const pc_attribution_row total = pc_attribution_total(a);
    if (status != PC_OK) return status;
    printf("\n");
    table t;
    table_begin(&t, "lrbr");
    table_cell(&t, "lens"), table_cell(&t, "logits"), table_cell(&t, "%s", ""), table_cell(&t, "+-");
    for (int i = pc_attribution_n_lens(a) - 1; i >= 0; i--) {
        const pc_attribution_row row = pc_attribution_lens(a, i);
        add_row(&t, &row, pc_attribution_n_prompts(a));
    }
    table_print(&t);
    table_free(&t);
    printf("\n%s %.4f, the sum of all components to %.1g; %d prompt%s\n", pc_metric_name(metric),
           total.mean, pc_attribution_gap(a), pc_attribution_n_prompts(a),
           pc_attribution_n_prompts(a) == 1 ? "" : "s");
    return PC_OK;
}

static void print_row(const pc_attribution_row *row, int n)
{
    json_begin(NULL, '{');
    json_text("name", row->name);
    json_number("mean", row->mean);
    json_number("stderr", row->stderr_);
    json_begin("values", '[');
    for (int p = 0; p < n; p++)
        json_number(NULL, row->values[p]);
    json_end(']');
    json_end('}');
}

static void print_json(const pc_attribution *a, pc_metric metric)
{
    const int n = pc_attribution_n_prompts(a);
    json_begin(NULL, '{');
    json_text("metric", pc_metric_name(metric));
    json_integer("n", n);
    json_number("total", pc_attribution_total(a).mean);
    json_number("gap", pc_attribution_gap(a));
    json_begin("components", '[');
    for (int i = 0; i < pc_attribution_n(a); i++) {
        const pc_attribution_row row = pc_attribution_at(a, i);
        print_row(&row, n);
    }
    json_end(']');
    json_begin("lens", '[');
    for (int i = 0; i < pc_attribution_n_lens(a); i++) {
        const pc_attribution_row row = pc_attribution_lens(a, i);
        print_row(&row, n);
    }
    json_end(']');
    json_end('}');
}

typedef struct attribute_words {
    const char *model, *task, *metric, *output, *bos;
    int64_t rows;
    bool is_json;
    prompt_words prompts;
} attribute_words;

static int run(const attribute_words *w, pc_metric metric, pc_bos_rule bos_rule)
{
    opened_model m;
    pc_task *task = NULL;
    pc_attribution *a = NULL;
    const pc_task_options task_options = task_options_of(&w->prompts);
    const int code = open_model(&m, w->model, "attribute");
    if (code != EXIT_DONE) return code;
    m.bos_rule = bos_rule;
    pc_status status = open_task(&task, w->task, &m, &task_options);
    if (status == PC_OK) status = pc_attribute(&a, m.model, task, metric);
    if (status == PC_OK && w->output) status = pc_attribution_write_csv(a, w->output);
    if (status == PC_OK && w->is_json) print_json(a, metric);
    if (status == PC_OK && !w->is_json) status = print_text(a, metric, w->rows);
    pc_attribution_free(a);
    pc_task_free(task);
    close_model(&m);
    return status == PC_OK ? EXIT_DONE : report("attribute", status);
}

int cmd_attribute(int argc, char **argv)
{
    attribute_words w = {.metric = "logit-diff", .rows = 25, .prompts = PROMPT_WORDS_INIT};
    pc_metric metric;
    pc_bos_rule bos_rule;
    option_row rows[32] = {{0}}, *next = rows;
    *next++ = (option_row){
        "task", 't', OPTION_TEXT, &w.task, "T", "a built-in task's name, or a task file", 0, 0};
    *next++ = (option_row){
        "metric", 0, OPTION_TEXT, &w.metric, "NAME", "logit-diff or logit (logit-diff)", 0, 0};
    *next++ = (option_row){
        "output", 'o', OPTION_TEXT, &w.output, "FILE.csv", "all rows, also as a table", 0, 0};
    *next++ = (option_row){
        "rows", 0, OPTION_INT, &w.rows, "N", "components on the terminal (25)", 0, 1 << 30};
    *next++ = (option_row){"json",     0,  OPTION_FLAG,
                           &w.is_json, "", "print one JSON value, with each prompt's numbers",
                           0,          0};
    add_bos_option(add_prompt_options(next, &w.prompts), &w.bos);
    const parse_outcome outcome = options_parse(rows, &w.model, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!w.task) {
        complain("attribute", "expected --task T; see patchclamp attribute --help");
        return EXIT_USAGE;
    }
    if (w.output && is_same_file(w.task, w.output)) {
        complain("attribute", "the task %s would be overwritten", w.task);
        return EXIT_USAGE;
    }
    int code = check_prompt_words(&w.prompts, w.task, "attribute");
    if (code == EXIT_DONE) code = read_bos(&bos_rule, w.bos, "attribute");
    if (code == EXIT_DONE && pc_metric_parse(&metric, w.metric) != PC_OK)
        return complain("attribute", "%s", pc_last_error()), EXIT_USAGE;
    return code == EXIT_DONE ? run(&w, metric, bos_rule) : code;
}
