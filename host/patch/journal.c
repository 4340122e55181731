/* Looking effects up before measuring them, keeping them after. */
#include "patch/journal.h"

#include "base/memory.h"
#include "patch/evaluator.h"

#include <stdlib.h>
#include <string.h>

/* A call's scratch: a stored value is [is_touched, effect of prompt 0, ...]. */
typedef struct scratch {
    pc_text *keys;                   /* (n) */
    double *value;                   /* (1 + n_prompts) */
    const pc_intervention **missing; /* (n) */
    int *missing_at;                 /* (n) index in the caller's list */
    double *measured;                /* (n, n_prompts) */
    bool *is_touched;                /* (n) */
    int n_missing;
} scratch;

static pc_status scratch_init(scratch *s, int n, int n_prompts)
{
    const size_t rows = (size_t)n, prompts = (size_t)n_prompts;
    *s = (scratch){0};
    s->keys = pc_alloc(rows, sizeof *s->keys);
    s->value = pc_alloc(prompts + 1, sizeof *s->value);
    s->missing = pc_alloc(rows, sizeof *s->missing);
    s->missing_at = pc_alloc(rows, sizeof *s->missing_at);
    s->measured = pc_alloc(rows * prompts, sizeof *s->measured);
    s->is_touched = pc_alloc(rows, sizeof *s->is_touched);
    const bool has_all =
        s->keys && s->value && s->missing && s->missing_at && s->measured && s->is_touched;
    return has_all ? PC_OK : PC_ERR_NOMEM;
}

static void scratch_free(scratch *s, int n)
{
    for (int i = 0; s->keys && i < n; i++)
        pc_text_free(&s->keys[i]);
    free(s->is_touched);
    free(s->measured);
    free(s->missing_at);
    free(s->missing);
    free(s->value);
    free(s->keys);
}

static pc_status look_up(double *effects, bool *is_touched, scratch *s, pc_journal *j,
                         const pc_intervention *const *interventions, int n)
{
    const size_t width = (size_t)j->n_prompts;
    for (int i = 0; i < n; i++) {
        bool is_found = false;
        if (j->store) {
            PC_TRY(pc_intervention_key(&s->keys[i], interventions[i], &j->model->components));
            if (j->suffix) pc_text_put(&s->keys[i], j->suffix);
            PC_TRY(pc_text_status(&s->keys[i]));
            PC_TRY(pc_store_get(s->value, &is_found, j->store, s->keys[i].data, width + 1));
        }
        if (is_found) {
            is_touched[i] = s->value[0] != 0;
            memcpy(effects + (size_t)i * width, s->value + 1, width * sizeof *effects);
        } else {
            s->missing_at[s->n_missing] = i;
            s->missing[s->n_missing++] = interventions[i];
        }
    }
    return PC_OK;
}

static pc_status keep(double *effects, bool *is_touched, scratch *s, pc_journal *j)
{
    const size_t width = (size_t)j->n_prompts;
    for (int m = 0; m < s->n_missing; m++) {
        const int i = s->missing_at[m];
        const double *measured = s->measured + (size_t)m * width;
        is_touched[i] = s->is_touched[m];
        memcpy(effects + (size_t)i * width, measured, width * sizeof *effects);
        if (!j->store) continue;
        s->value[0] = s->is_touched[m];
        memcpy(s->value + 1, measured, width * sizeof *measured);
        PC_TRY(pc_store_put(j->store, s->keys[i].data, s->value, width + 1));
    }
    return PC_OK;
}

static pc_status measure_missing(scratch *s, const pc_journal *j)
{
    if (!j->prompts)
        return pc_evaluator_measure(s->measured, s->is_touched, j->evaluator, s->missing,
                                    s->n_missing);
    return pc_evaluator_measure_on(s->measured, s->is_touched, j->evaluator, s->missing,
                                   s->n_missing, j->prompts, j->n_prompts);
}

pc_status pc_journal_measure(double *effects, bool *is_touched, int *n_found, pc_journal *j,
                             const pc_intervention *const *interventions, int n)
{
    scratch s;
    pc_status status = scratch_init(&s, n, j->n_prompts);
    if (status == PC_OK) status = look_up(effects, is_touched, &s, j, interventions, n);
    *n_found = n - s.n_missing;
    if (status == PC_OK && s.n_missing > 0) status = measure_missing(&s, j);
    if (status == PC_OK) status = keep(effects, is_touched, &s, j);
    scratch_free(&s, n);
    return status;
}
