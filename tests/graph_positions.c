/* Effects by position as files: a heat map legible by measurement that says what it leaves out, a
 * table that reads back. */
#include "support/graph_samples.h"
#include "support/legible.h"

#include "base/memory.h"
#include "graph/positions_private.h"
#include "graph/grid_private.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum row_kind { ROWS_OF_EDGES, ROWS_OF_LONG_EDGES, ROWS_OF_NODES } row_kind;

typedef struct sample_table {
    const char *name;
    pc_positions_of of;
    row_kind kind;
    int n_rows, n_columns;
    double scale; /* of the effects; 0: all are 0 */
} sample_table;

static const sample_table tables[] = {
    {"13 edges, 12 positions", PC_POSITIONS_OF_CIRCUIT, ROWS_OF_EDGES, 13, 12, 4},
    {"one cell", PC_POSITIONS_OF_CIRCUIT, ROWS_OF_NODES, 1, 1, 1},
    {"60 edges, 15 positions", PC_POSITIONS_OF_CIRCUIT, ROWS_OF_EDGES, 60, 15, 0.02},
    {"60 edges, 64 positions", PC_POSITIONS_OF_CIRCUIT, ROWS_OF_EDGES, 60, 64, 3},
    {"61 edges, 300 positions", PC_POSITIONS_OF_CIRCUIT, ROWS_OF_LONG_EDGES, 61, 300, 3},
    {"500 nodes", PC_POSITIONS_OF_ALL, ROWS_OF_NODES, 500, 20, 123},
    {"long names", PC_POSITIONS_OF_ALL, ROWS_OF_LONG_EDGES, 9, 5, 1},
    {"nothing has an effect", PC_POSITIONS_OF_CIRCUIT, ROWS_OF_EDGES, 4, 6, 0},
    {"no component", PC_POSITIONS_OF_CIRCUIT, ROWS_OF_EDGES, 0, 12, 1},
};
enum { N_TABLES = sizeof tables / sizeof *tables };

static void put_row_name(char out[64], row_kind kind, int i)
{
    if (kind == ROWS_OF_NODES) snprintf(out, 64, "a%d.h%d", i / 12, i % 12);
    else if (kind == ROWS_OF_EDGES) snprintf(out, 64, "input->a%d.h%d<k>", i / 12, i % 12);
    else snprintf(out, 64, "a%d.h127->a127.h%d<q>", i, 100 + i % 27);
}

/* Row r is strongest at column r % n_columns; the first column is untouched where there are more.
 */
static pc_position_effects *make_effects(const sample_table *t)
{
    static const char *const tokens[] = {" Mary", " and", NULL, "<|endoftext|>"};
    pc_position_effects *p;
    char name[64];
    cr_assert_eq(pc_position_effects_new(&p, t->of, t->n_rows, t->n_columns), PC_OK);
    for (int row = 0; row < t->n_rows; row++) {
        put_row_name(name, t->kind, row);
        cr_assert_eq(pc_position_effects_set_name(p, row, name), PC_OK);
    }
    for (int column = 0; column < t->n_columns; column++) {
        snprintf(name, sizeof name, "%d", column);
        const pc_grid_position made = {name, tokens[column % 4], NULL};
        cr_assert_eq(pc_grid_position_copy(&p->columns[column], &made), PC_OK);
    }
    for (int i = 0; i < t->n_rows * t->n_columns; i++) {
        const int row = i / t->n_columns, column = i % t->n_columns;
        const bool is_untouched = column == 0 && t->n_columns > 1;
        const double size = column == row % t->n_columns ? 1 + row : 0.1 / (1 + row);
        p->cells[i] = (pc_grid_cell){
            is_untouched ? 0 : t->scale * (column % 2 ? -size : size) / (1 + t->n_rows),
            is_untouched ? 0 : 0.01 * t->scale, is_untouched};
    }
    return p;
}

