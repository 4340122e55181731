/* Inside the evaluator: what search and the journal need beyond the public calls. */
#ifndef PC_PATCH_EVALUATOR_H
#define PC_PATCH_EVALUATOR_H

#include "patch/intervention.h"

/* Whether a saving is made under the options' `without`. */
static inline bool pc_saves(unsigned without, pc_saving saving)
{
    return !(without >> saving & 1u);
}

/* The metric per prompt of the run that interventions start from: clean, or corrupted when
 * denoising. */
const double *pc_evaluator_base(const pc_evaluator *evaluator);

/* 1 where a metric is to be minimised, -1 where it is to be maximised; as its sense has it. */
double pc_metric_sign_of_worse(const pc_evaluator_options *options);
/* What the metric and its effects are multiplied by, by reduction and sense. */
double pc_metric_factor(const pc_evaluator_options *options, const pc_model *model);

/* The checks of pc_evaluator_open that need no run of the model. */
pc_status pc_evaluator_check(const pc_model *model, const pc_task *task,
                             const pc_evaluator_options *options);

/* PC_ERR_INPUT with both numbers where the options' bound is less than what is needed at least. */
pc_status pc_memory_allows(const pc_evaluator_options *options, int64_t needed);

/* pc_evaluator_open with somebody who may stop this and every later measurement: these then return
 * PC_ERR_INTERRUPTED. keep_going NULL: whom the options name. */
pc_status pc_evaluator_open_watched(pc_evaluator **out, const pc_model *model, const pc_task *task,
                                    const pc_evaluator_options *options,
                                    pc_keep_going_fn keep_going, void *payload);

/* As pc_evaluator_measure(), on n_prompts chosen prompts alone, in ascending order: effects
 * (n, n_prompts). */
pc_status pc_evaluator_measure_on(double *effects, bool *is_touched, pc_evaluator *evaluator,
                                  const pc_intervention *const *interventions, int n,
                                  const int *prompts, int n_prompts);

/* pc_evaluator_open() for the first n_prompts of the task. */
pc_status pc_evaluator_open_first(pc_evaluator **out, const pc_model *model, const pc_task *task,
                                  const pc_evaluator_options *options, int n_prompts);
/* The seconds that preparing its prompts again takes; 0 for the twin, which prepares as it goes. */
pc_status pc_evaluator_time_preparing(double *seconds, pc_evaluator *evaluator);
const pc_task *pc_evaluator_task(const pc_evaluator *evaluator);

/* How many effects, intervention by prompt, the delta engine has left to the twin because float32
 * had lost them (delta_run.h). */
int64_t pc_evaluator_n_again(const pc_evaluator *evaluator);

/* Whether every prompt stays prepared from one measurement to the next; if not, each measurement
 * begins with preparing them again and should be of many interventions. */
bool pc_evaluator_keeps_prompts(const pc_evaluator *evaluator);

/* Bytes of the delta engine's rooms and kept prompts at the moment; 0 for the twin. */
int64_t pc_evaluator_held(const pc_evaluator *evaluator);

/* Floating-point operations of the delta engine's products so far; 0 for the twin. */
double pc_evaluator_flop(const pc_evaluator *evaluator);

const pc_evaluator_options *pc_evaluator_settings(const pc_evaluator *evaluator);

#endif
