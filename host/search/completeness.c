/* Completeness: the circuit and the model, both without a part of the circuit. */
#include "base/memory.h"
#include "base/rng.h"
#include "patch/evaluator.h"
#include "patchclamp/find.h"
#include "search/evaluation.h"
#include "search/evidence.h"
#include "search/faithfulness.h"
#include "search/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 3, SETS_TOGETHER = 16, N_RANDOM = 20, GREEDY_STEPS = 10, GREEDY_CHOICES = 32 };

static const char *const removed_names[] = {[PC_REMOVED_NOTHING] = "nothing",
                                            [PC_REMOVED_PART] = "part",
                                            [PC_REMOVED_ROLE] = "role",
                                            [PC_REMOVED_RANDOM] = "random",
                                            [PC_REMOVED_GREEDY] = "greedy"};

const char *pc_removed_name(pc_removed kind)
{
    return removed_names[kind];
}

typedef struct completeness {
    pc_evaluation *e;
    const pc_circuit *circuit;
    pc_direction direction;
    bool *removed;    /* (SETS_TOGETHER, n) the sets K that are measured together */
    bool *kept;       /* (2 * SETS_TOGETHER, n) C \ K and M \ K of each */
    double *metrics;  /* (2 * SETS_TOGETHER, n_prompts) ... and their metrics */
    double *ends;     /* (2, n_prompts) metrics of nothing and of all */
    double *room;     /* (n_prompts) */
    int64_t *choices; /* (n) of a greedy step */
    pc_completeness *rows;
    int64_t n_rows, most_rows;
} completeness;

static int64_t n_of(const completeness *c)
{
    return c->e->candidates.n;
}

/* ---- sets ---- */

static pc_status measure_ends(completeness *c)
{
    const int64_t n = n_of(c);
    for (int64_t i = 0; i < n; i++) {
        c->kept[i] = false;
        c->kept[n + i] = true;
    }
    return pc_measure_each_prompt(c->ends, &c->e->candidates, &c->e->journal, c->kept, 2,
                                  c->direction);
}

/* The first n_sets of c->removed. */
static pc_status measure_sets(completeness *c, int n_sets)
{
    const int64_t n = n_of(c);
    for (int s = 0; s < n_sets; s++) {
        const bool *removed = c->removed + s * n;
        for (int64_t i = 0; i < n; i++) {
            c->kept[2 * s * n + i] = c->e->kept[i] && !removed[i];
            c->kept[(2 * s + 1) * n + i] = !removed[i];
        }
    }
    return pc_measure_each_prompt(c->metrics, &c->e->candidates, &c->e->journal, c->kept,
                                  2 * n_sets, c->direction);
}

static double faithfulness_of(const completeness *c, const double *metrics)
{
    const int n = c->e->journal.n_prompts;
    const double zero = pc_mean(c->ends, n), one = pc_mean(c->ends + n, n);
    return (pc_mean(metrics, n) - zero) / (one - zero);
}

static double gap_of(const completeness *c, int set)
{
    const int n = c->e->journal.n_prompts;
    const double *metrics = c->metrics + (int64_t)2 * set * n;
    return faithfulness_of(c, metrics) - faithfulness_of(c, metrics + n);
}

/* The row of a set that was measured; its name is the caller's. */
static pc_status fill_row(pc_completeness *row, completeness *c, int set, pc_removed kind)
{
    const int n = c->e->journal.n_prompts;
    const double *circuit = c->metrics + (int64_t)2 * set * n, *model = circuit + n;
    const bool *removed = c->removed + set * n_of(c);
    *row = (pc_completeness){.kind = kind,
                             .circuit = faithfulness_of(c, circuit),
                             .model = faithfulness_of(c, model),
                             .gap = gap_of(c, set)};
    for (int64_t i = 0; i < n_of(c); i++)
        row->n += removed[i] && c->e->kept[i];
    for (int p = 0; p < n; p++) /* the difference of two ratios over one scale is one ratio */
        c->room[p] = circuit[p] - model[p] + c->ends[p];
    return pc_bootstrap_ratio(&row->low, &row->high, c->room, c->ends, c->ends + n, n, 0.05);
}

/* A set that is measured by itself: `marks` fills it. */
static pc_status add_set(completeness *c, pc_removed kind, const char *name)
{
    PC_TRY(measure_sets(c, 1));
    pc_completeness *row = &c->rows[c->n_rows++];
    PC_TRY(fill_row(row, c, 0, kind));
    strncpy(row->name, name, sizeof row->name - 1);
    return PC_OK;
}