static pc_circuit *sample(const sample_table *t)
{
    pc_circuit *c = sample_induction();
    const char *level = t->kind == ROWS_OF_NODES ? "node" : "edge";
    cr_assert_eq(pc_circuit_set_option(c, "level", level), PC_OK);
    c->positions = make_effects(t);
    return c;
}

Test(graph_positions, labels_never_overlap)
{
    for (int i = 0; i < N_TABLES; i++) {
        pc_circuit *c = sample(&tables[i]);
        pc_figure figure = {0};
        cr_assert_eq(pc_draw_positions(&figure, c), PC_OK, "%s", pc_last_error());
        const int n_texts = legible_expect(&figure, tables[i].name);
        cr_expect(n_texts >= 3, "%s: only %d texts", tables[i].name, n_texts);
        pc_figure_free(&figure);
        pc_circuit_free(c);
    }
}

static int count_texts(const pc_figure *figure, const char *part)
{
    int n = 0;
    for (size_t i = 0; i < figure->n_marks; i++)
        n += figure->marks[i].kind == PC_MARK_TEXT &&
             strstr(pc_figure_words(figure, figure->marks[i].text), part) != NULL;
    return n;
}

/* Every row has its name, however many columns there are. */
Test(graph_positions, every_row_is_named)
{
    for (int i = 0; i < 5; i++) {
        pc_circuit *c = sample(&tables[i]);
        pc_figure figure = {0};
        const int n = tables[i].n_rows < 60 ? tables[i].n_rows : 60;
        cr_assert_eq(pc_draw_positions(&figure, c), PC_OK);
        const char *part = tables[i].kind == ROWS_OF_NODES ? "a0.h0" : " \xe2\x86\x92 a";
        cr_expect_eq(count_texts(&figure, part), n, "%s: %d names", tables[i].name,
                     count_texts(&figure, part));
        pc_figure_free(&figure);
        pc_circuit_free(c);
    }
}

/* Later rows of these samples are stronger: of 500 the last 60 stand, in component order upwards.
 */
Test(graph_positions, the_weakest_are_left_out_and_counted)
{
    pc_circuit *c = sample(&tables[5]);
    pc_figure figure = {0};
    pc_text svg = {0};
    cr_assert_eq(pc_draw_positions(&figure, c), PC_OK);
    cr_assert_eq(pc_circuit_put_positions_svg(&svg, c), PC_OK);
    cr_expect_eq(count_texts(&figure, "a0.h"), 0, "a weak row is drawn");
    double last = INFINITY;
    int n = 0;
    for (size_t i = 0; i < figure.n_marks; i++) {
        const pc_mark *m = &figure.marks[i];
        int layer, head;
        if (m->kind != PC_MARK_TEXT ||
            sscanf(pc_figure_words(&figure, m->text), "a%d.h%d", &layer, &head) != 2)
            continue;
        cr_expect(m->y < last, "row %d is at %g, not above %g", n, m->y, last);
        last = m->y;
        n++;
    }
    cr_expect_eq(n, 60);
    pc_text caption = {0}; /* wrapped anywhere */
    for (size_t i = 0; i < figure.n_marks; i++)
        if (figure.marks[i].kind == PC_MARK_TEXT)
            pc_text_printf(&caption, "%s ", pc_figure_words(&figure, figure.marks[i].text));
    cr_expect(strstr(caption.data, "Rows are the 60 of all 500 nodes with the largest effect at a "
                                   "position; 440 are not drawn."),
              "%s", caption.data);
    cr_expect(strstr(svg.data, ": nodes by position, logit-diff, n = "));
    pc_text_free(&caption);
    pc_text_free(&svg);
    pc_figure_free(&figure);
    pc_circuit_free(c);
}

