/* Completeness and tests, as tables and as JSON. */
#include "eval_print.h"

#include "json_out.h"
#include "table.h"

#include <math.h>
#include <stdio.h>

/* No "-0.0000". */
static double shown(double x)
{
    return fabs(x) < 0.00005 ? 0 : x;
}

/* ---- completeness ---- */

/* Mean and largest |gap| of the rows of a kind; false where there are none. */
typedef struct gaps {
    double mean;
    const pc_completeness *worst;
} gaps;

static bool find_gaps(gaps *out, const pc_completeness *rows, int64_t n, pc_removed kind)
{
    int64_t count = 0;
    *out = (gaps){0, NULL};
    for (int64_t i = 0; i < n; i++) {
        if (rows[i].kind != kind) continue;
        out->mean += fabs(rows[i].gap);
        if (!out->worst || fabs(rows[i].gap) > fabs(out->worst->gap)) out->worst = &rows[i];
        count++;
    }
    if (count) out->mean /= (double)count;
    return count > 0;
}

static void put_row(table *t, const pc_completeness *row)
{
    switch (row->kind) {
    case PC_REMOVED_NOTHING:
        table_cell(t, "nothing");
        break;
    case PC_REMOVED_PART:
        table_cell(t, "%s", row->name);
        break;
    case PC_REMOVED_ROLE:
        table_cell(t, "%s heads", row->name);
        break;
    case PC_REMOVED_RANDOM:
        table_cell(t, "worst random half");
        break;
    case PC_REMOVED_GREEDY:
        table_cell(t, "%s%s", row->n > 1 ? "... and " : "", row->name);
        break;
    }
    table_cell(t, "%lld", (long long)row->n);
    table_cell(t, "%.4f", shown(row->circuit));
    table_cell(t, "%.4f", shown(row->model));
    table_cell(t, "%+.4f", shown(row->gap));
    table_cell(t, "%+.4f", shown(row->low));
    table_cell(t, "%+.4f", shown(row->high));
}

static void print_gaps(const char *words, const pc_completeness *rows, int64_t n, pc_removed kind)
{
    gaps g;
    if (find_gaps(&g, rows, n, kind))
        printf("%-15s %.4f on average, %.4f at most\n", words, g.mean, fabs(g.worst->gap));
}

void print_completeness(const pc_completeness *rows, int64_t n)
{
    table t;
    gaps random;
    find_gaps(&random, rows, n, PC_REMOVED_RANDOM);
    table_begin(&t, "lrrrrrr");
    table_cell(&t, "without K"), table_cell(&t, "|K|"), table_cell(&t, "circuit"),
        table_cell(&t, "model"), table_cell(&t, "gap"), table_cell(&t, "95 %% from"),
        table_cell(&t, "to");
    for (int64_t i = 0; i < n; i++)
        if (rows[i].kind != PC_REMOVED_RANDOM || &rows[i] == random.worst) put_row(&t, &rows[i]);
    table_print(&t);
    table_free(&t);
    printf("\nintervals each by itself, not corrected for their number\n"
           "|gap| between the faithfulness of circuit and model, both without K:\n");
    print_gaps("heads and MLPs", rows, n, PC_REMOVED_PART);
    print_gaps("random halves", rows, n, PC_REMOVED_RANDOM);
    if (find_gaps(&random, rows, n, PC_REMOVED_GREEDY))
        printf("%-15s %.4f, K of %lld components chosen one by one on these prompts\n",
               "worst found", fabs(random.worst->gap), (long long)random.worst->n);
}

static void print_summary_json(const char *key, const pc_completeness *rows, int64_t n,
                               pc_removed kind)
{
    gaps g;
    json_begin(key, '{');
    if (find_gaps(&g, rows, n, kind)) {
        if (kind != PC_REMOVED_GREEDY) json_number("mean", g.mean);
        json_number("worst", fabs(g.worst->gap));
    }
    json_end('}');
}

