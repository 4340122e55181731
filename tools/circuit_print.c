/* Printing circuits. */
#include "circuit_print.h"

#include "json_out.h"
#include "splits_print.h"
#include "table.h"
#include "threshold_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A ranked component, node, neuron or edge. */
typedef struct component {
    char name[128];
    const char *role;
    double effect, standard_error;
    bool in_circuit, is_untouched, is_measured;
    double p;         /* 0: not tested */
    double frequency; /* NaN: not known */
} component;

static bool is_of_edges(const pc_circuit *circuit)
{
    return pc_circuit_n_edges(circuit) > 0;
}

static const char *role_of(const pc_circuit *circuit, const char *name, size_t length)
{
    for (size_t i = 0; i < pc_circuit_n_nodes(circuit); i++) {
        const pc_circuit_node *node = pc_circuit_node_at(circuit, i);
        if (strlen(node->name) == length && memcmp(node->name, name, length) == 0)
            return node->role;
    }
    return NULL;
}

static component edge_component(const pc_circuit *circuit, size_t i, char *roles, size_t bytes)
{
    const pc_circuit_edge *e = pc_circuit_edge_at(circuit, i);
    component c = {.effect = e->effect,
                   .standard_error = e->stderr_,
                   .in_circuit = e->in_circuit,
                   .is_untouched = e->is_untouched,
                   .is_measured = e->is_measured,
                   .p = e->p,
                   .frequency = e->has_frequency ? e->frequency : NAN};
    const char *from = role_of(circuit, e->from, strlen(e->from));
    const char *to = role_of(circuit, e->to, strcspn(e->to, "<"));
    snprintf(c.name, sizeof c.name, "%s->%s", e->from, e->to);
    roles[0] = 0;
    if (from || to) snprintf(roles, bytes, "%s -> %s", from ? from : e->from, to ? to : e->to);
    c.role = roles;
    return c;
}

static component node_component(const pc_circuit *circuit, size_t i)
{
    const pc_circuit_node *n = pc_circuit_node_at(circuit, i);
    component c = {.role = n->role,
                   .effect = n->effect,
                   .standard_error = n->stderr_,
                   .in_circuit = n->in_circuit,
                   .is_untouched = n->is_untouched,
                   .is_measured = n->is_measured,
                   .p = n->p,
                   .frequency = n->has_frequency ? n->frequency : NAN};
    snprintf(c.name, sizeof c.name, "%s", n->name);
    return c;
}

/* Indices in ranked order, measured components only: their number in *n. */
static pc_status rank(size_t **order, size_t *n, const pc_circuit *circuit)
{
    const bool is_edges = is_of_edges(circuit);
    const size_t all = is_edges ? pc_circuit_n_edges(circuit) : pc_circuit_n_nodes(circuit);
    *order = malloc((all + 1) * sizeof **order);
    if (!*order) return PC_ERR_NOMEM;
    pc_status status =
        is_edges ? pc_circuit_rank_edges(*order, circuit) : pc_circuit_rank_nodes(*order, circuit);
    *n = all;
    while (status == PC_OK && !is_edges && *n > 0 &&
           !pc_circuit_node_at(circuit, (*order)[*n - 1])->is_measured)
        --*n; /* the logits, which nothing is cut from */
    return status;
}

/* Whether it was selected again on bootstraps. */
static bool has_frequencies(const pc_circuit *circuit)
{
    return pc_circuit_option(circuit, "bootstraps") != NULL;
}

static void put_frequency(table *t, double frequency)
{
    if (isnan(frequency)) table_cell(t, "-");
    else table_cell(t, "%.3f", frequency);
}

static void add_row(table *t, const pc_circuit *circuit, size_t place, const component *c)
{
    double share;
    table_cell(t, "%zu", place + 1);
    table_cell(t, "%s", c->name);
    if (c->is_measured) table_cell(t, "%+.4f", c->effect);
    else table_cell(t, "-");
    if (c->is_measured) table_cell(t, "%g", c->effect);
    else table_cell(t, "%s", "");
    if (c->is_measured && pc_circuit_describe_task(circuit)->n > 1)
        table_cell(t, "%.4f", c->standard_error);
    else table_cell(t, "-"); /* one prompt says nothing about others */
    if (c->is_measured && pc_circuit_share(&share, circuit, c->effect))
        table_cell(t, "%.1f%%", 100 * share + 0.0); /* no "-0.0" */
    else table_cell(t, "-");
    table_cell(t, "%s", c->in_circuit ? "yes" : c->is_untouched ? "untouched" : "");
    if (has_frequencies(circuit)) put_frequency(t, c->frequency);
    table_cell(t, "%s", c->role ? c->role : "");
}

