/* The fast engine behind the evaluator: base runs in float32, interventions as changes
 * (delta_run.h), on all threads. */
#ifndef PC_PATCH_DELTA_ENGINE_H
#define PC_PATCH_DELTA_ENGINE_H

#include "patch/evaluator.h"

typedef struct pc_engine pc_engine;

/* For the first n_prompts of the task. Borrows model and task; options have been checked. Fills
 * clean and corrupted (n_prompts), the plain model's metric. */
pc_status pc_engine_new(pc_engine **out, double *clean, double *corrupted, const pc_model *model,
                        const pc_task *task, int n_prompts, const pc_evaluator_options *options,
                        pc_keep_going_fn keep_going, void *payload);
void pc_engine_free(pc_engine *engine);

/* As pc_evaluator_measure_on(). PC_ERR_UNSUPPORTED: an attention pattern is cut, a path has stops.
 */
pc_status pc_engine_measure(double *effects, bool *is_touched, pc_engine *engine,
                            const pc_intervention *const *interventions, int n, const int *prompts,
                            int n_prompts);

/* The seconds that preparing all its prompts again takes. */
pc_status pc_engine_time_preparing(double *seconds, pc_engine *engine);

/* How many effects, intervention by prompt, were measured in double because float32 had lost them.
 */
int64_t pc_engine_n_again(const pc_engine *engine);

/* Whether all prompts stay prepared. */
bool pc_engine_keeps_prompts(const pc_engine *engine);

/* As pc_evaluator_bytes(), which says of both engines. */
double pc_engine_bytes(const pc_model *model, const pc_evaluator_options *options, int n_prompts,
                       int n_tokens);

/* The bytes of its threads' rooms and of the prompts that it keeps at the moment. */
int64_t pc_engine_held(const pc_engine *engine);

/* Floating-point operations of all products so far. */
double pc_engine_flop(const pc_engine *engine);

#endif