/* ---- nothing, parts, roles, random sets ---- */

static void clear(completeness *c)
{
    memset(c->removed, 0, (size_t)n_of(c) * sizeof *c->removed);
}

/* All that leaves the writer; whether the circuit has something of it. */
static bool remove_part(completeness *c, int writer)
{
    bool is_in = false;
    for (int64_t i = 0; i < n_of(c); i++) {
        if (pc_candidate_place(&c->e->candidates, i).writer != writer) continue;
        c->removed[i] = true;
        is_in = is_in || c->e->kept[i];
    }
    return is_in;
}

static int compare_rows(const void *a, const void *b)
{
    const pc_completeness *x = a, *y = b;
    if (fabs(x->gap) != fabs(y->gap)) return fabs(x->gap) > fabs(y->gap) ? -1 : 1;
    return strcmp(x->name, y->name);
}

static pc_status add_parts(completeness *c)
{
    const pc_components *components = &c->e->candidates.model->components;
    const int64_t first = c->n_rows;
    for (int u = 0; u < components->n_writers; u++) {
        clear(c);
        if (components->writers[u].kind == PC_WRITER_INPUT || !remove_part(c, u)) continue;
        PC_TRY(add_set(c, PC_REMOVED_PART, components->writers[u].name));
    }
    qsort(c->rows + first, (size_t)(c->n_rows - first), sizeof *c->rows, compare_rows);
    return PC_OK;
}

/* The heads of the circuit with the role of node `first`, from there on; how many have it. 0 where
 * an earlier node has that role. */
static int remove_role(completeness *c, size_t first)
{
    const pc_components *components = &c->e->candidates.model->components;
    const char *role = pc_circuit_node_at(c->circuit, first)->role;
    int n = 0;
    clear(c);
    for (size_t i = 0; i < pc_circuit_n_nodes(c->circuit); i++) {
        const pc_circuit_node *node = pc_circuit_node_at(c->circuit, i);
        pc_place place;
        if (!node->in_circuit || !node->role || strcmp(node->role, role) != 0) continue;
        if (i < first) return 0;
        if (pc_place_parse(&place, components, node->name) == PC_OK)
            n += remove_part(c, place.writer);
    }
    return n;
}

static pc_status add_roles(completeness *c)
{
    if (c->e->candidates.level == PC_LEVEL_NEURON) return PC_OK; /* heads have no neurons */
    for (size_t i = 0; i < pc_circuit_n_nodes(c->circuit); i++) {
        const pc_circuit_node *node = pc_circuit_node_at(c->circuit, i);
        if (!node->in_circuit || !node->role || remove_role(c, i) < 2) continue;
        PC_TRY(add_set(c, PC_REMOVED_ROLE, node->role));
    }
    return PC_OK;
}

static pc_status add_random(completeness *c)
{
    for (int draw = 0; draw < N_RANDOM; draw++) {
        pc_rng rng = {.seed = SEED, .stream = (uint64_t)draw};
        for (int64_t i = 0; i < n_of(c); i++)
            c->removed[i] = c->e->kept[i] && pc_rng_below(&rng, 2);
        PC_TRY(add_set(c, PC_REMOVED_RANDOM, ""));
    }
    return PC_OK;
}

/* ---- the greedy search ---- */

/* Components of the circuit that are not removed yet, not more than GREEDY_CHOICES: their number.
 */
static int draw_choices(completeness *c, const bool *removed, pc_rng *rng)
{
    int64_t n = 0;
    for (int64_t i = 0; i < n_of(c); i++)
        if (c->e->kept[i] && !removed[i]) c->choices[n++] = i;
    if (n <= GREEDY_CHOICES) return (int)n;
    for (int64_t i = 0; i < GREEDY_CHOICES; i++) {
        const int64_t other = i + (int64_t)pc_rng_below(rng, (uint64_t)(n - i));
        const int64_t chosen = c->choices[other];
        c->choices[other] = c->choices[i];
        c->choices[i] = chosen;
    }
    return GREEDY_CHOICES;
}

/* The choices first ... first + n, each beside what is removed already; the best one's row, if its
 * |gap| is larger than that of *best. */