/* What a race has left out. */
static void print_race(const pc_circuit *circuit, double all, double n)
{
    double done;
    const char *confidence = pc_circuit_option(circuit, "confidence");
    if (!confidence || !pc_circuit_evaluation(&done, circuit, "evaluations")) return;
    printf("racing: the top %s with probability %s, %.0f of %.0f evaluations (%.0f%% saved)\n",
           pc_circuit_option(circuit, "top"), confidence, done, all * n,
           100 * (1 - done / (all * n)));
}

/* What a sweep in low precision has measured again. */
static void print_refinement(const pc_circuit *circuit, double all)
{
    const char *n = pc_circuit_option(circuit, "measured_again");
    if (!n) return;
    printf(
        "precision: %s; %s of %.0f %ss measured again in fp32, among them all within %.2g of the "
        "cut\n",
        pc_circuit_option(circuit, "precision"), n, all, pc_circuit_option(circuit, "level"),
        atof(pc_circuit_option(circuit, "margin")));
}

/* How many are more than chance, all tests together. */
static void print_significance(const pc_circuit *circuit)
{
    const bool has_edges = pc_circuit_n_edges(circuit) > 0;
    const size_t n = has_edges ? pc_circuit_n_edges(circuit) : pc_circuit_n_nodes(circuit);
    size_t n_tested = 0, n_sure = 0;
    for (size_t i = 0; i < n; i++) {
        const double p =
            has_edges ? pc_circuit_edge_at(circuit, i)->p : pc_circuit_node_at(circuit, i)->p;
        n_tested += p > 0;
        n_sure += p > 0 && p <= 0.05;
    }
    if (n_tested == 0) return;
    printf("chance: %zu of %zu effects are not 0 at 5 %% familywise (max-T over 1,000 flips of "
           "signs)\n",
           n_sure, n_tested);
}

/* What the column of frequencies is of. */
static void print_frequencies(const pc_circuit *circuit)
{
    const char *top = pc_circuit_option(circuit, "bootstrap_top");
    const char *threshold = pc_circuit_option(circuit, "bootstrap_threshold");
    if (!has_frequencies(circuit) || !(top || threshold)) return;
    printf("frequency: of being selected again, of %s bootstraps over the prompts, ",
           pc_circuit_option(circuit, "bootstraps"));
    if (top) printf("among the strongest %s\n", top);
    else printf("from |effect| %s on\n", threshold);
}

/* How ACDC's decisions came about. */
static void print_acdc(const pc_circuit *circuit)
{
    const char *measured = pc_circuit_option(circuit, "decided_by_measuring");
    if (!measured) return;
    printf("acdc: %s edges decided by measuring, %s unreached; %s circuits measured in vain, %s "
           "decisions in double\n",
           measured, pc_circuit_option(circuit, "unreached"),
           pc_circuit_option(circuit, "measured_in_vain"),
           pc_circuit_option(circuit, "decided_in_double"));
}

static double number_of(const pc_circuit *circuit, const char *name)
{
    double value;
    return pc_circuit_evaluation(&value, circuit, name) ? value : NAN;
}

enum { MISSES_SHOWN = 5 };

/* Estimates beside what was measured. */
static void print_check(const pc_circuit *circuit)
{
    size_t n;
    const pc_checked_estimate *rows = pc_circuit_checked(circuit, &n);
    if (n == 0) return;
    printf(
        "check: of %zu measured, correlation %.4f, rank correlation %.4f, %.0f%% of one sign; the "
        "worst:\n",
        n, number_of(circuit, "check_pearson"), number_of(circuit, "check_spearman"),
        100 * number_of(circuit, "check_same_sign"));
    table t;
    table_begin(&t, "lrr");
    table_cell(&t, "  %s", pc_circuit_option(circuit, "level"));
    table_cell(&t, "estimate"), table_cell(&t, "effect");
    for (size_t i = 0; i < n && i < MISSES_SHOWN; i++) {
        table_cell(&t, "  %s", rows[i].name);
        table_cell(&t, "%.4f", rows[i].estimate), table_cell(&t, "%.4f", rows[i].effect);
    }
    table_print(&t);
    table_free(&t);
}

/* Of hybrid: what was measured. */
static void print_hybrid(const pc_circuit *circuit, double all)
{
    const char *estimate = pc_circuit_option(circuit, "estimate");
    if (!estimate) return;
    printf("hybrid: %s of %.0f were measured, the strongest by %s\n",
           pc_circuit_option(circuit, "candidates"), all, estimate);
}

/* How greedy elimination came to its circuit. */
static void print_greedy(const pc_circuit *circuit, int n)
{
    const char *removed = pc_circuit_option(circuit, "removed_by_measuring");
    double done;
    if (!removed || !pc_circuit_evaluation(&done, circuit, "evaluations")) return;
    printf(
        "greedy: %s removed by measuring, %s unreached; %.0f circuits measured, at least %s in a "
        "step\n",
        removed, pc_circuit_option(circuit, "unreached"), done / n,
        pc_circuit_option(circuit, "candidates"));
}

