/* Comparing two circuits of one model: which components they share, and how alike their rankings
 * are. */
#include "graph/diff_private.h"

#include "base/memory.h"
#include "graph/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- may they be compared? ---- */

static pc_status check_models(const pc_circuit_model *a, const pc_circuit_model *b)
{
    if (a->n_layers != b->n_layers || a->n_heads != b->n_heads || a->n_kv_heads != b->n_kv_heads ||
        a->d_model != b->d_model)
        return pc_fail(PC_ERR_INPUT,
                       "A is of %s (%d layers of %d heads), B of %s (%d of %d): circuits of "
                       "different models have no components in common",
                       a->name, a->n_layers, a->n_heads, b->name, b->n_layers, b->n_heads);
    if (*a->sha256 && *b->sha256 && strcmp(a->sha256, b->sha256) != 0)
        return pc_fail(
            PC_ERR_INPUT,
            "A is of %s, B of %s: the same shape, but other weights (sha256 %.12s... and "
            "%.12s...)",
            a->name, b->name, a->sha256, b->sha256);
    return PC_OK;
}

static bool has_neurons(const pc_circuit *c)
{
    pc_part part;
    for (size_t i = 0; i < c->n_nodes; i++)
        if (pc_part_parse(&part, c->nodes[i].name) && part.kind == PC_PART_NEURON) return true;
    return false;
}

static const char *granularity_of(const pc_circuit *c)
{
    const char *granularity = pc_circuit_option(c, "kv_granularity");
    return granularity ? granularity : "";
}

static pc_status choose_kind(pc_diff_kind *out, const pc_circuit *a, const pc_circuit *b)
{
    const bool neurons_a = has_neurons(a), neurons_b = has_neurons(b);
    const char *kv_a = granularity_of(a), *kv_b = granularity_of(b);
    *out = a->n_edges > 0 && b->n_edges > 0 ? PC_DIFF_EDGES
           : neurons_a && neurons_b         ? PC_DIFF_NEURONS
                                            : PC_DIFF_COMPONENTS;
    if (*out == PC_DIFF_COMPONENTS && neurons_a != neurons_b)
        return pc_fail(PC_ERR_INPUT,
                       "%s is of neurons, %s is not: they have no components in common",
                       neurons_a ? "A" : "B", neurons_a ? "B" : "A");
    if (*out == PC_DIFF_EDGES && *kv_a && *kv_b && strcmp(kv_a, kv_b) != 0 &&
        a->model.n_kv_heads != a->model.n_heads)
        return pc_fail(
            PC_ERR_INPUT,
            "A has edges into k and v once per %s head, B once per %s head: find both with "
            "the same --kv-granularity",
            kv_a, kv_b);
    return PC_OK;
}

/* ---- who is who ---- */

/* A component of one circuit, by its place in component order. */
typedef struct pc_keyed {
    uint64_t reader, writer; /* edges are ordered by what reads */
    const char *from, *to;
    double effect, stderr_;
    bool is_measured, in_circuit;
} pc_keyed;

static int compare_keys(const void *left, const void *right)
{
    const pc_keyed *a = left, *b = right;
    if (a->reader != b->reader) return a->reader < b->reader ? -1 : 1;
    return a->writer < b->writer ? -1 : a->writer > b->writer;
}

static void key_edges(pc_keyed *out, const pc_circuit *c)
{
    for (size_t i = 0; i < c->n_edges; i++) {
        const pc_circuit_edge *e = &c->edges[i];
        pc_part from, to;
        (void)pc_part_parse(&from, e->from); /* the circuit was checked */
        (void)pc_part_parse(&to, e->to);
        out[i] = (pc_keyed){pc_part_key(&to), pc_part_key(&from), e->from,        e->to,
                            e->effect,        e->stderr_,         e->is_measured, e->in_circuit};
    }
}

/* The logits are in every circuit: they are left out. */
static size_t key_nodes(pc_keyed *out, const pc_circuit *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_nodes; i++) {
        const pc_circuit_node *node = &c->nodes[i];
        pc_part part;
        (void)pc_part_parse(&part, node->name);
        if (part.kind == PC_PART_LOGITS) continue;
        out[n++] = (pc_keyed){
            pc_part_key(&part), 0, node->name, NULL, node->effect, node->stderr_, node->is_measured,
            node->in_circuit};
    }
    return n;
}

