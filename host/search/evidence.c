/* Faithfulness with its evidence: an interval, what is left without the circuit, chance. */
#include "search/evidence.h"

#include "base/memory.h"
#include "base/rng.h"
#include "patch/evaluator.h"
#include "search/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 2000, N_RANDOM = 20, SEED = 1 };

/* ---- the interval ---- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double draw_ratio(pc_rng *rng, const double *circuit, const double *zero, const double *one,
                         int n)
{
    double c = 0, z = 0, o = 0;
    for (int i = 0; i < n; i++) {
        const int p = (int)pc_rng_below(rng, (uint64_t)n);
        c += circuit[p];
        z += zero[p];
        o += one[p];
    }
    return (c - z) / (o - z);
}

pc_status pc_bootstrap_ratio(double *low, double *high, const double *circuit, const double *zero,
                             const double *one, int n, double alpha)
{
    pc_rng rng = {.seed = SEED};
    double *ratios = pc_alloc(DRAWS, sizeof *ratios);
    if (!ratios) return PC_ERR_NOMEM;
    int n_drawn = 0;
    for (int i = 0; i < DRAWS; i++) { /* a draw whose ends coincide has no ratio */
        ratios[n_drawn] = draw_ratio(&rng, circuit, zero, one, n);
        n_drawn += isfinite(ratios[n_drawn]) != 0;
    }
    qsort(ratios, (size_t)n_drawn, sizeof *ratios, compare);
    const int outside = (int)floor(n_drawn * alpha / 2);
    *low = n_drawn ? ratios[outside] : NAN;
    *high = n_drawn ? ratios[n_drawn - 1 - outside] : NAN;
    free(ratios);
    return PC_OK;
}

/* ---- circuits ---- */

/* The circuits that are measured together: none and all of the components, the one in question, its
 * complement, random ones of its size. */
enum { NONE, ALL, CIRCUIT, COMPLEMENT, FIRST_RANDOM, N_CIRCUITS = FIRST_RANDOM + N_RANDOM };

typedef struct evidence {
    const pc_candidates *candidates;
    const bool *kept;
    pc_direction direction;
    bool *marks; /* (n) of one circuit */
    int64_t *order;
    pc_intervention *circuits[N_CIRCUITS];
    double *metrics; /* (N_CIRCUITS, n_prompts) */
} evidence;

/* As many as the circuit has, each set equally likely (Fisher and Yates). */
static void mark_random(evidence *e, int which)
{
    const int64_t n = e->candidates->n;
    pc_rng rng = {.seed = SEED + (uint64_t)which};
    int64_t n_kept = 0;
    for (int64_t i = 0; i < n; i++) {
        n_kept += e->kept[i];
        e->order[i] = i;
        e->marks[i] = false;
    }
    for (int64_t i = 0; i < n_kept; i++) {
        const int64_t other = i + (int64_t)pc_rng_below(&rng, (uint64_t)(n - i));
        const int64_t chosen = e->order[other];
        e->order[other] = e->order[i];
        e->marks[chosen] = true;
    }
}

static void mark(evidence *e, int which)
{
    for (int64_t i = 0; i < e->candidates->n; i++)
        e->marks[i] = which == ALL          ? true
                      : which == CIRCUIT    ? e->kept[i]
                      : which == COMPLEMENT ? !e->kept[i]
                                            : false;
    if (which >= FIRST_RANDOM) mark_random(e, which);
}

static pc_status make_circuits(evidence *e)
{
    for (int which = 0; which < N_CIRCUITS; which++) {
        mark(e, which);
        PC_TRY(pc_candidates_circuit(&e->circuits[which], e->candidates, e->marks, e->direction));
    }
    return PC_OK;
}

static pc_status measure_circuits(evidence *e, pc_journal *journal)
{
    const double *base = pc_evaluator_base(journal->evaluator);
    const int n = journal->n_prompts;
    bool is_touched[N_CIRCUITS];
    int n_found;
    PC_TRY(make_circuits(e));
    PC_TRY(pc_journal_measure(e->metrics, is_touched, &n_found, journal,
                              (const pc_intervention *const *)e->circuits, N_CIRCUITS));
    for (int which = 0; which < N_CIRCUITS; which++)
        for (int p = 0; p < n; p++)
            e->metrics[which * n + p] += base[p];
    return PC_OK;
}