static pc_status try_choices(pc_completeness *best, int64_t *chosen, completeness *c,
                             const bool *removed, int first, int n)
{
    const size_t bytes = (size_t)n_of(c) * sizeof *removed;
    for (int s = 0; s < n; s++) {
        bool *set = c->removed + s * n_of(c);
        memcpy(set, removed, bytes);
        set[c->choices[first + s]] = true;
    }
    PC_TRY(measure_sets(c, n));
    for (int s = 0; s < n; s++) {
        if (!(fabs(gap_of(c, s)) > fabs(best->gap))) continue;
        *chosen = c->choices[first + s];
        PC_TRY(fill_row(best, c, s, PC_REMOVED_GREEDY));
    }
    return PC_OK;
}

/* *chosen: the component that was added, -1 if none makes the gap larger. */
static pc_status step(int64_t *chosen, completeness *c, bool *removed, pc_rng *rng,
                      const pc_completeness *before)
{
    const int n = draw_choices(c, removed, rng);
    pc_completeness best = {.gap = before->gap};
    char name[2 * PC_NAME_BYTES + 2];
    *chosen = -1;
    for (int first = 0; first < n; first += SETS_TOGETHER) {
        const int some = n - first < SETS_TOGETHER ? n - first : SETS_TOGETHER;
        PC_TRY(try_choices(&best, chosen, c, removed, first, some));
    }
    if (*chosen < 0) return PC_OK;
    removed[*chosen] = true;
    pc_candidate_name(name, &c->e->candidates, *chosen);
    strncpy(best.name, name, sizeof best.name - 1);
    c->rows[c->n_rows++] = best;
    return PC_OK;
}

static pc_status add_greedy(completeness *c)
{
    pc_rng rng = {.seed = SEED, .stream = N_RANDOM};
    const pc_completeness nothing = c->rows[0];
    int64_t chosen = 0;
    bool *removed = pc_alloc((size_t)n_of(c), sizeof *removed);
    pc_status status = removed ? PC_OK : PC_ERR_NOMEM;
    for (int i = 0; i < GREEDY_STEPS && chosen >= 0 && status == PC_OK; i++)
        status = step(&chosen, c, removed, &rng, i ? &c->rows[c->n_rows - 1] : &nothing);
    free(removed);
    return status;
}

/* ---- all of it ---- */

static pc_status allocate(completeness *c)
{
    const size_t n = (size_t)n_of(c), n_prompts = (size_t)c->e->journal.n_prompts;
    c->most_rows = 1 + 2 * c->e->candidates.model->components.n_writers + N_RANDOM + GREEDY_STEPS;
    c->removed = pc_alloc(SETS_TOGETHER * n, sizeof *c->removed);
    c->kept = pc_alloc(2 * SETS_TOGETHER * n, sizeof *c->kept);
    c->metrics = pc_alloc(2 * SETS_TOGETHER * n_prompts, sizeof *c->metrics);
    c->ends = pc_alloc(2 * n_prompts, sizeof *c->ends);
    c->room = pc_alloc(n_prompts, sizeof *c->room);
    c->choices = pc_alloc(n, sizeof *c->choices);
    c->rows = pc_alloc((size_t)c->most_rows, sizeof *c->rows);
    const bool has_all =
        c->removed && c->kept && c->metrics && c->ends && c->room && c->choices && c->rows;
    return has_all ? PC_OK : PC_ERR_NOMEM;
}

static void release(completeness *c)
{
    free(c->choices);
    free(c->room);
    free(c->ends);
    free(c->metrics);
    free(c->kept);
    free(c->removed);
}

static pc_status run(completeness *c)
{
    pc_scale scale;
    PC_TRY(pc_scale_measure(&scale, &c->e->candidates, &c->e->journal, c->direction));
    PC_TRY(pc_scale_check(&scale));
    PC_TRY(allocate(c));
    PC_TRY(measure_ends(c));
    clear(c);
    PC_TRY(add_set(c, PC_REMOVED_NOTHING, ""));
    PC_TRY(add_parts(c));
    PC_TRY(add_roles(c));
    PC_TRY(add_random(c));
    return add_greedy(c);
}

pc_status pc_circuit_completeness(pc_completeness **rows, int64_t *n, const pc_circuit *circuit,
                                  const pc_model *model, const pc_task *task,
                                  const pc_evaluator_options *options)
{
    pc_evaluation e = {0};
    completeness c = {.e = &e, .circuit = circuit, .direction = options->direction};
    *rows = NULL;
    *n = 0;
    pc_status status = pc_evaluation_open(&e, circuit, model, task, options);
    if (status == PC_OK) status = run(&c);
    release(&c);
    pc_evaluation_close(&e);
    if (status != PC_OK) {
        free(c.rows);
        return status;
    }
    *rows = c.rows;
    *n = c.n_rows;
    return PC_OK;
}
