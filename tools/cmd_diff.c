/* patchclamp diff: two circuits side by side. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "open_model.h"
#include "options.h"
#include "same_file.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct diff_words {
    const char *paths[2], *output, *title, *names;
    int64_t rows, max_edges;
    bool is_json, has_no_pruned, has_no_table;
} diff_words;

/* The two circuits, as they were read. */
typedef struct diff_pair {
    pc_circuit *circuits[2];
    pc_circuit_diff *diff;
} diff_pair;

static const char *const kinds[] = {"edges", "neurons", "components"};
static const char *const sides[] = {"both", "A", "B"};

static void name_of(char out[TABLE_CELL_BYTES], const pc_diff_row *row)
{
    snprintf(out, TABLE_CELL_BYTES, "%s%s%s", row->from, row->to ? "->" : "",
             row->to ? row->to : "");
}

/* ---- in which options they differ ---- */

static const char *const options_compared[] = {"level",     "method",        "source", "direction",
                                               "metric",    "profile",       "engine", "precision",
                                               "selection", "kv_granularity"};

static bool is_other(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") != 0;
}

static void print_difference(const char *what, const char *a, const char *b)
{
    printf("differ in  %s: %s, %s\n", what, a && *a ? a : "not recorded",
           b && *b ? b : "not recorded");
}

static void print_differences(const diff_pair *p)
{
    const pc_circuit_task *a = pc_circuit_describe_task(p->circuits[0]);
    const pc_circuit_task *b = pc_circuit_describe_task(p->circuits[1]);
    if (is_other(a->name, b->name)) print_difference("task", a->name, b->name);
    else if (is_other(a->sha256, b->sha256))
        printf("differ in  the prompts of %s: %lld, %lld\n", a->name, (long long)a->n,
               (long long)b->n);
    for (size_t i = 0; i < sizeof options_compared / sizeof *options_compared; i++) {
        const char *x = pc_circuit_option(p->circuits[0], options_compared[i]);
        const char *y = pc_circuit_option(p->circuits[1], options_compared[i]);
        if (is_other(x, y)) print_difference(options_compared[i], x, y);
    }
}

/* ---- on the terminal ---- */

static void print_effect(table *t, bool is_measured, double effect)
{
    if (is_measured) table_cell(t, "%+.4f", fabs(effect) < 0.00005 ? 0.0 : effect);
    else table_cell(t, "?");
}

static void print_rows(const diff_pair *p, int64_t most)
{
    const size_t n = pc_circuit_diff_n_rows(p->diff);
    table t;
    table_begin(&t, "llrr");
    table_cell(&t, "in"),
        table_cell(&t, "%.*s", (int)strlen(kinds[pc_circuit_diff_summary(p->diff)->kind]) - 1,
                   kinds[pc_circuit_diff_summary(p->diff)->kind]);
    table_cell(&t, "effect in A"), table_cell(&t, "in B");
    for (size_t i = 0; i < n && (int64_t)i < most; i++) {
        const pc_diff_row *row = pc_circuit_diff_row_at(p->diff, i);
        char name[TABLE_CELL_BYTES];
        name_of(name, row);
        table_cell(&t, "%s", sides[row->side]);
        table_cell(&t, "%s", name);
        print_effect(&t, row->is_measured_a, row->a);
        print_effect(&t, row->is_measured_b, row->b);
    }
    table_print(&t);
    table_free(&t);
    if ((int64_t)n > most) printf("... and %lld more (--rows)\n", (long long)n - (long long)most);
}

static void print_circuit_line(const diff_pair *p, int side, int64_t n, int64_t n_all)
{
    const pc_circuit_task *task = pc_circuit_describe_task(p->circuits[side]);
    const char *method = pc_circuit_option(p->circuits[side], "method");
    double faithfulness;
    printf("%c          %lld of %lld, %s on %s", "AB"[side], (long long)n, (long long)n_all,
           method ? method : "method not recorded", *task->name ? task->name : "no task");
    if (pc_circuit_evaluation(&faithfulness, p->circuits[side], "faithfulness"))
        printf(", faithfulness %.4f", faithfulness);
    printf("\n");
}

static void print_text(const diff_pair *p, int64_t most)
{
    const pc_diff_summary *s = pc_circuit_diff_summary(p->diff);
    print_rows(p, most);
    printf("\n");
    print_circuit_line(p, 0, s->n_a, s->n_all_a);
    print_circuit_line(p, 1, s->n_b, s->n_all_b);
    print_differences(p);
    printf("shared     %lld %s in both, %lld only in A, %lld only in B", (long long)s->n_both,
           kinds[s->kind], (long long)s->n_only_a, (long long)s->n_only_b);
    if (!isnan(s->jaccard)) printf("; Jaccard %.4f", s->jaccard);
    printf("\nranking    ");
    if (isnan(s->rank_correlation))
        printf("not comparable: %lld measured in both\n", (long long)s->n_ranked);
    else
        printf("correlation %.4f of |effect| (Spearman) over %lld %s measured in both\n",
               s->rank_correlation, (long long)s->n_ranked, kinds[s->kind]);
}

static void print_json_effect(const char *key, bool is_measured, double value)
{
    json_number(key, is_measured ? value : NAN);
}