Test(graph_positions, the_table_reads_back_exactly)
{
    pc_circuit *c = sample(&tables[0]);
    const pc_position_effects *p = pc_circuit_positions(c);
    pc_text csv = {0};
    cr_assert_eq(pc_circuit_put_positions_csv(&csv, c), PC_OK);
    const char *line = csv.data;
    const char head[] = "kind,name,position,effect,stderr,n\n";
    cr_assert_eq(strncmp(line, head, sizeof head - 1), 0, "%.60s", line);
    for (int i = 0; i < 13 * 12; i++) {
        char name[64];
        int position, n;
        double effect, error;
        line = strchr(line, '\n') + 1;
        cr_assert_eq(
            sscanf(line, "edge,%63[^,],%d,%lf,%lf,%d", name, &position, &effect, &error, &n), 5,
            "%.60s", line);
        const pc_grid_cell *cell = pc_position_effects_cell(p, i / 12, i % 12);
        cr_expect_str_eq(name, pc_position_effects_name(p, i / 12));
        cr_expect_eq(position, i % 12);
        cr_expect(effect == cell->effect && error == cell->stderr_, "%.60s", line);
        cr_expect_eq(n, (int)pc_circuit_describe_task(c)->n);
    }
    cr_expect_str_eq(strchr(line, '\n'), "\n", "more lines than cells");
    pc_text_free(&csv);
    pc_circuit_free(c);
}

Test(graph_positions, a_circuit_without_positions_has_no_such_files)
{
    pc_circuit *c = sample_induction();
    pc_text text = {0};
    cr_expect_null(pc_circuit_positions(c));
    cr_expect_eq(pc_circuit_put_positions_csv(&text, c), PC_ERR_ARG);
    cr_expect_eq(pc_circuit_put_positions_svg(&text, c), PC_ERR_ARG);
    pc_text_free(&text);
    pc_circuit_free(c);
}

/* What circuit.json and scores.csv say does not depend on them. */
Test(graph_positions, the_circuits_own_files_do_not_hold_them)
{
    pc_circuit *with = sample(&tables[0]), *without = sample(&tables[0]);
    pc_position_effects_free(without->positions);
    without->positions = NULL;
    pc_text a = {0}, b = {0};
    cr_assert_eq(pc_circuit_put_json(&a, with), PC_OK);
    cr_assert_eq(pc_circuit_put_csv(&a, with), PC_OK);
    cr_assert_eq(pc_circuit_put_json(&b, without), PC_OK);
    cr_assert_eq(pc_circuit_put_csv(&b, without), PC_OK);
    cr_expect_str_eq(a.data, b.data);
    pc_text_free(&b);
    pc_text_free(&a);
    pc_circuit_free(without);
    pc_circuit_free(with);
}

Test(graph_positions, there_is_nothing_outside_the_table)
{
    pc_circuit *c = sample(&tables[6]);
    const pc_position_effects *p = pc_circuit_positions(c);
    cr_expect_null(pc_position_effects_name(p, -1));
    cr_expect_null(pc_position_effects_name(p, 9));
    cr_expect_null(pc_position_effects_column(p, 5));
    cr_expect_null(pc_position_effects_cell(p, 0, 5));
    cr_expect_null(pc_position_effects_cell(p, 9, 0));
    cr_expect(pc_position_effects_cell(p, 8, 4));
    pc_circuit_free(c);
}

/* One allocation after the other fails; nothing leaks, nothing crashes. */
Test(graph_positions, running_out_of_memory_is_reported_wherever_it_happens)
{
    pc_circuit *c = sample(&tables[0]);
    int64_t n = 0;
    for (pc_status status = PC_ERR_NOMEM; status == PC_ERR_NOMEM && n < 100000; n++) {
        pc_text text = {0};
        pc_alloc_fail_after(n);
        status = pc_circuit_put_positions_svg(&text, c);
        if (status == PC_OK) status = pc_circuit_put_positions_csv(&text, c);
        pc_alloc_fail_after(-1);
        cr_expect(status == PC_OK || status == PC_ERR_NOMEM, "allocation %lld: %s", (long long)n,
                  pc_last_error());
        pc_text_free(&text);
    }
    cr_expect(n > 100 && n < 100000, "%lld allocations", (long long)n);
    pc_circuit_free(c);
}