void print_completeness_json(const pc_completeness *rows, int64_t n)
{
    json_begin(NULL, '{');
    print_summary_json("parts", rows, n, PC_REMOVED_PART);
    print_summary_json("random", rows, n, PC_REMOVED_RANDOM);
    print_summary_json("greedy", rows, n, PC_REMOVED_GREEDY);
    json_begin("sets", '[');
    for (int64_t i = 0; i < n; i++) {
        json_begin(NULL, '{');
        json_text("kind", pc_removed_name(rows[i].kind));
        json_text("name", rows[i].name[0] ? rows[i].name : NULL);
        json_integer("n", rows[i].n);
        json_number("circuit", rows[i].circuit);
        json_number("model", rows[i].model);
        json_number("gap", rows[i].gap);
        json_number("low", rows[i].low);
        json_number("high", rows[i].high);
        json_end('}');
    }
    json_end(']');
    json_end('}');
}

/* ---- tests ---- */

static const double alpha = 0.05;

static const char *verdict(double p)
{
    return p <= alpha ? "rejected" : "not rejected";
}

static int64_t count_rejected(const pc_hypotheses *h)
{
    int64_t n = 0;
    for (int64_t i = 0; i < h->n_components; i++)
        n += h->components[i].p_holm <= alpha;
    return n;
}

static void print_components(const pc_hypotheses *h)
{
    table t;
    table_begin(&t, "lrrrr");
    table_cell(&t, "without"), table_cell(&t, "effect"), table_cell(&t, "above random"),
        table_cell(&t, "p"), table_cell(&t, "p (Holm)");
    for (int64_t i = 0; i < h->n_components; i++) {
        table_cell(&t, "%s", h->components[i].name);
        table_cell(&t, "%.4g", h->components[i].effect);
        table_cell(&t, "%.0f%%", 100 * h->components[i].above);
        table_cell(&t, "%.4f", h->components[i].p);
        table_cell(&t, "%.4f", h->components[i].p_holm);
    }
    table_print(&t);
    table_free(&t);
    printf("\n");
}

void print_tests(const pc_hypotheses *h)
{
    if (h->n_references) print_components(h);
    printf("equivalence   %s, p %.4f: the circuit is better than the model on %g of %d prompts\n",
           verdict(h->equivalence_p), h->equivalence_p, h->wins, h->n);
    printf("independence  %s, p %.4f: HSIC %.3g of the model and all that is not in the circuit\n",
           verdict(h->independence_p), h->independence_p, h->hsic);
    if (h->n_references)
        printf("minimality    %s: %lld of %lld components are not above %.0f %% of %d random ones "
               "(5 %% familywise, Holm)\n",
               count_rejected(h) ? "rejected" : "not rejected", (long long)count_rejected(h),
               (long long)h->n_components, 100 * h->quantile, h->n_references);
    else printf("minimality    not tested: the circuit is all of the model, or nothing\n");
    printf("\nrejected: an ideal circuit would not be like this; each test at 5 %% by itself\n");
}

static void print_components_json(const pc_hypotheses *h)
{
    json_begin("components", '[');
    for (int64_t i = 0; i < h->n_components; i++) {
        json_begin(NULL, '{');
        json_text("name", h->components[i].name);
        json_number("effect", h->components[i].effect);
        json_number("above", h->components[i].above);
        json_number("p", h->components[i].p);
        json_number("p_holm", h->components[i].p_holm);
        json_end('}');
    }
    json_end(']');
}

void print_tests_json(const pc_hypotheses *h)
{
    json_begin(NULL, '{');
    json_integer("n", h->n);
    json_begin("equivalence", '{');
    json_number("wins", h->wins);
    json_number("epsilon", h->epsilon);
    json_number("p", h->equivalence_p);
    json_end('}');
    json_begin("independence", '{');
    json_number("hsic", h->hsic);
    json_number("p", h->independence_p);
    json_end('}');
    json_begin("minimality", '{');
    json_integer("random", h->n_references);
    json_number("quantile", h->quantile);
    json_text("correction", "Holm");
    json_integer("rejected", count_rejected(h));
    print_components_json(h);
    json_end('}');
    json_end('}');
}