static void print_summary(const pc_circuit *circuit)
{
    double clean = 0, corrupted = 0, empty = 0, faithfulness, kept = 0, all = 0, circuit_metric = 0;
    const int n = (int)pc_circuit_describe_task(circuit)->n;
    pc_circuit_baseline(&clean, circuit, "clean");
    pc_circuit_baseline(&corrupted, circuit, "corrupted");
    pc_circuit_baseline(&empty, circuit, "empty");
    pc_circuit_evaluation(&kept, circuit, "kept");
    pc_circuit_evaluation(&all, circuit, "components");
    pc_circuit_evaluation(&circuit_metric, circuit, "circuit");
    printf("%s: %.4f clean, %.4f corrupted, %.4f with everything cut; %d prompt%s\n",
           pc_circuit_option(circuit, "metric"), clean, corrupted, empty, n, n == 1 ? "" : "s");
    printf("circuit: %.0f of %.0f %ss, %s %.4f, ", kept, all, pc_circuit_option(circuit, "level"),
           pc_circuit_option(circuit, "metric"), circuit_metric);
    if (pc_circuit_evaluation(&faithfulness, circuit, "faithfulness"))
        printf("faithfulness %.4f\n", faithfulness);
    else printf("faithfulness undefined: full and empty differ by less than two standard errors\n");
    print_race(circuit, all, n);
    print_refinement(circuit, all);
    print_acdc(circuit);
    print_greedy(circuit, n);
    print_hybrid(circuit, all);
    print_check(circuit);
    print_significance(circuit);
    print_frequencies(circuit);
    print_split_faithfulness(circuit);
}

pc_status print_circuit(const pc_circuit *circuit, int64_t n_rows)
{
    size_t *order = NULL, n;
    char roles[128];
    pc_status status = rank(&order, &n, circuit);
    if (status == PC_OK) {
        table t;
        table_begin(&t, has_frequencies(circuit) ? "rlrbrrlrl" : "rlrbrrll");
        table_cell(&t, "#"), table_cell(&t, "%s", pc_circuit_option(circuit, "level"));
        const char *effects = pc_circuit_option(circuit, "effects");
        table_cell(&t, "%s", effects ? effects : "effect");
        table_cell(&t, "%s", ""), table_cell(&t, "+-"), table_cell(&t, "share");
        table_cell(&t, "circuit");
        if (has_frequencies(circuit)) table_cell(&t, "frequency");
        table_cell(&t, "role");
        for (size_t i = 0; i < n && (int64_t)i < n_rows; i++) {
            const component c = is_of_edges(circuit)
                                    ? edge_component(circuit, order[i], roles, sizeof roles)
                                    : node_component(circuit, order[i]);
            add_row(&t, circuit, i, &c);
        }
        table_print(&t);
        table_free(&t);
        if ((int64_t)n > n_rows)
            printf("... and %lld more (scores.csv)\n", (long long)n - (long long)n_rows);
        printf("\n");
        print_summary(circuit);
    }
    free(order);
    return status;
}

static void print_numbers(const pc_circuit *circuit)
{
    static const char *const names[] = {"faithfulness", "low",       "high",           "clean",
                                        "corrupted",    "circuit",   "circuit_stderr", "n",
                                        "kept",         "components"};
    double empty;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double value;
        if (pc_circuit_evaluation(&value, circuit, names[i])) json_number(names[i], value);
        else json_text(names[i], NULL);
    }
    if (pc_circuit_baseline(&empty, circuit, "empty")) json_number("empty", empty);
}

pc_status print_circuit_json(const pc_circuit *circuit)
{
    size_t *order = NULL, n;
    char roles[128];
    pc_status status = rank(&order, &n, circuit);
    if (status == PC_OK) {
        json_begin(NULL, '{');
        json_text("level", pc_circuit_option(circuit, "level"));
        print_numbers(circuit);
        print_splits_json(circuit);
        json_begin("ranked", '[');
        for (size_t i = 0; i < n; i++) {
            const component c = is_of_edges(circuit)
                                    ? edge_component(circuit, order[i], roles, sizeof roles)
                                    : node_component(circuit, order[i]);
            json_begin(NULL, '{');
            json_text("name", c.name);
            json_number("effect", c.effect);
            json_number("stderr", c.standard_error);
            json_bool("in_circuit", c.in_circuit);
            json_bool("untouched", c.is_untouched);
            json_number("p", c.p > 0 ? c.p : NAN);
            json_number("frequency", c.frequency);
            json_text("role", c.role && *c.role ? c.role : NULL);
            json_end('}');
        }
        json_end(']');
        print_thresholds_json(circuit);
        json_end('}');
    }
    free(order);
    return status;
}
