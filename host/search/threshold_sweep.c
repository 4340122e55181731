/* Several thresholds: one walk, one circuit for each, a table of them. */
#include "search/threshold_sweep.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

pc_status pc_threshold_sweep_check(const pc_find_options *o)
{
    for (int i = 0; i < o->n_thresholds; i++) {
        const double t = o->thresholds[i];
        if (!(t >= 0) || isinf(t))
            return pc_fail(PC_ERR_INPUT, "threshold is %g, expected 0 or more", t);
        if (i > 0 && t <= o->thresholds[i - 1])
            return pc_fail(PC_ERR_INPUT,
                           "threshold %g stands behind %g: expected each once, in "
                           "ascending order",
                           t, o->thresholds[i - 1]);
    }
    return PC_OK;
}

static void put_words(pc_text *out, const pc_find_options *o)
{
    for (int i = 0; i < o->n_thresholds; i++) {
        if (i > 0) pc_text_put(out, ",");
        pc_text_put_number(out, o->thresholds[i]);
    }
}

static pc_status init_search(pc_acdc_search *s, double threshold, int64_t n)
{
    s->threshold = threshold;
    s->kept = pc_alloc((size_t)n, sizeof *s->kept);
    s->changes = pc_alloc((size_t)n, sizeof *s->changes);
    return s->kept && s->changes ? PC_OK : PC_ERR_NOMEM;
}

pc_status pc_threshold_sweep_init(pc_threshold_sweep *out, const pc_find_options *o,
                                  const pc_candidates *candidates)
{
    const int n = o->n_thresholds > 0 ? o->n_thresholds : 1;
    *out = (pc_threshold_sweep){.n = n};
    out->searches = pc_alloc((size_t)n, sizeof *out->searches);
    out->metrics = pc_alloc((size_t)n, sizeof *out->metrics);
    if (!out->searches || !out->metrics) return PC_ERR_NOMEM;
    put_words(&out->words, o);
    for (int i = 0; i < n; i++)
        PC_TRY(init_search(&out->searches[i], o->n_thresholds > 0 ? o->thresholds[i] : o->threshold,
                           candidates->n));
    return pc_text_status(&out->words);
}

void pc_threshold_sweep_free(pc_threshold_sweep *t)
{
    pc_text_free(&t->words);
    for (int i = 0; t->searches && i < t->n; i++) {
        free(t->searches[i].changes);
        free(t->searches[i].kept);
    }
    free(t->metrics);
    free(t->searches);
    *t = (pc_threshold_sweep){0};
}

void pc_threshold_sweep_add_fact(pc_run_facts *facts, const pc_threshold_sweep *t)
{
    if (t->words.data) pc_run_facts_add(facts, "thresholds", t->words.data);
}

pc_status pc_threshold_sweep_measure(pc_threshold_sweep *t, const pc_candidates *candidates,
                                     pc_journal *journal, const pc_watch *watch)
{
    return pc_acdc(t->searches, t->n, &t->n_circuits, candidates, journal, watch);
}

/* ---- the circuits ---- */

/* Whether search i has the circuit of the one before it. */
static bool is_repeated(const pc_threshold_sweep *t, int i, int64_t n)
{
    return i > 0 && memcmp(t->searches[i].kept, t->searches[i - 1].kept,
                           (size_t)n * sizeof *t->searches[i].kept) == 0;
}

/* Each circuit once: kept (t->n, candidates->n) and metrics (t->n) are room. */
static pc_status measure_all(pc_threshold_sweep *t, bool *kept, pc_circuit_metric *metrics,
                             const pc_scale *scale, const pc_candidates *candidates,
                             pc_journal *journal)
{
    int n = 0;
    for (int i = 0; i < t->n; i++)
        if (!is_repeated(t, i, candidates->n))
            memcpy(kept + n++ * candidates->n, t->searches[i].kept,
                   (size_t)candidates->n * sizeof *kept);
    PC_TRY(pc_measure_circuits(metrics, scale, candidates, journal, kept, n));
    for (int i = t->n - 1; i >= 0; i--) {
        t->metrics[i] = metrics[n - 1];
        if (!is_repeated(t, i, candidates->n)) n--;
    }
    return PC_OK;
}

static int64_t count(const bool *kept, int64_t n)
{
    int64_t n_kept = 0;
    for (int64_t i = 0; i < n; i++)
        n_kept += kept[i];
    return n_kept;
}

/* NaN where it means nothing. */
static double faithfulness_of(const pc_threshold_sweep *t, int i, const pc_scale *scale)
{
    return pc_scale_check(scale) == PC_OK ? pc_scale_faithfulness(scale, t->metrics[i].mean) : NAN;
}

static void choose(pc_threshold_sweep *t, double wanted, const pc_scale *scale, int64_t n)
{
    int64_t fewest = INT64_MAX;
    double best = -INFINITY;
    t->chosen = 0;
    for (int i = 0; i < t->n; i++) {
        const double reached = faithfulness_of(t, i, scale);
        const int64_t n_kept = count(t->searches[i].kept, n);
        if (!(reached >= wanted) || n_kept > fewest) continue;
        if (n_kept == fewest && reached <= best) continue;
        fewest = n_kept;
        best = reached;
        t->chosen = i;
    }
}

pc_status pc_threshold_sweep_select(pc_threshold_sweep *t, double faithfulness,
                                    const pc_scale *scale, const pc_candidates *candidates,
                                    pc_journal *journal)
{
    bool *kept = pc_alloc((size_t)t->n, (size_t)candidates->n * sizeof *kept);
    pc_circuit_metric *metrics = pc_alloc((size_t)t->n, sizeof *metrics);
    pc_status status = kept && metrics ? PC_OK : PC_ERR_NOMEM;
    for (int i = 0; i < t->n && status == PC_OK; i++)
        status = pc_candidates_prune(t->searches[i].kept, candidates);
    if (status == PC_OK) status = measure_all(t, kept, metrics, scale, candidates, journal);
    if (status == PC_OK) choose(t, faithfulness, scale, candidates->n);
    free(metrics);
    free(kept);
    return status;
}

/* ---- the table ---- */

int64_t pc_threshold_sweep_evaluations(const pc_threshold_sweep *t, int i, int n_prompts)
{
    const pc_acdc_told *told = &t->searches[i].told;
    return (told->n_measured + told->n_in_vain) * n_prompts;
}

static pc_threshold_row row_of(const pc_threshold_sweep *t, int i, const pc_scale *scale,
                               const pc_candidates *candidates)
{
    return (pc_threshold_row){.threshold = t->searches[i].threshold,
                              .n_kept = count(t->searches[i].kept, candidates->n),
                              .metric = t->metrics[i].mean,
                              .stderr_ = t->metrics[i].standard_error,
                              .faithfulness = faithfulness_of(t, i, scale),
                              .n_evaluations =
                                  pc_threshold_sweep_evaluations(t, i, scale->n_prompts),
                              .is_chosen = i == t->chosen};
}

pc_status pc_threshold_sweep_build(pc_circuit *circuit, const pc_threshold_sweep *t,
                                   const pc_scale *scale, const pc_candidates *candidates)
{
    pc_threshold_row *rows = pc_alloc((size_t)t->n, sizeof *rows);
    if (!rows) return PC_ERR_NOMEM;
    for (int i = 0; i < t->n; i++)
        rows[i] = row_of(t, i, scale, candidates);
    const pc_status status =
        pc_circuit_set_thresholds(circuit, rows, (size_t)t->n, t->n_circuits * scale->n_prompts);
    free(rows);
    return status;
}
