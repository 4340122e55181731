/* One prompt as the engine keeps it: its base run, its source's changes, its targets. */
#ifndef PC_PATCH_ENGINE_PROMPT_H
#define PC_PATCH_ENGINE_PROMPT_H

#include "patch/delta_run.h"
#include "patch/engine_means.h"
#include "patch/metric_delta.h"

/* Room for the logits of some rows; `rows` and `logits` only where the metric looks at all of them.
 */
typedef struct pc_logit_room {
    float *rows, *logits; /* (PC_LOGIT_ROWS, d_model), (PC_LOGIT_ROWS, vocab_out) */
    double *d, *y;        /* (vocab_out), (d_model) */
    double flop;          /* of the logits' products so far */
} pc_logit_room;
enum { PC_LOGIT_ROWS = 16 };

typedef struct pc_engine_prompt {
    const pc_prompt *pair;
    pc_base_run base;
    pc_change change;
    pc_delta_prompt view;
    pc_target_base *targets; /* (pair->n_targets) */
    double base_metric, other_metric;
    const int32_t *base_tokens, *other_tokens;
    int first_difference; /* between them; seq if there is none */
    bool is_ready;
} pc_engine_prompt;

/* The bytes that a prompt takes once it is ready. */
int64_t pc_engine_prompt_bytes(const pc_prompt *pair, const pc_model *model, pc_metric metric);

/* Runs both prompts in double and finds source and metrics. `run` has room for the prompt;
 * `means` is looked at by the mean sources alone. PC_ERR_INPUT: a metric that is not finite. */
pc_status pc_engine_prompt_prepare(pc_engine_prompt *prompt, const pc_engine_weights *weights,
                                   const pc_evaluator_options *options,
                                   const pc_engine_means *means, pc_delta_run *run,
                                   pc_logit_room *room, int index);
void pc_engine_prompt_free(pc_engine_prompt *prompt);

/* The effects (n) of the n variants of the run's last batch. */
void pc_engine_prompt_effects(double *effects, const pc_engine_prompt *prompt,
                              const pc_delta_run *run, const pc_variant *variants, int n,
                              const pc_engine_weights *weights, const pc_evaluator_options *options,
                              pc_logit_room *room);

#endif
