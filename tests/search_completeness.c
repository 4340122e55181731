/* Completeness: identities, and every row against circuits that are measured by themselves. */
#include "support/golden.h"

#include "graph/circuit_private.h"
#include "patchclamp/circuit.h"
#include "patchclamp/find.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct setting {
    pc_model *model;
    pc_task *task;
    pc_evaluator_options options;
} setting;

static setting open_setting(const char *name, pc_direction direction)
{
    setting s = {.model = golden_open(name), .options = PC_EVALUATOR_OPTIONS_INIT};
    json_t *golden = golden_read(name);
    s.task = golden_task(golden, s.model);
    json_decref(golden);
    s.options.direction = direction;
    s.options.n_threads = 1;
    s.options.metric = PC_METRIC_LOSS; /* whose ends lie apart in some of these models */
    return s;
}

static void close_setting(setting *s)
{
    pc_task_free(s->task);
    pc_model_free(s->model);
}

static pc_circuit *find_top(const setting *s, int64_t top, pc_level level)
{
    pc_circuit *circuit;
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.evaluation = s->options;
    o.level = level;
    o.selection = PC_SELECT_TOP;
    o.top = top;
    cr_assert_eq(pc_find(&circuit, s->model, s->task, &o), PC_OK, "%s", pc_last_error());
    return circuit;
}

/* Golden tasks are small and random models' metrics noisy: some have no scale. */
static bool measure(pc_completeness **rows, int64_t *n, const setting *s, const pc_circuit *circuit)
{
    const pc_status status =
        pc_circuit_completeness(rows, n, circuit, s->model, s->task, &s->options);
    if (status == PC_OK) return true;
    cr_assert(strstr(pc_last_error(), "two standard errors"), "%s", pc_last_error());
    cr_assert_null(*rows);
    return false;
}

Test(search_completeness, of_everything_nothing_is_missing)
{
    int n_checked = 0;
    for (int i = 0; i < 2 * N_GOLDEN_MODELS; i++) {
        setting s = open_setting(golden_models[i / 2], (pc_direction)(i % 2));
        pc_circuit *all = find_top(&s, INT64_MAX, PC_LEVEL_NODE);
        pc_completeness *rows;
        int64_t n;
        if (measure(&rows, &n, &s, all)) {
            n_checked++;
            for (int64_t r = 0; r < n; r++) {
                cr_expect(rows[r].gap == 0 && rows[r].low == 0 && rows[r].high == 0, "%s: %s %g",
                          golden_models[i / 2], rows[r].name, rows[r].gap);
                cr_expect(rows[r].kind != PC_REMOVED_GREEDY, "nothing makes 0 larger");
            }
            cr_expect(rows[0].circuit == 1 && rows[0].model == 1);
            free(rows);
        }
        pc_circuit_free(all);
        close_setting(&s);
    }
    cr_expect(n_checked >= 4, "only %d of the models have a scale", n_checked);
}

/* ---- rows, measured again ---- */

static double faithfulness_of(const setting *s, pc_circuit *circuit, const bool *kept)
{
    bool before[4096];
    pc_faithfulness f;
    cr_assert(circuit->n_edges <= sizeof before);
    for (size_t i = 0; i < circuit->n_edges; i++) {
        before[i] = circuit->edges[i].in_circuit;
        circuit->edges[i].in_circuit = kept[i];
    }
    cr_assert_eq(pc_circuit_evaluate(&f, circuit, s->model, s->task, &s->options), PC_OK, "%s",
                 pc_last_error());
    for (size_t i = 0; i < circuit->n_edges; i++)
        circuit->edges[i].in_circuit = before[i];
    return f.faithfulness;
}

/* f(C \ K) and f(M \ K) for a set of edges. */
static void measure_set(double out[2], const setting *s, pc_circuit *circuit, const bool *removed)
{
    bool kept[2][4096];
    for (size_t i = 0; i < circuit->n_edges; i++) {
        kept[0][i] = circuit->edges[i].in_circuit && !removed[i];
        kept[1][i] = !removed[i];
    }
    for (int which = 0; which < 2; which++)
        out[which] = faithfulness_of(s, circuit, kept[which]);
}

static void check_row(const setting *s, pc_circuit *circuit, const pc_completeness *row,
                      const bool *removed)
{
    double expected[2];
    int64_t n = 0;
    measure_set(expected, s, circuit, removed);
    for (size_t i = 0; i < circuit->n_edges; i++)
        n += removed[i] && circuit->edges[i].in_circuit;
    cr_expect_eq(row->n, n, "%s", row->name);
    cr_expect(fabs(row->circuit - expected[0]) < 1e-9 && fabs(row->model - expected[1]) < 1e-9,
              "%s %s: %g %g, expected %g %g", pc_removed_name(row->kind), row->name, row->circuit,
              row->model, expected[0], expected[1]);
    cr_expect(fabs(row->gap - (row->circuit - row->model)) < 1e-9, "%s", row->name);
    cr_expect(row->low <= row->gap + 1e-9 && row->gap <= row->high + 1e-9, "%s: %g in %g to %g",
              row->name, row->gap, row->low, row->high);
}