/* ---- numbers ---- */

static double ratio_of(const evidence *e, int which, int n)
{
    const double zero = pc_mean(e->metrics + NONE * n, n), one = pc_mean(e->metrics + ALL * n, n);
    return (pc_mean(e->metrics + which * n, n) - zero) / (one - zero);
}

static pc_status fill(pc_faithfulness *out, const evidence *e, int n)
{
    const double *m = e->metrics;
    out->complement = ratio_of(e, COMPLEMENT, n);
    out->n_random = N_RANDOM;
    out->random_most = -INFINITY;
    for (int which = FIRST_RANDOM; which < N_CIRCUITS; which++) {
        const double ratio = ratio_of(e, which, n);
        out->random_mean += ratio / N_RANDOM;
        out->random_most = fmax(out->random_most, ratio);
    }
    return pc_bootstrap_ratio(&out->low, &out->high, m + CIRCUIT * n, m + NONE * n, m + ALL * n, n,
                              0.05);
}

pc_status pc_evidence_measure(pc_faithfulness *out, const bool *kept,
                              const pc_candidates *candidates, pc_journal *journal,
                              pc_direction direction)
{
    const size_t n = (size_t)candidates->n, n_prompts = (size_t)journal->n_prompts;
    evidence e = {.candidates = candidates, .kept = kept, .direction = direction};
    e.marks = pc_alloc(n, sizeof *e.marks);
    e.order = pc_alloc(n, sizeof *e.order);
    e.metrics = pc_alloc(N_CIRCUITS * n_prompts, sizeof *e.metrics);
    pc_status status = e.marks && e.order && e.metrics ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = measure_circuits(&e, journal);
    if (status == PC_OK) status = fill(out, &e, journal->n_prompts);
    for (int i = 0; i < N_CIRCUITS; i++)
        pc_intervention_free(e.circuits[i]);
    free(e.metrics);
    free(e.order);
    free(e.marks);
    return status;
}

/* ---- the ends of the scale, and the circuit ---- */

enum { TOGETHER = 64, N_ENDS = CIRCUIT + 1 };

/* Metrics of circuits, which are freed. */
static pc_status measure_and_free(double *metrics, pc_intervention **circuits, int n,
                                  pc_journal *journal)
{
    const double *base = pc_evaluator_base(journal->evaluator);
    bool is_touched[TOGETHER];
    int n_found;
    const pc_status status = pc_journal_measure(metrics, is_touched, &n_found, journal,
                                                (const pc_intervention *const *)circuits, n);
    for (int i = 0; i < n; i++)
        pc_intervention_free(circuits[i]);
    for (int i = 0; i < n && status == PC_OK; i++)
        for (int p = 0; p < journal->n_prompts; p++)
            metrics[i * journal->n_prompts + p] += base[p];
    return status;
}

/* Metrics of nothing, all and the circuit: ends (N_ENDS, n_prompts). marks (n) is room. */
static pc_status measure_ends(double *ends, bool *marks, const bool *kept,
                              const pc_candidates *candidates, pc_journal *journal,
                              pc_direction direction)
{
    pc_intervention *circuits[N_ENDS] = {NULL};
    pc_status status = PC_OK;
    for (int which = 0; which < N_ENDS && status == PC_OK; which++) {
        for (int64_t i = 0; i < candidates->n; i++)
            marks[i] = which == ALL || (which == CIRCUIT && kept[i]);
        status = pc_candidates_circuit(&circuits[which], candidates, marks, direction);
    }
    if (status == PC_OK) return measure_and_free(ends, circuits, N_ENDS, journal);
    for (int which = 0; which < N_ENDS; which++)
        pc_intervention_free(circuits[which]);
    return status;
}

pc_status pc_evidence_interval(double *low, double *high, const bool *kept,
                               const pc_candidates *candidates, pc_journal *journal,
                               pc_direction direction)
{
    const int n = journal->n_prompts;
    bool *marks = pc_alloc((size_t)candidates->n, sizeof *marks);
    double *ends = pc_alloc(N_ENDS * (size_t)n, sizeof *ends);
    pc_status status = marks && ends ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = measure_ends(ends, marks, kept, candidates, journal, direction);
    if (status == PC_OK)
        status = pc_bootstrap_ratio(low, high, ends + CIRCUIT * n, ends + NONE * n, ends + ALL * n,
                                    n, 0.05);
    free(ends);
    free(marks);
    return status;
}