static void print_json(const diff_pair *p)
{
    const pc_diff_summary *s = pc_circuit_diff_summary(p->diff);
    json_begin(NULL, '{');
    json_text("compared", kinds[s->kind]);
    json_integer("a", s->n_a);
    json_integer("b", s->n_b);
    json_integer("both", s->n_both);
    json_integer("only_a", s->n_only_a);
    json_integer("only_b", s->n_only_b);
    json_number("jaccard", s->jaccard);
    json_number("rank_correlation", s->rank_correlation);
    json_integer("ranked", s->n_ranked);
    json_begin("rows", '[');
    for (size_t i = 0; i < pc_circuit_diff_n_rows(p->diff); i++) {
        const pc_diff_row *row = pc_circuit_diff_row_at(p->diff, i);
        char name[TABLE_CELL_BYTES];
        name_of(name, row);
        json_begin(NULL, '{');
        json_text("name", name);
        json_text("in", sides[row->side]);
        print_json_effect("a", row->is_measured_a, row->a);
        print_json_effect("a_stderr", row->is_measured_a, row->a_stderr);
        print_json_effect("b", row->is_measured_b, row->b);
        print_json_effect("b_stderr", row->is_measured_b, row->b_stderr);
        json_end('}');
    }
    json_end(']');
    json_end('}');
}

/* ---- the figure ---- */

typedef pc_status (*writer)(const pc_circuit_diff *diff, const char *path, const char *const *names,
                            const pc_draw_options *options);

static writer writer_for(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (dot && strcmp(dot, ".svg") == 0) return pc_circuit_diff_write_svg;
    if (dot && strcmp(dot, ".pdf") == 0) return pc_circuit_diff_write_pdf;
    return NULL;
}

/* "exact,acdc": both names, cut at the comma. */
static pc_status write_figure(const diff_words *w, const diff_pair *p)
{
    pc_draw_options draw = PC_DRAW_OPTIONS_INIT;
    char first[256] = "";
    const char *names[2] = {NULL, NULL};
    if (w->names) {
        const size_t length = strcspn(w->names, ",");
        snprintf(first, sizeof first, "%.*s", (int)length, w->names);
        names[0] = first;
        names[1] = w->names + length + 1;
    }
    draw.title = w->title;
    draw.max_edges = (int)w->max_edges;
    draw.has_pruned = !w->has_no_pruned;
    draw.has_table = !w->has_no_table;
    return writer_for(w->output)(p->diff, w->output, names, &draw);
}

/* ---- the command ---- */

static int check(const diff_words *w, const char *const *inputs)
{
    if (w->output && !writer_for(w->output)) {
        complain("diff", "-o is \"%s\", expected a name that ends in .svg or .pdf", w->output);
        return EXIT_USAGE;
    }
    if (w->names && (!strchr(w->names, ',') || strchr(w->names, ',') == w->names)) {
        complain("diff", "--names is \"%s\", expected two names with a comma between them",
                 w->names);
        return EXIT_USAGE;
    }
    for (int side = 0; side < 2 && w->output; side++)
        if (is_same_file(inputs[side], w->output)) {
            complain("diff", "the output \"%s\" is the input", w->output);
            return EXIT_USAGE;
        }
    return EXIT_DONE;
}

static int run(const diff_words *w, diff_pair *p, const char *const *inputs)
{
    pc_status status = pc_circuit_read(&p->circuits[0], inputs[0]);
    if (status == PC_OK) status = pc_circuit_read(&p->circuits[1], inputs[1]);
    if (status == PC_OK) status = pc_circuit_diff_new(&p->diff, p->circuits[0], p->circuits[1]);
    if (status == PC_OK && w->output) status = write_figure(w, p);
    if (status == PC_OK && w->is_json) print_json(p);
    if (status == PC_OK && !w->is_json) print_text(p, w->rows);
    return status == PC_OK ? EXIT_DONE : report("diff", status);
}

int cmd_diff(int argc, char **argv)
{
    diff_words w = {.rows = 25, .max_edges = 150};
    char in_directory[2][CIRCUIT_PATH_BYTES];
    diff_pair p = {{NULL, NULL}, NULL};
    const option_row rows[] = {
        {"output", 'o', OPTION_TEXT, &w.output, "FILE", "a figure of both: .svg or .pdf", 0, 0},
        {"names", 0, OPTION_TEXT, &w.names, "A,B", "what the figure calls them", 0, 0},
        {"title", 0, OPTION_TEXT, &w.title, "TEXT", "the figure's title (Two circuits of MODEL)", 0,
         0},
        {"max-edges", 0, OPTION_INT, &w.max_edges, "N",
         "draw the N strongest, count the rest (150)", 0, 2000},
        {"no-pruned", 0, OPTION_FLAG, &w.has_no_pruned, "", "draw nothing that is in neither", 0,
         0},
        {"no-table", 0, OPTION_FLAG, &w.has_no_table, "", "leave out the figure's table", 0, 0},
        {"rows", 0, OPTION_INT, &w.rows, "N", "rows of the table on the terminal (25)", 0, 1 << 30},
        {"json", 0, OPTION_FLAG, &w.is_json, "", "print one JSON value instead of the table", 0, 0},
        {0}};
    const command_usage usage = {
        "diff", "A.json|DIR B.json|DIR",
        "Compares two circuits of one model: what is in both, only in A, only in B, with the "
        "effects "
        "that each\n"
        "file gives, the Jaccard index, and how alike the two rankings by |effect| are.",
        "patchclamp diff out/demo out/acdc -o diff.svg", 2};
    const parse_outcome outcome = options_parse(rows, w.paths, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    const char *inputs[2];
    for (int side = 0; side < 2; side++)
        inputs[side] = circuit_path(in_directory[side], w.paths[side]);
    int code = check(&w, inputs);
    if (code == EXIT_DONE) code = run(&w, &p, inputs);
    pc_circuit_diff_free(p.diff);
    pc_circuit_free(p.circuits[1]);
    pc_circuit_free(p.circuits[0]);
    return code;
}