static bool is_edge(const pc_circuit_edge *edge, const char *name)
{
    const size_t length = strlen(edge->from);
    return strncmp(name, edge->from, length) == 0 && strncmp(name + length, "->", 2) == 0 &&
           strcmp(name + length + 2, edge->to) == 0;
}

/* The greedy step's component is added to `removed`; no other would have made a larger gap. */
static void check_step(const setting *s, pc_circuit *circuit, const pc_completeness *row,
                       bool *removed)
{
    size_t chosen = circuit->n_edges;
    for (size_t i = 0; i < circuit->n_edges; i++) {
        double both[2];
        if (!circuit->edges[i].in_circuit || removed[i]) continue;
        if (is_edge(&circuit->edges[i], row->name)) chosen = i;
        removed[i] = true;
        measure_set(both, s, circuit, removed);
        removed[i] = false;
        cr_expect(fabs(both[0] - both[1]) <= fabs(row->gap) + 1e-9, "%s->%s has %g, %s %g",
                  circuit->edges[i].from, circuit->edges[i].to, both[0] - both[1], row->name,
                  row->gap);
    }
    cr_assert(chosen < circuit->n_edges, "no edge %s to remove", row->name);
    removed[chosen] = true;
    check_row(s, circuit, row, removed);
}

static int check_rows(const setting *s, pc_circuit *circuit, const pc_completeness *rows, int64_t n)
{
    bool removed[4096] = {0}, steps[4096] = {0};
    int n_steps = 0, n_random = 0, n_of_circuit = 0;
    check_row(s, circuit, &rows[0], removed);
    cr_expect_eq(rows[0].kind, PC_REMOVED_NOTHING);
    cr_expect(rows[0].model == 1);
    for (size_t i = 0; i < circuit->n_edges; i++)
        n_of_circuit += circuit->edges[i].in_circuit;
    for (int64_t r = 1; r < n; r++) {
        if (rows[r].kind == PC_REMOVED_PART) {
            for (size_t i = 0; i < circuit->n_edges; i++)
                removed[i] = strcmp(circuit->edges[i].from, rows[r].name) == 0;
            check_row(s, circuit, &rows[r], removed);
        }
        if (rows[r].kind == PC_REMOVED_GREEDY) {
            cr_expect(fabs(rows[r].gap) > fabs(rows[n_steps ? r - 1 : 0].gap));
            check_step(s, circuit, &rows[r], steps);
            n_steps++;
        }
        if (rows[r].kind == PC_REMOVED_RANDOM) n_random++;
        cr_expect(rows[r].n <= n_of_circuit);
    }
    cr_expect_eq(n_random, 20);
    return n_steps;
}

Test(search_completeness, every_row_is_what_its_two_circuits_keep)
{
    int n_checked = 0, n_steps = 0;
    for (int i = 0; i < 2 * N_GOLDEN_MODELS && n_checked < 8; i++) {
        setting s = open_setting(golden_models[i / 2], (pc_direction)(i % 2));
        pc_circuit *circuit = find_top(&s, 10, PC_LEVEL_EDGE);
        pc_completeness *rows;
        int64_t n;
        if (measure(&rows, &n, &s, circuit)) {
            n_steps += check_rows(&s, circuit, rows, n);
            n_checked++;
            free(rows);
        }
        pc_circuit_free(circuit);
        close_setting(&s);
    }
    cr_expect(n_checked >= 4, "only %d models have a scale", n_checked);
    cr_expect(n_steps >= 4, "only %d greedy steps", n_steps);
}

/* Heads that circuit.json gives one role are removed together. */
Test(search_completeness, a_role_is_all_its_heads)
{
    int n_checked = 0;
    for (int i = 0; i < N_GOLDEN_MODELS && n_checked < 2; i++) {
        setting s = open_setting(golden_models[i], PC_DIRECTION_NOISE);
        pc_circuit *circuit = find_top(&s, INT64_MAX, PC_LEVEL_EDGE);
        pc_completeness *rows;
        int64_t n;
        bool removed[4096] = {0};
        int n_heads = 0;
        for (size_t k = 0; k < circuit->n_nodes; k++) {
            const bool is_one = circuit->nodes[k].name[0] == 'a' && n_heads < 2;
            circuit->nodes[k].role = is_one ? "tested" : NULL;
            for (size_t e = 0; is_one && e < circuit->n_edges; e++)
                removed[e] |= strcmp(circuit->edges[e].from, circuit->nodes[k].name) == 0;
            n_heads += is_one;
        }
        circuit->edges[circuit->n_edges - 1].in_circuit = false;
        if (n_heads == 2 && measure(&rows, &n, &s, circuit)) {
            int n_rows = 0;
            for (int64_t r = 0; r < n; r++) {
                if (rows[r].kind != PC_REMOVED_ROLE) continue;
                cr_expect_str_eq(rows[r].name, "tested");
                check_row(&s, circuit, &rows[r], removed);
                n_rows++;
            }
            cr_expect_eq(n_rows, 1, "%s", golden_models[i]);
            n_checked++;
            free(rows);
        }
        pc_circuit_free(circuit);
        close_setting(&s);
    }
    cr_expect_eq(n_checked, 2);
}