/* ---- minimality ---- */

typedef struct minimality {
    const pc_candidates *candidates;
    pc_journal *journal;
    pc_direction direction;
    const bool *kept;
    bool *marks;     /* (n) */
    double *ends;    /* (N_ENDS, n_prompts) metrics of nothing, all, the circuit */
    double *metrics; /* (TOGETHER, n_prompts) */
} minimality;

/* The circuit without each of the n components. */
static pc_status measure_without(minimality *m, const int64_t *components, int n)
{
    pc_intervention *circuits[TOGETHER];
    memcpy(m->marks, m->kept, (size_t)m->candidates->n * sizeof *m->marks);
    for (int i = 0; i < n; i++) {
        m->marks[components[i]] = false;
        const pc_status status =
            pc_candidates_circuit(&circuits[i], m->candidates, m->marks, m->direction);
        m->marks[components[i]] = true;
        if (status == PC_OK) continue;
        while (--i >= 0)
            pc_intervention_free(circuits[i]);
        return status;
    }
    return measure_and_free(m->metrics, circuits, n, m->journal);
}

/* The circuit's metric less that without the component, over the same scale. */
static pc_status fill_row(pc_minimality *row, minimality *m, int64_t component, double *without)
{
    const int n = m->journal->n_prompts;
    const double *zero = m->ends + NONE * n, *one = m->ends + ALL * n;
    pc_candidate_name(row->name, m->candidates, component);
    for (int p = 0; p < n; p++) /* the difference of two ratios over one scale is one ratio */
        without[p] = m->ends[CIRCUIT * n + p] - without[p] + zero[p];
    row->drop = (pc_mean(without, n) - pc_mean(zero, n)) / (pc_mean(one, n) - pc_mean(zero, n));
    return pc_bootstrap_ratio(&row->low, &row->high, without, zero, one, n, 0.05);
}

static int compare_rows(const void *a, const void *b)
{
    const pc_minimality *x = a, *y = b;
    if (x->drop != y->drop) return x->drop < y->drop ? -1 : 1;
    return strcmp(x->name, y->name);
}

static pc_status fill_rows(pc_minimality *rows, minimality *m, const int64_t *components, int64_t n)
{
    PC_TRY(measure_ends(m->ends, m->marks, m->kept, m->candidates, m->journal, m->direction));
    for (int64_t first = 0; first < n; first += TOGETHER) {
        const int some = n - first < TOGETHER ? (int)(n - first) : TOGETHER;
        PC_TRY(measure_without(m, components + first, some));
        for (int i = 0; i < some; i++)
            PC_TRY(fill_row(&rows[first + i], m, components[first + i],
                            m->metrics + i * m->journal->n_prompts));
    }
    if (n) qsort(rows, (size_t)n, sizeof *rows, compare_rows);
    return PC_OK;
}

pc_status pc_evidence_minimality(pc_minimality **rows, int64_t *n, const bool *kept,
                                 const pc_candidates *candidates, pc_journal *journal,
                                 pc_direction direction)
{
    const size_t all = (size_t)candidates->n, n_prompts = (size_t)journal->n_prompts;
    minimality m = {
        .candidates = candidates, .journal = journal, .direction = direction, .kept = kept};
    int64_t *components = pc_alloc(all, sizeof *components);
    *n = 0;
    for (int64_t i = 0; components && i < candidates->n; i++)
        if (kept[i]) components[(*n)++] = i;
    m.marks = pc_alloc(all, sizeof *m.marks);
    m.ends = pc_alloc(N_ENDS * n_prompts, sizeof *m.ends);
    m.metrics = pc_alloc(TOGETHER * n_prompts, sizeof *m.metrics);
    *rows = pc_alloc((size_t)*n, sizeof **rows);
    pc_status status = components && m.marks && m.ends && m.metrics && *rows ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = fill_rows(*rows, &m, components, *n);
    free(m.metrics);
    free(m.ends);
    free(m.marks);
    free(components);
    if (status == PC_OK) return PC_OK;
    free(*rows);
    *rows = NULL;
    return status;
}