static pc_status list(pc_keyed **out, size_t *n, const pc_circuit *c, pc_diff_kind kind)
{
    *n = kind == PC_DIFF_EDGES ? c->n_edges : c->n_nodes;
    *out = pc_alloc(*n, sizeof **out);
    if (!*out) return PC_ERR_NOMEM;
    if (kind == PC_DIFF_EDGES) key_edges(*out, c);
    else *n = key_nodes(*out, c);
    qsort(*out, *n, sizeof **out, compare_keys);
    return PC_OK;
}

/* ---- rank correlation ---- */

typedef struct pc_ranked_pair {
    double value, rank;
    size_t index;
} pc_ranked_pair;

static int compare_values(const void *left, const void *right)
{
    const pc_ranked_pair *a = left, *b = right;
    if (a->value != b->value) return a->value < b->value ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Replaces values by their ranks; equal ones get the mean of theirs. */
static pc_status rank(double *values, size_t n)
{
    pc_ranked_pair *pairs = pc_alloc(n, sizeof *pairs);
    if (!pairs) return PC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        pairs[i] = (pc_ranked_pair){values[i], 0, i};
    qsort(pairs, n, sizeof *pairs, compare_values);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && pairs[end].value == pairs[first].value;)
            end++;
        for (size_t i = first; i < end; i++)
            values[pairs[i].index] = (double)(first + end - 1) / 2;
    }
    free(pairs);
    return PC_OK;
}

