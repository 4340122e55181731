/* Evaluating a found circuit on the search's own prompts and on others. */
#include "search/held_out.h"

#include "patch/evaluator.h"
#include "search/evidence.h"

#include <math.h>
#include <string.h>

pc_status pc_held_out_measure(pc_held_out *out, const bool *kept, const pc_scale *scale,
                              const pc_candidates *candidates, pc_journal *journal)
{
    *out = (pc_held_out){.split = pc_task_split(pc_evaluator_task(journal->evaluator)),
                         .scale = *scale,
                         .is_defined = pc_scale_check(scale) == PC_OK,
                         .low = NAN,
                         .high = NAN};
    PC_TRY(pc_measure_circuits(&out->metric, scale, candidates, journal, kept, 1));
    if (!out->is_defined) return PC_OK;
    out->faithfulness = pc_scale_faithfulness(scale, out->metric.mean);
    if (scale->n_prompts < 2) return PC_OK; /* one prompt says nothing about others */
    return pc_evidence_interval(&out->low, &out->high, kept, candidates, journal, scale->direction);
}

static pc_status check_split(const pc_task *task, const pc_find_options *o, int n)
{
    const char *split = pc_task_split(o->held_out[n]);
    bool is_taken = !*split || strcmp(split, pc_task_split(task)) == 0;
    for (int i = 0; i < n; i++)
        is_taken = is_taken || strcmp(split, pc_task_split(o->held_out[i])) == 0;
    if (!is_taken) return PC_OK;
    return pc_fail(PC_ERR_INPUT,
                   "a held-out task is of split \"%.40s\", expected one that no other task has",
                   split);
}

pc_status pc_held_out_check(const pc_model *model, const pc_task *task, const pc_find_options *o)
{
    if (o->n_held_out > PC_MOST_HELD_OUT)
        return pc_fail(PC_ERR_INPUT, "%d held-out tasks, expected at most %d", o->n_held_out,
                       PC_MOST_HELD_OUT);
    for (int i = 0; i < o->n_held_out; i++) {
        PC_TRY(check_split(task, o, i));
        PC_TRY(pc_evaluator_check(model, o->held_out[i], &o->evaluation));
    }
    return PC_OK;
}
