/* Faithfulness: the metric of circuits between "everything cut" and the full model. */
#include "search/faithfulness.h"

#include "base/memory.h"
#include "patch/evaluator.h"
#include "search/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* With everything resampled the model is the other run, bit for bit: an identity that every search
 * checks (DESIGN.md, section 12). From effects to metrics: the other run's own. */
static pc_status take_other_run(double *effects, const double *base, const double *other, int n)
{
    for (int i = 0; i < n; i++) {
        if (effects[i] != other[i] - base[i])
            return pc_fail(PC_ERR_INTERNAL,
                           "prompt %d: everything cut has effect %.17g, the other run %.17g", i,
                           effects[i], other[i] - base[i]);
        effects[i] = other[i];
    }
    return PC_OK;
}

static pc_status measure_one(double *metrics, const pc_candidates *candidates, pc_journal *journal,
                             pc_intervention *everything)
{
    const pc_intervention *list[1] = {everything};
    const pc_evaluator_options *o = pc_evaluator_settings(journal->evaluator);
    const double *base = pc_evaluator_base(journal->evaluator);
    const double *other = o->direction == PC_DIRECTION_NOISE
                              ? pc_evaluator_corrupted(journal->evaluator)
                              : pc_evaluator_clean(journal->evaluator);
    bool is_touched;
    int n_found;
    PC_TRY(pc_journal_measure(metrics, &is_touched, &n_found, journal, list, 1));
    if (o->source == PC_SOURCE_RESAMPLE && candidates->level != PC_LEVEL_NEURON)
        return take_other_run(metrics, base, other, journal->n_prompts);
    for (int i = 0; i < journal->n_prompts; i++)
        metrics[i] += base[i];
    return PC_OK;
}

/* The metric per prompt with every candidate cut. */
static pc_status measure_all_cut(double *metrics, const pc_candidates *candidates,
                                 pc_journal *journal)
{
    bool *none = pc_alloc((size_t)candidates->n, sizeof *none);
    pc_intervention *everything = NULL;
    pc_status status = none ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK)
        status = pc_candidates_circuit(&everything, candidates, none, PC_DIRECTION_NOISE);
    if (status == PC_OK) status = measure_one(metrics, candidates, journal, everything);
    pc_intervention_free(everything);
    free(none);
    return status;
}

pc_status pc_scale_measure(pc_scale *out, const pc_candidates *candidates, pc_journal *journal,
                           pc_direction direction)
{
    const int n = journal->n_prompts;
    const double *clean = pc_evaluator_clean(journal->evaluator);
    const double *corrupted = pc_evaluator_corrupted(journal->evaluator);
    *out = (pc_scale){.clean = pc_mean(clean, n),
                      .corrupted = pc_mean(corrupted, n),
                      .base = pc_evaluator_base(journal->evaluator),
                      .n_prompts = n,
                      .direction = direction};
    double *ablated = pc_alloc((size_t)n, sizeof *ablated);
    if (!ablated) return PC_ERR_NOMEM;
    pc_status status = measure_all_cut(ablated, candidates, journal);
    /* denoising starts from the corrupted run (0) and all cut is its other end (1) */
    const bool is_noise = direction == PC_DIRECTION_NOISE;
    if (status != PC_OK) {
        free(ablated);
        return status;
    }
    out->zero = is_noise ? pc_mean(ablated, n) : out->corrupted;
    out->one = is_noise ? out->clean : pc_mean(ablated, n);
    for (int i = 0; i < n; i++)
        ablated[i] = is_noise ? clean[i] - ablated[i] : ablated[i] - corrupted[i];
    out->gap_error = pc_standard_error(ablated, n);
    free(ablated);
    return status;
}

pc_status pc_scale_check(const pc_scale *scale)
{
    const double gap = fabs(scale->one - scale->zero);
    if (gap > 0 && gap >= 2 * scale->gap_error) return PC_OK;
    return pc_fail(PC_ERR_INPUT,
                   "faithfulness means nothing here: the full model (%.4g) and the model with "
                   "everything cut (%.4g) differ by less than two standard errors (2 x %.3g)",
                   scale->one, scale->zero, scale->gap_error);
}

double pc_scale_faithfulness(const pc_scale *scale, double metric)
{
    return (metric - scale->zero) / (scale->one - scale->zero);
}

/* From effects to metrics. */
static void add_base(double *effects, const pc_journal *journal, int n)
{
    const double *base = pc_evaluator_base(journal->evaluator);
    for (int i = 0; i < n; i++)
        for (int p = 0; p < journal->n_prompts; p++)
            effects[(int64_t)i * journal->n_prompts + p] += base[p];
}

pc_status pc_measure_each_prompt(double *metrics, const pc_candidates *candidates,
                                 pc_journal *journal, const bool *kept, int n,
                                 pc_direction direction)
{
    pc_intervention **circuits = pc_alloc((size_t)n, sizeof(pc_intervention *));
    bool *is_touched = pc_alloc((size_t)n, sizeof *is_touched);
    pc_status status = circuits && is_touched ? PC_OK : PC_ERR_NOMEM;
    for (int i = 0; i < n && status == PC_OK; i++)
        status =
            pc_candidates_circuit(&circuits[i], candidates, kept + i * candidates->n, direction);
    int n_found;
    if (status == PC_OK)
        status = pc_journal_measure(metrics, is_touched, &n_found, journal,
                                    (const pc_intervention *const *)circuits, n);
    if (status == PC_OK) add_base(metrics, journal, n);
    for (int i = 0; circuits && i < n; i++)
        pc_intervention_free(circuits[i]);
    free(is_touched);
    free(circuits);
    return status;
}

pc_status pc_measure_circuits(pc_circuit_metric *out, const pc_scale *scale,
                              const pc_candidates *candidates, pc_journal *journal,
                              const bool *kept, int n)
{
    const int n_prompts = scale->n_prompts;
    double *metrics = pc_alloc((size_t)n * (size_t)n_prompts, sizeof *metrics);
    if (!metrics) return PC_ERR_NOMEM;
    const pc_status status =
        pc_measure_each_prompt(metrics, candidates, journal, kept, n, scale->direction);
    for (int i = 0; i < n && status == PC_OK; i++) {
        const double *own = metrics + (int64_t)i * n_prompts;
        out[i] = (pc_circuit_metric){pc_mean(own, n_prompts), pc_standard_error(own, n_prompts)};
    }
    free(metrics);
    return status;
}