static double correlation(const double *x, const double *y, size_t n)
{
    const double mean = ((double)n - 1) / 2; /* of ranks */
    double xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

/* ---- the comparison ---- */

typedef struct pc_pairing {
    pc_circuit_diff *diff;
    double *a, *b; /* |effect| of what was measured in both */
    size_t n;
} pc_pairing;

/* Without an effect: strengths are known when all rows are. */
static pc_status add_to_either(pc_circuit *either, const pc_diff_row *row)
{
    if (row->to)
        return pc_circuit_add_edge(
            either, &(pc_circuit_edge){.from = row->from, .to = row->to, .in_circuit = true});
    return pc_circuit_add_node(either, &(pc_circuit_node){.name = row->from, .in_circuit = true});
}

static void count(pc_diff_summary *s, pc_diff_side side)
{
    s->n_both += side == PC_DIFF_BOTH;
    s->n_only_a += side == PC_DIFF_ONLY_A;
    s->n_only_b += side == PC_DIFF_ONLY_B;
    s->n_a += side != PC_DIFF_ONLY_B;
    s->n_b += side != PC_DIFF_ONLY_A;
}

static pc_status add_row(pc_circuit_diff *diff, const pc_keyed *a, const pc_keyed *b)
{
    const bool in_a = a && a->in_circuit, in_b = b && b->in_circuit;
    const pc_keyed *one = a ? a : b;
    if (!in_a && !in_b) return PC_OK;
    pc_diff_row *rows = pc_grow(diff->rows, &diff->rows_capacity, diff->n_rows + 1, sizeof *rows);
    if (!rows) return PC_ERR_NOMEM;
    diff->rows = rows;
    pc_diff_row *row = &rows[diff->n_rows++];
    *row = (pc_diff_row){.from = one->from,
                         .to = one->to,
                         .side = in_a && in_b ? PC_DIFF_BOTH
                                 : in_a       ? PC_DIFF_ONLY_A
                                              : PC_DIFF_ONLY_B,
                         .is_measured_a = a && a->is_measured,
                         .is_measured_b = b && b->is_measured};
    if (row->is_measured_a) row->a = a->effect, row->a_stderr = a->stderr_;
    if (row->is_measured_b) row->b = b->effect, row->b_stderr = b->stderr_;
    count(&diff->summary, row->side);
    return add_to_either(diff->either, row);
}

static pc_status add_pair(pc_pairing *p, const pc_keyed *a, const pc_keyed *b)
{
    if (a && b && a->is_measured && b->is_measured) {
        p->a[p->n] = fabs(a->effect);
        p->b[p->n++] = fabs(b->effect);
    }
    return add_row(p->diff, a, b);
}

/* Walks both in component order. */
static pc_status pair_up(pc_pairing *p, const pc_keyed *a, size_t n_a, const pc_keyed *b,
                         size_t n_b)
{
    size_t i = 0, j = 0;
    while (i < n_a || j < n_b) {
        const int order = i == n_a ? 1 : j == n_b ? -1 : compare_keys(&a[i], &b[j]);
        PC_TRY(add_pair(p, order <= 0 ? &a[i] : NULL, order >= 0 ? &b[j] : NULL));
        i += order <= 0;
        j += order >= 0;
    }
    return PC_OK;
}

static pc_status summarise(pc_circuit_diff *diff, pc_pairing *p)
{
    pc_diff_summary *s = &diff->summary;
    const int64_t n_either = s->n_both + s->n_only_a + s->n_only_b;
    s->jaccard = n_either > 0 ? (double)s->n_both / (double)n_either : NAN;
    s->n_ranked = (int64_t)p->n;
    PC_TRY(rank(p->a, p->n));
    PC_TRY(rank(p->b, p->n));
    s->rank_correlation = correlation(p->a, p->b, p->n);
    return PC_OK;
}

static pc_status compare(pc_circuit_diff *diff, const pc_keyed *a, const pc_keyed *b)
{
    const size_t n_a = (size_t)diff->summary.n_all_a, n_b = (size_t)diff->summary.n_all_b;
    const size_t most = n_a < n_b ? n_a : n_b;
    pc_pairing p = {diff, pc_alloc(most, sizeof *p.a), pc_alloc(most, sizeof *p.b), 0};
    pc_status status = p.a && p.b ? pair_up(&p, a, n_a, b, n_b) : PC_ERR_NOMEM;
    if (status == PC_OK) status = summarise(diff, &p);
    free(p.b);
    free(p.a);
    return status;
}

/* ---- what is shown ---- */

typedef struct pc_listed {
    pc_diff_side side;
    double strength;
    size_t index;
} pc_listed;

static int compare_listed(const void *left, const void *right)
{
    const pc_listed *a = left, *b = right;
    if (a->side != b->side) return a->side < b->side ? -1 : 1;
    if (a->strength != b->strength) return a->strength > b->strength ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* |effect| in A or in B, if the component is in that circuit. */
static double effect_in(const pc_diff_row *row, pc_diff_side only)
{
    const pc_diff_side other = only == PC_DIFF_ONLY_A ? PC_DIFF_ONLY_B : PC_DIFF_ONLY_A;
    if (row->side == other) return 0;
    return fabs(only == PC_DIFF_ONLY_A ? row->a : row->b);
}

static double strongest(const pc_circuit_diff *diff, pc_diff_side only)
{
    double most = 0;
    for (size_t i = 0; i < diff->n_rows; i++)
        most = fmax(most, effect_in(&diff->rows[i], only));
    return most;
}

/* The metrics may be different ones: each effect counts as a part of its circuit's strongest. */
static double strength_of(const pc_diff_row *row, double most_a, double most_b)
{
    const double a = most_a > 0 ? effect_in(row, PC_DIFF_ONLY_A) / most_a : 0;
    const double b = most_b > 0 ? effect_in(row, PC_DIFF_ONLY_B) / most_b : 0;
    return fmax(a, b);
}

static void set_strength(pc_circuit_diff *diff, size_t i, double strength)
{
    const bool is_measured = diff->rows[i].is_measured_a || diff->rows[i].is_measured_b;
    if (diff->summary.kind == PC_DIFF_EDGES) {
        diff->either->edges[i].effect = strength;
        diff->either->edges[i].is_measured = is_measured;
    } else {
        diff->either->nodes[i].effect = strength;
        diff->either->nodes[i].is_measured = is_measured;
    }
}

static pc_status sort_rows(pc_circuit_diff *diff)
{
    const double most_a = strongest(diff, PC_DIFF_ONLY_A);
    const double most_b = strongest(diff, PC_DIFF_ONLY_B);
    pc_listed *listed = pc_alloc(diff->n_rows, sizeof *listed);
    diff->order = pc_alloc(diff->n_rows, sizeof *diff->order);
    if (!listed || !diff->order) {
        free(listed);
        return PC_ERR_NOMEM;
    }
    for (size_t i = 0; i < diff->n_rows; i++) {
        listed[i] = (pc_listed){diff->rows[i].side, strength_of(&diff->rows[i], most_a, most_b), i};
        set_strength(diff, i, listed[i].strength);
    }
    qsort(listed, diff->n_rows, sizeof *listed, compare_listed);
    for (size_t i = 0; i < diff->n_rows; i++)
        diff->order[i] = listed[i].index;
    diff->strongest = fmax(most_a, most_b);
    free(listed);
    return PC_OK;
}

/* Names stay valid without the circuits: `either` has copies. */
static void own_names(pc_circuit_diff *diff)
{
    const bool are_edges = diff->summary.kind == PC_DIFF_EDGES;
    for (size_t i = 0; i < diff->n_rows; i++) {
        diff->rows[i].from = are_edges ? diff->either->edges[i].from : diff->either->nodes[i].name;
        if (are_edges) diff->rows[i].to = diff->either->edges[i].to;
    }
}

/* "ioi, exact, logit-diff" */
static pc_status describe(char **out, const pc_circuit *c)
{
    const char *method = pc_circuit_option(c, "method"), *metric = pc_circuit_option(c, "metric");
    pc_text words = {0};
    pc_text_put(&words, *c->task.name ? c->task.name : "no task");
    if (method) pc_text_printf(&words, ", %s", method);
    if (metric) pc_text_printf(&words, ", %s", metric);
    const pc_status status = pc_text_status(&words);
    *out = words.data; /* the caller's */
    return status;
}

static bool has_roles(const pc_circuit *c)
{
    for (size_t i = 0; i < c->n_nodes; i++)
        if (c->nodes[i].role) return true;
    return false;
}

/* Roles of the components at the ends of edges, for the figure. */
static pc_status add_roles(pc_circuit_diff *diff, const pc_circuit *c)
{
    if (diff->summary.kind != PC_DIFF_EDGES) return PC_OK;
    for (size_t i = 0; i < c->n_nodes; i++)
        if (c->nodes[i].role)
            PC_TRY(pc_circuit_add_node(diff->either, &(pc_circuit_node){.name = c->nodes[i].name,
                                                                        .role = c->nodes[i].role,
                                                                        .in_circuit = true}));
    return PC_OK;
}

static pc_status describe_both(pc_circuit_diff *diff, const pc_circuit *a, const pc_circuit *b)
{
    PC_TRY(describe(&diff->words[0], a));
    PC_TRY(describe(&diff->words[1], b));
    diff->faithfulness[0] = diff->faithfulness[1] = NAN;
    (void)pc_circuit_evaluation(&diff->faithfulness[0], a, "faithfulness");
    (void)pc_circuit_evaluation(&diff->faithfulness[1], b, "faithfulness");
    return PC_OK;
}

static pc_status fill(pc_circuit_diff *diff, const pc_circuit *a, const pc_circuit *b)
{
    pc_keyed *keyed_a = NULL, *keyed_b = NULL;
    size_t n_a = 0, n_b = 0;
    PC_TRY(pc_circuit_new(&diff->either, a->version));
    PC_TRY(pc_circuit_set_model(diff->either, &a->model));
    pc_status status = list(&keyed_a, &n_a, a, diff->summary.kind);
    if (status == PC_OK) status = list(&keyed_b, &n_b, b, diff->summary.kind);
    diff->summary.n_all_a = (int64_t)n_a;
    diff->summary.n_all_b = (int64_t)n_b;
    if (status == PC_OK) status = compare(diff, keyed_a, keyed_b);
    if (status == PC_OK) status = sort_rows(diff);
    if (status == PC_OK) own_names(diff);
    if (status == PC_OK) status = add_roles(diff, has_roles(a) ? a : b);
    if (status == PC_OK) status = describe_both(diff, a, b);
    free(keyed_b);
    free(keyed_a);
    return status;
}

pc_status pc_circuit_diff_new(pc_circuit_diff **out, const pc_circuit *a, const pc_circuit *b)
{
    pc_diff_kind kind;
    *out = NULL;
    PC_TRY(pc_circuit_check(a, "A"));
    PC_TRY(pc_circuit_check(b, "B"));
    PC_TRY(check_models(&a->model, &b->model));
    PC_TRY(choose_kind(&kind, a, b));
    pc_circuit_diff *diff = pc_alloc(1, sizeof *diff);
    if (!diff) return PC_ERR_NOMEM;
    diff->summary.kind = kind;
    const pc_status status = fill(diff, a, b);
    if (status == PC_OK) *out = diff;
    else pc_circuit_diff_free(diff);
    return status;
}

void pc_circuit_diff_free(pc_circuit_diff *diff)
{
    if (!diff) return;
    free(diff->words[1]);
    free(diff->words[0]);
    free(diff->order);
    free(diff->rows);
    pc_circuit_free(diff->either);
    free(diff);
}

const pc_diff_summary *pc_circuit_diff_summary(const pc_circuit_diff *diff)
{
    return &diff->summary;
}

size_t pc_circuit_diff_n_rows(const pc_circuit_diff *diff)
{
    return diff->n_rows;
}

const pc_diff_row *pc_circuit_diff_row_at(const pc_circuit_diff *diff, size_t i)
{
    return i < diff->n_rows ? &diff->rows[diff->order[i]] : NULL;
}
